// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/sentence.h"

static void what_is_said_is_one_line(void **state)
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

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char *at = malloc(table[i].size);
        assert_non_null(at);
        sentence_put(table[i].said, at, table[i].size);
        if (strcmp(at, table[i].want) != 0)
            fail_msg("`%s` in %zu: got `%s`, want `%s`", table[i].said, table[i].size, at,
                    table[i].want);
        free(at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_is_said_is_one_line),
    };

    return cmocka_run_group_tests_name("sentence", tests, NULL, NULL);
}
