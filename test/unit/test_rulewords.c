// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "directory/rulewords.h"
#include "exact.h"

static void hosts_become_one_word(void **state)
{
    static const struct {
        const char *value;
        const char *want; /* NULL: refused */
    } rows[] = {
            {"", ""},
            {" ", ""},
            {"a.example.org", "a.example.org"},
            {" a , b\tc\r\n", "a,b,c"},
            {"a,,b", "a,b"},
            {"a b", "a,b"},
            {"{}", ""},
            {"{a}", "a"},
            {"{a,b,\"c\"}", "a,b,c"},
            {"{\"a,b\"}", "\"a,b\""}, /* no name: row_parse() will say so */
            {"{\"\"}", ""},
            {"{NULL}", NULL},
            {"{a,null,b}", NULL},
            {"{\"NULL\"}", "NULL"},
            {"NULL", "NULL"},
            {"{a", "{a"},
            {"{", "{"},
            {"}", "}"},
            {"{\"}", "\""},
            {"a pinned=yes", "a,pinned=yes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct text value = exact_copy(text_of(rows[i].value));
        char room[64];
        char why[ROW_WHY_MAX] = "";
        struct writer hosts = writer_of(room, sizeof room);
        const bool good = rulewords_add_hosts(value, &hosts, why);
        exact_free(value);
        if (good != (rows[i].want != NULL) ||
                (good && !text_equal(writer_text(&hosts), text_of(rows[i].want)))) {
            print_error("\"%s\": got \"%.*s\" (%s), want \"%s\"\n", rows[i].value,
                    (int)writer_text(&hosts).len, room, why,
                    rows[i].want != NULL ? rows[i].want : "(refused)");
            fail();
        }
        assert_true(good == (why[0] == '\0'));
    }
}

static void values_are_added_to_those_before(void **state)
{
    char room[8];
    char why[ROW_WHY_MAX];
    struct writer hosts = writer_of(room, sizeof room);

    (void)state;
    assert_true(rulewords_add_hosts(text_of("a b"), &hosts, why));
    assert_true(rulewords_add_hosts(text_of(""), &hosts, why));
    assert_true(rulewords_add_hosts(text_of("{c}"), &hosts, why));
    assert_true(text_equal(writer_text(&hosts), text_of("a,b,c")));
    assert_false(rulewords_add_hosts(text_of("too,long"), &hosts, why));
    assert_string_equal(why, "too many hosts: expected at most 2048 octets");
}

static void flags_are_understood(void **state)
{
    static const struct {
        const char *value;
        int want; /* -1: refused */
    } rows[] = {
            {"t", 1},
            {"TRUE", 1},
            {"yes", 1},
            {"On", 1},
            {"y", 1},
            {"1", 1},
            {"f", 0},
            {"FALSE", 0},
            {"no", 0},
            {"off", 0},
            {"n", 0},
            {"0", 0},
            {"", -1},
            {"2", -1},
            {"tr", -1},
            {"true ", -1},
            {"NULL", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct text value = exact_copy(text_of(rows[i].value));
        char why[ROW_WHY_MAX] = "";
        bool flag = false;
        const bool good = rulewords_flag(value, &flag, why);
        exact_free(value);
        if ((good ? (int)flag : -1) != rows[i].want)
            fail_msg("\"%s\": got %d %d, want %d", rows[i].value, good, flag, rows[i].want);
    }
}

static void a_bad_flag_is_named(void **state)
{
    char why[ROW_WHY_MAX];
    bool flag;

    (void)state;
    assert_false(rulewords_flag(text_of("perhaps"), &flag, why));
    assert_string_equal(why, "bad allow_unauthorized: perhaps: expected true or false");
    assert_false(rulewords_flag((struct text){NULL, 0}, &flag, why));
    assert_string_equal(why, "bad allow_unauthorized: : expected true or false");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(hosts_become_one_word),
            cmocka_unit_test(values_are_added_to_those_before),
            cmocka_unit_test(flags_are_understood),
            cmocka_unit_test(a_bad_flag_is_named),
    };

    return cmocka_run_group_tests_name("rulewords", tests, NULL, NULL);
}
