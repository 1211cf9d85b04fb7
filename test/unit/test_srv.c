// SPDX-License-Identifier: ISC
#include <string.h>

#include "client/srv.h"
#include "exact.h"
#include "unit.h"

#define HEAD "\0\1\0\2\x11\x5c" /* priority 1, weight 2, port 4444 */

TEST(parsing)
{
    static const struct {
        const char *rdata;
        size_t len;
        const char *target; /* NULL: refused */
    } table[] = {
            {HEAD "\2mx\4Test\0", 15, "mx.test"},
            {HEAD "\1a\0", 9, "a"},
            {HEAD "\0", 7, ""},
            {"\0\0\0\0\0\0\0", 7, ""},
            {"\0\0\0\0\0\0\1a\0", 9, NULL}, /* port 0 */
            {"", 0, NULL},
            {HEAD, 6, NULL},
            {HEAD "\2mx", 9, NULL},
            {HEAD "\2mx\0x", 11, NULL},
            {HEAD "\3mx\0", 10, NULL},
            {HEAD "\x40"
                  "0123456789012345678901234567890123456789012345678901234567890123\0",
                    72, NULL},
            {HEAD "\xc0\x0c", 8, NULL},
            {HEAD "\3a.b\0", 11, NULL},
            {HEAD "\3a b\0", 11, NULL},
            {HEAD "\2-a\0", 10, NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text rdata = exact_copy((struct text){table[i].rdata, table[i].len});
        struct srv srv = {.target = "?"};
        const bool ok = srv_parse((const unsigned char *)rdata.at, rdata.len, &srv);
        exact_free(rdata);
        if (ok != (table[i].target != NULL) || (ok && strcmp(srv.target, table[i].target) != 0)) {
            print_error("row %zu: got %d %s\n", i, ok, srv.target);
            fail();
        }
        if (ok && srv.port != 0)
            assert_true(srv.priority == 1 && srv.weight == 2 && srv.port == 4444);
    }
}

static uint32_t fixed; /* what chance says, at most what is possible */

static uint32_t chance(uint32_t most)
{
    return fixed < most ? fixed : most;
}

/* Targets are letters; the order that comes of it. */
TEST(order)
{
    static const struct {
        struct srv records[4];
        size_t count;
        uint32_t chance;
        const char *want;
    } table[] = {
            {{{2, 0, 1, "a"}, {1, 0, 1, "b"}}, 2, 0, "ba"},
            {{{1, 1, 1, "a"}, {1, 0, 1, "b"}}, 2, 0, "ba"},
            {{{1, 1, 1, "a"}, {1, 0, 1, "b"}}, 2, 1, "ab"},
            {{{1, 10, 1, "a"}, {1, 20, 1, "b"}, {1, 30, 1, "c"}}, 3, 0, "abc"},
            {{{1, 10, 1, "a"}, {1, 20, 1, "b"}, {1, 30, 1, "c"}}, 3, 10, "abc"},
            {{{1, 10, 1, "a"}, {1, 20, 1, "b"}, {1, 30, 1, "c"}}, 3, 11, "bca"},
            {{{1, 10, 1, "a"}, {1, 20, 1, "b"}, {1, 30, 1, "c"}}, 3, 31, "cba"},
            {{{1, 10, 1, "a"}, {1, 20, 1, "b"}, {1, 30, 1, "c"}}, 3, 1000, "cba"},
            {{{3, 0, 1, "a"}, {1, 5, 1, "b"}, {2, 0, 1, "c"}, {1, 5, 1, "d"}}, 4, 6, "dbca"},
            {{{1, 0, 1, "a"}}, 1, 0, "a"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct srv records[4];
        char got[5] = "";
        memcpy(records, table[i].records, sizeof records);
        fixed = table[i].chance;
        srv_order(records, table[i].count, chance);
        for (size_t k = 0; k < table[i].count; k++)
            got[k] = records[k].target[0];
        assert_string_equal(got, table[i].want);
    }
    srv_order(NULL, 0, chance);
}
