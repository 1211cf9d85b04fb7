// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "exact.h"
#include "unit.h"
#include "users/ranged.h"

static const char *name_of(enum ranged ranged)
{
    static const char *const names[] = {
            [RANGED_ANOTHER] = "another",
            [RANGED_ALL] = "all",
            [RANGED_PART] = "part",
            [RANGED_LAST] = "last",
            [RANGED_WRONG] = "wrong",
    };

    return names[ranged];
}

TEST(descriptions_are_understood)
{
    static const struct {
        const char *description;
        enum ranged want;
        uint64_t first;
        uint64_t next;
    } rows[] = {
            {"proxyAddresses", RANGED_ALL, 0, 0},
            {"PROXYADDRESSES", RANGED_ALL, 0, 0},
            {"proxyAddresses;binary", RANGED_ALL, 0, 0},
            {"proxyAddresses;range=0-1499", RANGED_PART, 0, 1500},
            {"proxyaddresses;Range=1500-2999", RANGED_PART, 1500, 3000},
            {"proxyAddresses;range=3000-*", RANGED_LAST, 3000, 0},
            {"proxyAddresses;lang-de;range=0-0", RANGED_PART, 0, 1},
            {"proxyAddresses;range=0-1;lang-de", RANGED_PART, 0, 2},
            {"proxyAddresses;range=1000000000-1000000000", RANGED_PART, 1000000000, 1000000001},
            {"proxyAddresses;range=", RANGED_WRONG, 0, 0},
            {"proxyAddresses;range=0", RANGED_WRONG, 0, 0},
            {"proxyAddresses;range=-", RANGED_WRONG, 0, 0},
            {"proxyAddresses;range=0-", RANGED_WRONG, 0, 0},
            {"proxyAddresses;range=-1", RANGED_WRONG, 0, 0},
            {"proxyAddresses;range=*-*", RANGED_WRONG, 0, 0},
            {"proxyAddresses;range=0-**", RANGED_WRONG, 0, 0},
            {"proxyAddresses;range=2-1", RANGED_WRONG, 0, 0},
            {"proxyAddresses;range=00-1", RANGED_WRONG, 0, 0},
            {"proxyAddresses;range=0-1000000001", RANGED_WRONG, 0, 0},
            {"proxyAddresses;range=0-18446744073709551616", RANGED_WRONG, 0, 0},
            {"proxyAddresses;range=0- 1", RANGED_WRONG, 0, 0},
            {"proxyAddress", RANGED_ANOTHER, 0, 0},
            {"proxyAddressesOld", RANGED_ANOTHER, 0, 0},
            {"proxyAddressesOld;range=0-1", RANGED_ANOTHER, 0, 0},
            {"mail;range=0-1", RANGED_ANOTHER, 0, 0},
            {"", RANGED_ANOTHER, 0, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct text description = exact_copy(text_of(rows[i].description));
        uint64_t first = 0;
        uint64_t next = 0;
        const enum ranged got = ranged_read(description, text_of("proxyAddresses"), &first, &next);
        exact_free(description);
        if (got != rows[i].want)
            fail_msg("\"%s\": got %s, want %s", rows[i].description, name_of(got),
                    name_of(rows[i].want));
        if (got == RANGED_PART || got == RANGED_LAST)
            assert_int_equal(first, rows[i].first);
        if (got == RANGED_PART)
            assert_int_equal(next, rows[i].next);
    }
}
