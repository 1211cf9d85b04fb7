// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "discovery/organization.h"
#include "exact.h"
#include <cmocka.h>

static void domains(void **state)
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

    (void)state;
    organization_load();
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

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(domains),
    };

    return cmocka_run_group_tests_name("organization", tests, NULL, NULL);
}
