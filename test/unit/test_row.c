// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "exact.h"
#include "unit.h"
#include "users/row.h"

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"
#define LONG_DOMAIN L63 "." L63 "." L63 "." L63 /* 255 octets: two too many */

static bool parse(struct text values, struct row *row_r, char error_r[ROW_ERROR_MAX])
{
    const struct text exact = exact_copy(values);

    error_r[0] = '\0';
    const bool good = row_parse(exact, row_r, error_r);
    exact_free(exact);
    return good;
}

static struct text format(const struct row *row, char buffer[ROW_TEXT_MAX])
{
    struct writer w = writer_of(buffer, ROW_TEXT_MAX);

    assert_true(row_format(row, &w));
    return writer_text(&w);
}

TEST(a_user_has_one_key)
{
    static const struct {
        const char *user;
        const char *want; /* NULL: it is none */
    } rows[] = {
            {"alice@example.org", "alice@example.org"},
            {"Alice@EXAMPLE.org", "alice@example.org"},
            {"*@example.org", "*@example.org"},
            {"alice+News@example.org", "alice+news@example.org"},
            {"alice@b\xc3\xbc"
             "cher.example",
                    "alice@xn--bcher-kva.example"},
            {"a%2Fb@example.org", NULL}, /* it need not be encoded */
            {"A%20B@example.org", "a%20b@example.org"},
            {"a%C3%BCz@example.org", "a%C3%BCz@example.org"},
            {"a%c3%bcz@example.org", NULL},
            {"a%40b@example.org", "a%40b@example.org"},
            {"*x@example.org", "*x@example.org"},
            {"alice@localhost", "alice@localhost"},
            {"", NULL},
            {"@", NULL},
            {"alice", NULL},
            {"alice@", NULL},
            {"@example.org", NULL},
            {"+news@example.org", NULL},
            {"a@b@example.org", NULL},
            {"**@", NULL},
            {"a b@example.org", NULL},
            {"\"a b\"@example.org", NULL},
            {"alice@example_org", NULL},
            {"alice@example..org", NULL},
            {"alice@example.org.", NULL},
            {"alice@[192.0.2.1]", NULL},
            {"\xc3\xbc@example.org", NULL},
            {"alice%@example.org", NULL},
            {"alice%2@example.org", NULL},
            {"alice@" LONG_DOMAIN, NULL},
            {L63 "x@example.org", L63 "x@example.org"},
            {L63 "xy@example.org", NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct text user = exact_copy(text_of(rows[i].user));
        char buffer[ADDRESS_MAX + 1];
        char again_room[ADDRESS_MAX + 1];
        struct text key = {"(none)", 6};
        struct text again;
        const bool good = row_parse_user(user, buffer, &key);
        exact_free(user);
        if (good != (rows[i].want != NULL) || (good && !text_equal(key, text_of(rows[i].want)))) {
            print_error("\"%s\": got %.*s, want %s\n", rows[i].user, (int)key.len, key.at,
                    rows[i].want != NULL ? rows[i].want : "(none)");
            fail();
        }
        if (good) /* a key is a user whose key it is: what is dumped can be built */
            assert_true(row_parse_user(key, again_room, &again) && text_equal(key, again));
    }
}

TEST(rows_are_read_and_written_in_one_form)
{
    static const struct {
        const char *values;
        const char *want;
    } rows[] = {
            {"", ""},
            {" \t ", ""},
            {"hosts=", "hosts="},
            {"hosts=a.example.org", "hosts=a.example.org"},
            {"hosts=A.Example.ORG,b", "hosts=a.example.org,b"},
            {"hosts=b\xc3\xbc"
             "cher.example",
                    "hosts=xn--bcher-kva.example"},
            {"  more_hosts=a,b\tpinned=no ", "more_hosts=a,b"},
            {"allow_unauthorized=yes", "allow_unauthorized=yes"},
            {"allow_unauthorized=no", ""},
            {"pinned=yes allow_unauthorized=yes hosts=a",
                    "hosts=a allow_unauthorized=yes pinned=yes"},
            {"not_before=2026-11-30T12:00", "not_before=2026-11-30T12:00:00Z"},
            {"pinned=yes not_before=2026-11-30T12:00+01:00 hosts=a",
                    "hosts=a not_before=2026-11-30T11:00:00Z pinned=yes"},
            {"alias=Bob@Example.org", "alias=bob@example.org"},
            {"alias=a%C3%BCB@example.org", "alias=a%C3%BCb@example.org"},
            {"pinned=yes alias=bob@b\xc3\xbc"
             "cher.example",
                    "alias=bob@xn--bcher-kva.example pinned=yes"},
            {"allow_unauthorized=yes\r", "allow_unauthorized=yes"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char error[ROW_ERROR_MAX];
        char buffer[ROW_TEXT_MAX];
        char again_room[ROW_TEXT_MAX];
        struct row row;
        struct row again;
        struct text got = {"", 0};
        const bool good = parse(text_of(rows[i].values), &row, error);
        if (good)
            got = format(&row, buffer);
        if (!good || !text_equal(got, text_of(rows[i].want))) {
            print_error("\"%s\": got \"%.*s\" (%s), want \"%s\"\n", rows[i].values, (int)got.len,
                    got.at, error, rows[i].want);
            fail();
        }
        assert_true(parse(got, &again, error));
        assert_true(text_equal(format(&again, again_room), got));
    }
}

TEST(wrong_rows_are_refused_with_a_reason)
{
    static const struct {
        const char *values;
        const char *error;
    } rows[] = {
            {"hosts", "bad word: hosts: expected name=value"},
            {"hosts = a", "bad word: hosts: expected name=value"},
            {"=a", "unknown name: : expected hosts, more_hosts, allow_unauthorized, not_before, "
                   "alias or pinned"},
            {"host=a", "unknown name: host: expected hosts, more_hosts, allow_unauthorized, "
                       "not_before, alias or pinned"},
            {"Hosts=a", "unknown name: Hosts: expected hosts, more_hosts, allow_unauthorized, "
                        "not_before, alias or pinned"},
            {"not_before=2026-11-30", "bad not_before: 2026-11-30: expected a date with its time, "
                                      "as in 2026-11-30T12:00 (UTC) or 2026-11-30T12:00+01:00"},
            {"not_before=2026-11-30T12:00 not_before=2026-11-30T12:00",
                    "given twice: not_before: expected each name once"},
            {"not_before=2026-11-30T12:00 alias=a@b",
                    "an alias with a rule: expected the rule in the row that it names"},
            {"hosts=a_b", "bad host: a_b: expected a domain name"},
            {"hosts=a,,b", "bad host: : expected a domain name"},
            {"hosts=,a", "bad host: : expected a domain name"},
            {"hosts=a,", "bad host: expected a domain name behind the comma"},
            {"hosts=a, b", "bad host: expected a domain name behind the comma"},
            {"hosts=*", "bad host: *: expected a domain name"},
            {"more_hosts=", "bad more_hosts: : expected at least one domain name"},
            {"hosts=a hosts=b", "hosts twice: b: expected hosts= or more_hosts=, once"},
            {"hosts= more_hosts=b", "hosts twice: b: expected hosts= or more_hosts=, once"},
            {"allow_unauthorized=true", "bad value: true: expected yes or no"},
            {"allow_unauthorized=", "bad value: : expected yes or no"},
            {"pinned=YES", "bad value: YES: expected yes or no"},
            {"pinned=yes pinned=yes", "given twice: pinned: expected each name once"},
            {"allow_unauthorized=no allow_unauthorized=no",
                    "given twice: allow_unauthorized: expected each name once"},
            {"alias=", "bad alias: : expected another user, local@domain"},
            {"alias=bob", "bad alias: bob: expected another user, local@domain"},
            {"alias=*@example.org",
                    "bad alias: *@example.org: expected another user, local@domain"},
            {"alias=a@b alias=c@d", "given twice: alias: expected each name once"},
            {"alias=a@b hosts=c",
                    "an alias with a rule: expected the rule in the row that it names"},
            {"allow_unauthorized=no alias=a@b",
                    "an alias with a rule: expected the rule in the row that it names"},
            {"hosts=a\x01", "control octets: expected none but white space"},
            {"\x7f", "control octets: expected none but white space"},
            {"hosts=\xff", "bad host: \xff: expected a domain name"},
            {"# later", "bad word: #: expected name=value"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char error[ROW_ERROR_MAX];
        struct row row;
        if (parse(text_of(rows[i].values), &row, error))
            fail_msg("\"%s\" was taken", rows[i].values);
        if (strcmp(error, rows[i].error) != 0)
            fail_msg("\"%s\": got \"%s\", want \"%s\"", rows[i].values, error, rows[i].error);
    }
}

TEST(a_nul_is_refused)
{
    char error[ROW_ERROR_MAX];
    char buffer[ADDRESS_MAX + 1];
    struct text key;
    struct row row;

    assert_false(parse((struct text){"hosts=a\0b", 9}, &row, error));
    assert_false(row_parse_user((struct text){"a\0b@example.org", 15}, buffer, &key));
    assert_false(row_parse_user((struct text){"a@example\0.org", 14}, buffer, &key));
    assert_false(row_parse_user((struct text){NULL, 0}, buffer, &key));
    assert_true(parse((struct text){NULL, 0}, &row, error));
}

/* `hosts=` and so many names of two octets. */
static size_t many_hosts(char *buffer, size_t count)
{
    size_t len = (size_t)sprintf(buffer, "hosts=");

    for (size_t i = 0; i < count; i++)
        len += (size_t)sprintf(buffer + len, "%sh%zu", i > 0 ? "," : "", i % 10);
    return len;
}

TEST(a_row_has_room_for_64_hosts)
{
    char values[1024];
    char error[ROW_ERROR_MAX];
    char buffer[ROW_TEXT_MAX];
    struct row row;

    assert_true(parse((struct text){values, many_hosts(values, ROW_HOSTS_MAX)}, &row, error));
    assert_int_equal(row.rule.hosts.count, ROW_HOSTS_MAX);
    assert_string_equal(row.rule.hosts.names[63], "h3");
    assert_true(text_equal(format(&row, buffer), text_of(values)));
    assert_false(parse((struct text){values, many_hosts(values, ROW_HOSTS_MAX + 1)}, &row, error));
    assert_string_equal(error, "too many hosts: h4: expected at most 64, and 2048 octets");
}

/* What was taken can be written back, and pinned as well, whatever became of its names. */
TEST(a_row_that_is_taken_has_a_form)
{
    char values[ROW_TEXT_MAX + 100];
    char error[ROW_ERROR_MAX];
    char buffer[ROW_TEXT_MAX];
    struct row row;
    size_t longest = 0;

    for (size_t extra = 0; extra < 62; extra++) {
        size_t len = (size_t)sprintf(values, "hosts=%.*s", (int)extra + 1, L63);
        while (len + 64 <= ROW_TEXT_MAX)
            len += (size_t)sprintf(values + len, ",%s", L63);
        if (!parse((struct text){values, len}, &row, error))
            continue;
        row.pinned = true;
        assert_true(parse(format(&row, buffer), &row, error));
        longest = len > longest ? len : longest;
    }
    assert_in_range(longest, ROW_TEXT_MAX - 80, ROW_TEXT_MAX);
    /* 6 octets in UTF-8 and 10 as an A-label */
    size_t len = (size_t)sprintf(values, "hosts=");
    while (len + 8 < ROW_TEXT_MAX / 2 + 400)
        len += (size_t)sprintf(values + len, "%s", "\xc3\xbc.\xc3\xbc.\xc3\xbc.\xc3\xbc,");
    assert_false(parse((struct text){values, len - 1}, &row, error));
    memset(values, ' ', sizeof values);
    assert_true(parse((struct text){values, ROW_TEXT_MAX}, &row, error));
    assert_false(parse((struct text){values, ROW_TEXT_MAX + 1}, &row, error));
    assert_string_equal(error, "too long: expected at most 2048 octets");
}

TEST(a_reason_has_its_limit)
{
    char values[ROW_TEXT_MAX];
    char error[ROW_ERROR_MAX];
    struct row row;

    memset(values, 'x', sizeof values);
    assert_false(parse((struct text){values, sizeof values}, &row, error));
    assert_int_equal(strlen(error), strlen("bad word: : expected name=value") + 100);
}
