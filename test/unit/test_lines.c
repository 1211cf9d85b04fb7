// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "report/lines.h"
#include "unit.h"

static void expect(const struct lines *look, const char *first, const char *text, const char *want)
{
    struct lines lines = *look;
    char *got = NULL;
    size_t len = 0;

    lines.out = open_memstream(&got, &len);
    assert_non_null(lines.out);
    lines_put(&lines, first);
    lines_pad(&lines, 6);
    lines_put(&lines, text);
    lines_put_whole(&lines, "a b");
    lines_end(&lines);
    assert_int_equal(fclose(lines.out), 0);
    if (strcmp(got, want) != 0)
        fail_msg("got `%s`, want `%s`", got, want);
    free(got);
}

TEST(lines_are_filled)
{
    static const struct {
        struct lines look;
        const char *first;
        const char *text;
        const char *want;
    } table[] = {
            {{.width = 20}, "ab", "cd ef", "ab    cd ef a b\n"},
            {{.width = 14}, "ab", "cd ef", "ab    cd ef\na b\n"},
            {{.width = 10, .indent = 2}, "ab", "cd ef", "ab    cd\n  ef a b\n"},
            {{.width = 10, .indent = 2}, "ab", "", "ab    a b\n"},
            {{.width = 10, .indent = 2}, "abcdefgh", "x", "abcdefgh x\n  a b\n"},
            {{.width = 10, .indent = 2}, "ab", "0123456789abcdefgh",
                    "ab\n  01234567\n  89abcdef\n  gh a b\n"},
            {{.width = 10, .indent = 2}, "", " x  y ", "      x y\n  a b\n"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        expect(&table[i].look, table[i].first, table[i].text, table[i].want);
}
