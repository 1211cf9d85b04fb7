// SPDX-License-Identifier: ISC
#include "client/organization.h"
#include "exact.h"
#include "unit.h"

TEST(domains)
{
    static const struct {
        const char *domain;
        const char *want;
    } table[] = {
            {"example.org", "example.org"},
            {"a.b.example.org", "example.org"},
            {"a.example.co.uk", "example.co.uk"},
            {"co.uk", ""},
            {"org", ""},
            {"host.unlisted", "host.unlisted"},
            {"a.host.unlisted", "host.unlisted"},
            {"unlisted", ""},
            {"", ""},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text domain = exact_copy(text_of(table[i].domain));
        const struct text got = organization_of(domain);
        if (!text_equal(got, text_of(table[i].want))) {
            print_error("%s: got %.*s, want %s\n", table[i].domain, (int)got.len, got.at,
                    table[i].want);
            fail();
        }
        exact_free(domain);
    }
}
