// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "base/one_line.h"
#include "unit.h"

TEST(what_is_said_is_one_line)
{
    static const struct {
        const char *said;
        size_t size;
        const char *want;
    } table[] = {
            {"", 1, ""},
            {"", 8, ""},
            {"gone", 5, "gone"},
            {"gone", 4, "gon"},
            {"gone", 1, ""},
            {"it is\n\tgone\n", 16, "it is  gone"},
            {"gone  \n\t\n", 32, "gone"},
            {"\n\n", 8, ""},
            {"a b c", 3, "a"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *at = malloc(table[i].size);
        assert_non_null(at);
        one_line_put(table[i].said, at, table[i].size);
        if (strcmp(at, table[i].want) != 0)
            fail_msg("`%s` in %zu: got `%s`, want `%s`", table[i].said, table[i].size, at,
                    table[i].want);
        free(at);
    }
}
