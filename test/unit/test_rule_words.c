// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "exact.h"
#include "unit.h"
#include "users/rule_words.h"

TEST(hosts_become_one_word)
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

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct text value = exact_copy(text_of(rows[i].value));
        char buffer[64];
        char error[ROW_ERROR_MAX] = "";
        struct writer hosts = writer_of(buffer, sizeof buffer);
        const bool good = rule_words_add_hosts(value, &hosts, error);
        exact_free(value);
        if (good != (rows[i].want != NULL) ||
                (good && !text_equal(writer_text(&hosts), text_of(rows[i].want)))) {
            print_error("\"%s\": got \"%.*s\" (%s), want \"%s\"\n", rows[i].value,
                    (int)writer_text(&hosts).len, buffer, error,
                    rows[i].want != NULL ? rows[i].want : "(refused)");
            fail();
        }
        assert_true(good == (error[0] == '\0'));
    }
}

TEST(values_are_added_to_those_before)
{
    char buffer[8];
    char error[ROW_ERROR_MAX];
    struct writer hosts = writer_of(buffer, sizeof buffer);

    assert_true(rule_words_add_hosts(text_of("a b"), &hosts, error));
    assert_true(rule_words_add_hosts(text_of(""), &hosts, error));
    assert_true(rule_words_add_hosts(text_of("{c}"), &hosts, error));
    assert_true(text_equal(writer_text(&hosts), text_of("a,b,c")));
    assert_false(rule_words_add_hosts(text_of("too,long"), &hosts, error));
    assert_string_equal(error, "too many hosts: expected at most 2048 octets");
}

/* As PostgreSQL and directories write dates. */
TEST(dates_are_understood)
{
    static const struct {
        const char *value;
        const char *want; /* NULL: refused */
    } rows[] = {
            {"2026-11-30 12:00:00", "2026-11-30T12:00:00Z"},
            {"2026-11-30 12:00:00.000001+01", "2026-11-30T11:00:01Z"},
            {"2026-11-30 12:00:00-05:30", "2026-11-30T17:30:00Z"},
            {"20261130120000.0Z", "2026-11-30T12:00:00Z"},
            {"20261130120000+0100", "2026-11-30T11:00:00Z"},
            {" 2026-11-30T12:00Z\n", "2026-11-30T12:00:00Z"},
            {"2026-11-30", NULL},
            {"30.11.2026 12:00", NULL},
            {"infinity", NULL},
            {"", NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct text value = exact_copy(text_of(rows[i].value));
        char date[DATE_TEXT_MAX] = "";
        char error[ROW_ERROR_MAX] = "";
        const bool good = rule_words_date(value, date, error);
        exact_free(value);
        assert_int_equal(good, rows[i].want != NULL);
        assert_string_equal(date, good ? rows[i].want : "");
        assert_true(good == (error[0] == '\0'));
    }
}

TEST(flags_are_understood)
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

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct text value = exact_copy(text_of(rows[i].value));
        char error[ROW_ERROR_MAX] = "";
        bool flag = false;
        const bool good = rule_words_flag(value, &flag, error);
        exact_free(value);
        if ((good ? (int)flag : -1) != rows[i].want)
            fail_msg("\"%s\": got %d %d, want %d", rows[i].value, good, flag, rows[i].want);
    }
}

TEST(a_bad_flag_is_named)
{
    char error[ROW_ERROR_MAX];
    bool flag;

    assert_false(rule_words_flag(text_of("perhaps"), &flag, error));
    assert_string_equal(error, "bad allow_unauthorized: perhaps: expected true or false");
    assert_false(rule_words_flag((struct text){NULL, 0}, &flag, error));
    assert_string_equal(error, "bad allow_unauthorized: : expected true or false");
}

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
