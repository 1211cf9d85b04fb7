// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "setup/postfix.h"
#include "unit.h"

struct list_row {
    struct unit_row unit;
    const char *list;
    const char *first;
    const char *second;
    const char *rest;
};

static const struct list_row list_rows[] = {
        {{"empty"}, "", "", "", ""},
        {{"only separators"}, " , ,", "", "", ""},
        {{"one"}, "inet:localhost:1", "inet:localhost:1", "", ""},
        {{"two with a comma"}, "a,b", "a", "b", ""},
        {{"three with spaces"}, " a b\tc", "a", "b", "\tc"},
        {{"braces are whole"}, "{ a, x=y }, b", "{ a, x=y }", "b", ""},
        {{"braces within braces"}, "{ a, { x = y } } b c", "{ a, { x = y } }", "b", " c"},
        {{"a brace too many"}, "a} b", "a}", "b", ""},
        {{"a brace that stays open"}, "{ a, b", "{ a, b", "", ""},
};

static void assert_text(struct text got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.at, want, got.len);
}

TEST_EACH(milters_of_a_list, list_rows)
{
    struct text rest = text_of(row->list);

    assert_text(postfix_next_milter(&rest), row->first);
    assert_text(postfix_next_milter(&rest), row->second);
    assert_text(rest, row->rest);
}

struct socket_row {
    struct unit_row unit;
    const char *socket;
    const char *want;
};

static const struct socket_row socket_rows[] = {
        {{"in the queue's folder"}, "unix:/var/spool/postfix/verimail/s", "unix:verimail/s"},
        {{"elsewhere"}, "unix:/run/verimail/s", "unix:/run/verimail/s"},
        {{"beside a folder that begins like it"}, "unix:/var/spool/postfix2/s",
                "unix:/var/spool/postfix2/s"},
        {{"TCP"}, "inet:8891@127.0.0.1", "inet:127.0.0.1:8891"},
        {{"TCP and IPv6"}, "inet6:8891@::1", "inet:[::1]:8891"},
        {{"IPv6 in brackets"}, "inet6:8891@[::1]", "inet:[::1]:8891"},
};

TEST_EACH(a_socket_as_postfix_writes_it, socket_rows)
{
    char text[POSTFIX_SOCKET_MAX];

    postfix_socket("/var/spool/postfix", row->socket, text);
    assert_string_equal(text, row->want);
}

struct plan_row {
    struct unit_row unit;
    const char *before[POSTFIX_SETTINGS];
    const char *after[POSTFIX_SETTINGS];
    size_t changes;
};

#define OURS "{ unix:verimail/s, default_action=tempfail }"

static const struct plan_row plan_rows[] = {
        {{"as Debian has it"}, {"", "", "6", "", "permit_inet_interfaces"},
                {OURS, OURS, "6", "bounce", "permit_inet_interfaces, permit_sasl_authenticated"},
                4},
        {{"already so"}, {OURS, OURS, "6", "bounce", "permit_sasl_authenticated permit_mynetworks"},
                {OURS, OURS, "6", "bounce", "permit_sasl_authenticated permit_mynetworks"}, 0},
        {{"without default_action"},
                {"unix:verimail/s", "unix:verimail/s, b", "6", "bounce",
                        "permit_sasl_authenticated"},
                {"unix:verimail/s", "unix:verimail/s, b", "6", "bounce",
                        "permit_sasl_authenticated"},
                0},
        {{"behind others"}, {"a, " OURS ", b", "$smtpd_milters", "2", "notify", ""},
                {OURS ", a, b", "$smtpd_milters", "6", "notify, bounce",
                        "permit_sasl_authenticated"},
                4},
        {{"a socket that begins like it"},
                {"unix:verimail/s2", "${smtpd_milters} b", "7", "notify,bounce",
                        "permit_sasl_authenticated"},
                {OURS ", unix:verimail/s2", "${smtpd_milters} b", "7", "notify,bounce",
                        "permit_sasl_authenticated"},
                1},
};

TEST_EACH(settings_that_verimail_needs, plan_rows)
{
    struct postfix postfix = {.queue = strdup("/var/spool/postfix")};

    for (size_t i = 0; i < POSTFIX_SETTINGS; i++)
        postfix.settings[i].before = strdup(row->before[i]);
    assert_true(postfix_plan(&postfix, "unix:/var/spool/postfix/verimail/s"));
    for (size_t i = 0; i < POSTFIX_SETTINGS; i++)
        assert_string_equal(postfix.settings[i].after, row->after[i]);
    assert_int_equal(postfix_changes(&postfix), row->changes);
    postfix_free(&postfix);
}
