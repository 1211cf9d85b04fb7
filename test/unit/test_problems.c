// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "config/problems.h"
#include "unit.h"

TEST(parts_are_put_together)
{
    static const struct {
        unsigned line;
        const char *what;
        const char *value;
        const char *expected;
        const char *want;
    } table[] = {
            {7, "bad port", "x", "a number", "a.conf:7: bad port: x: expected a number\n"},
            {0, "bad port", "x", NULL, "a.conf: bad port: x\n"},
            {1, "bad port", NULL, "a number", "a.conf:1: bad port: expected a number\n"},
            {4294967295, "w", NULL, NULL, "a.conf:4294967295: w\n"},
            {1, "w", "", NULL, "a.conf:1: w: \n"},
            {1, "w", "\n\x1b[1m\x7f\xc3\xa9\\ %s", "%n",
                    "a.conf:1: w: \\x0a\\x1b[1m\\x7f\\xc3\\xa9\\x5c %s: expected %n\n"},
            {1, "no such option 'a\nb'", NULL, NULL, "a.conf:1: no such option 'a\\x0ab'\n"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct problems *problems = problems_init("a.conf");
        assert_non_null(problems);
        problems_add(problems, table[i].line, table[i].what, table[i].value, table[i].expected);
        assert_string_equal(problems_text(problems), table[i].want);
        assert_int_equal(problems_count(problems), 1);
        problems_free(&problems);
        assert_null(problems);
    }
}

TEST(those_of_another_file_are_joined)
{
    struct problems *problems = problems_init("a.conf");
    struct problems *others = problems_init("table");

    assert_non_null(problems);
    assert_non_null(others);
    problems_add(problems, 1, "w", NULL, NULL);
    problems_join(problems, others);
    assert_string_equal(problems_text(problems), "a.conf:1: w\n");
    problems_add(others, 2, "x", "\\", NULL);
    problems_add(others, 3, "y", NULL, "%s");
    problems_join(problems, others);
    problems_add(problems, 4, "z", NULL, NULL);
    assert_string_equal(problems_text(problems),
            "a.conf:1: w\ntable:2: x: \\x5c\ntable:3: y: expected %s\na.conf:4: z\n");
    assert_int_equal(problems_count(problems), 4);
    assert_int_equal(problems_count(others), 2);
    problems_free(&problems);
    problems_free(&others);
}

TEST(long_values_are_cut)
{
    char value[202];
    char want[300];

    for (size_t len = 199; len <= 201; len++) {
        struct problems *problems = problems_init("f");
        assert_non_null(problems);
        memset(value, 'v', len);
        value[len] = '\0';
        problems_add(problems, 1, "w", value, "e");
        memset(want, 0, sizeof want);
        strcpy(want, "f:1: w: ");
        memset(want + strlen(want), 'v', len < 200 ? len : 200);
        strcat(want, len > 200 ? "...: expected e\n" : ": expected e\n");
        assert_string_equal(problems_text(problems), want);
        problems_free(&problems);
    }
}

TEST(secrets_in_values_are_not_shown)
{
    static const struct {
        const char *value;
        const char *want;
    } table[] = {
            {"/etc/verimail/service.key", "/etc/verimail/service.key"},
            {"127.0.0.1:26", "127.0.0.1:26"},
            {"alice@example.org", "alice@example.org"},
            {"redis://h:6379", "redis://h:6379"},
            {"redis://u@[::1]:6379,h:2", "redis://u@[::1]:6379,h:2"},
            {"redis://u:word@h:6379", "redis://u:***@h:6379"},
            {"redis://:word@h", "redis://:***@h"},
            {"redis://u:w@rd/x@h", "redis://u:***@h"},
            {"redis://u:@h", "redis://u:***@h"},
            {"postgresql://u:word@h/d?sslmode=require", "postgresql://u:***@h/d?sslmode=require"},
            {"postgresql://u@h/d?password=word", "postgresql://u@h/d?password=***"},
            {"postgresql://u@h/d?PassWord=word&x=y", "postgresql://u@h/d?PassWord=***"},
            {"postgresql://u:word@h/d?password=word", "postgresql://u:***"},
            {"host-secret:AAAA", "host-secret:***"},
            {"x service-secret:AAAA@h", "x service-secret:***"},
            {"host-public:AAAA", "host-public:AAAA"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct problems *problems = problems_init("f");
        assert_non_null(problems);
        char want[256];
        snprintf(want, sizeof want, "f:1: w: %s: expected e\n", table[i].want);
        problems_add(problems, 1, "w", table[i].value, "e");
        assert_string_equal(problems_text(problems), want);
        problems_free(&problems);
    }
}

TEST(long_secrets_are_not_shown)
{
    struct problems *problems = problems_init("f");
    char value[1024] = "redis://u:";

    assert_non_null(problems);
    memset(value + strlen(value), 'x', 512);
    strcat(value, "@h");
    problems_add(problems, 1, "w", value, "e");
    assert_string_equal(problems_text(problems), "f:1: w: redis://u:***@h: expected e\n");
    problems_free(&problems);
}

TEST(many_are_kept_in_order)
{
    struct problems *problems = problems_init("f");
    const char *at;

    assert_non_null(problems);
    assert_int_equal(problems_count(problems), 0);
    assert_string_equal(problems_text(problems), "");
    for (unsigned i = 1; i <= 20000; i++)
        problems_add(problems, i, "w", NULL, NULL);
    assert_int_equal(problems_count(problems), 20000);
    at = problems_text(problems);
    assert_memory_equal(at, "f:1: w\nf:2: w\n", 14);
    assert_string_equal(at + strlen(at) - strlen("f:20000: w\n"), "f:20000: w\n");
    problems_free(&problems);
    problems_free(&problems);
}

TEST(each_is_a_line_of_the_log)
{
    struct problems *problems = problems_init("f");
    struct capture capture;
    char got[512];

    assert_non_null(problems);
    problems_add(problems, 1, "w", "\n=", "e");
    problems_add(problems, 0, "x", NULL, NULL);
    capture = capture_begin();
    problems_log(problems, LOG_LEVEL_WARNING, "checked");
    (void)capture_read(&capture, got, sizeof got);
    capture_end(&capture);
    problems_free(&problems);
    const char *second = strchr(got, '\n');
    assert_non_null(second);
    assert_non_null(
            strstr(got, "level=warning event=checked problem=\"f:1: w: \\\\x0a=: expected e\"\n"));
    assert_non_null(strstr(second, "level=warning event=checked problem=\"f: x\"\n"));
}
