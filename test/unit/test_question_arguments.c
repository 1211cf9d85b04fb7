// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "command/question_arguments.h"
#include "unit.h"

#define DIGEST "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct command command = {.name = "test"};
static const struct invocation invocation = {.command = &command};

static bool write(const struct question_arguments *asked, struct writer *w)
{
    struct rcpt rcpt;
    struct question question;

    return question_arguments_parse(asked, &invocation, &rcpt, &question) &&
           question_format(&question, w);
}

TEST(lines)
{
    static const struct {
        struct question_arguments asked;
        const char *line; /* NULL: refused */
    } table[] = {
            {{"alice", "-"}, "alice -\r\n"},
            {{"alice@example.org", "AbC_-9"}, "alice@example.org AbC_-9\r\n"},
            {{"a@b.c", "-", "example.net"}, "a@b.c - rcpt=example.net\r\n"},
            {{"a@b.c", "-",
                     "EXAMPLE.net,b\xc3\xbc"
                     "cher.example"},
                    "a@b.c - rcpt=example.net,xn--bcher-kva.example\r\n"},
            {{"a@b.c", "-", "*"}, "a@b.c - rcpt=*\r\n"},
            {{"a@b.c", "-", "x.y", DIGEST, "192.0.2.1"},
                    "a@b.c - rcpt=x.y digest=" DIGEST " ip=192.0.2.1\r\n"},
            {{"a@b.c", "-", NULL, NULL, "2001:db8::1"}, "a@b.c - ip=2001:db8::1\r\n"},
            {{"", "-"}, NULL},
            {{"*", "-"}, NULL},
            {{"a b@c.d", "-"}, NULL},
            {{"a@b.c -", "x=y"}, NULL},
            {{"a@b.c\r\n", "-"}, NULL},
            {{"a@b.c", ""}, NULL},
            {{"a@b.c", "- ip=192.0.2.1"}, NULL},
            {{"a@b.c", "x\n"}, NULL},
            {{"a@b.c", "=="}, NULL},
            {{"a@b.c", "-", ""}, NULL},
            {{"a@b.c", "-", "a,"}, NULL},
            {{"a@b.c", "-", ",a"}, NULL},
            {{"a@b.c", "-", "a,,b"}, NULL},
            {{"a@b.c", "-", "a,*"}, NULL},
            {{"a@b.c", "-", "a ip=192.0.2.1"}, NULL},
            {{"a@b.c", "-", NULL, ""}, NULL},
            {{"a@b.c", "-", NULL, "AAAA"}, NULL},
            {{"a@b.c", "-", NULL, DIGEST " ip=192.0.2.1"}, NULL},
            {{"a@b.c", "-", NULL, NULL, "localhost"}, NULL},
            {{"a@b.c", "-", NULL, NULL, "192.0.2.1 x=y"}, NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char room[QUESTION_MAX];
        struct writer w = writer_of(room, sizeof room);
        const bool ok = write(&table[i].asked, &w);
        const struct text got = writer_text(&w);
        if (ok != (table[i].line != NULL) || (ok && !text_equal(got, text_of(table[i].line)))) {
            print_error("row %zu: got %d %.*s, want %s\n", i, ok, (int)got.len, got.at,
                    table[i].line != NULL ? table[i].line : "a refusal");
            fail();
        }
    }
}

/* `count` domains of 7 octets and a comma, each another one. */
static void write_list(char *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)sprintf(list + i * 8, "d%03zu.ef,", i);
    list[count * 8 - 1] = '\0';
}

TEST(a_list_at_its_longest)
{
    static const char any[] = "a@b.c - rcpt=*\r\n";
    char list[RCPT_MAX + 32];
    char buffer[QUESTION_MAX];
    const struct question_arguments asked = {"a@b.c", "-", list};
    struct writer w = writer_of(buffer, sizeof buffer);

    write_list(list, RCPT_MAX / 8);
    memmove(list + 1, list, strlen(list) + 1);
    list[0] = 'x';
    assert_int_equal(strlen(list), RCPT_MAX);
    assert_true(write(&asked, &w));
    assert_int_equal(writer_text(&w).len, strlen(any) - 1 + RCPT_MAX);

    w = writer_of(buffer, sizeof buffer);
    memmove(list + 1, list, strlen(list) + 1);
    list[0] = 'x';
    assert_true(write(&asked, &w));
    assert_true(text_equal(writer_text(&w), text_of(any)));

    /* A domain behind the limit is checked all the same. */
    w = writer_of(buffer, sizeof buffer);
    strcat(list, ",-");
    assert_false(write(&asked, &w));
}
