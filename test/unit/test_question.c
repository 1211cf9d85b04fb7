// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "exact.h"
#include "protocol/line.h"
#include "protocol/question.h"
#include "unit.h"
#include "vectors.h"

static struct text wanted(const struct vectors *v, const char *name)
{
    return vectors_has(v, name) ? vectors_get(v, name) : text_of("");
}

static void same(const struct vectors *v, const char *name, struct text got)
{
    const struct text want = wanted(v, name);

    if (!text_equal(got, want)) {
        print_error("questions.txt:%u: %s: got \"%.*s\", want \"%.*s\"\n", vectors_line(v), name,
                (int)got.len, got.at, (int)want.len, want.at);
        fail();
    }
}

static void check_formatted(const struct vectors *v, const struct question *question)
{
    char buffer[QUESTION_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    if (!question_format(question, &w)) {
        print_error("questions.txt:%u: not formatted\n", vectors_line(v));
        fail();
    }
    same(v, "formatted", writer_text(&w));
}

TEST(vectors_are_understood)
{
    struct vectors *v = vectors_open("questions.txt");
    unsigned count = 0;

    for (; vectors_next(v); count++) {
        const struct text line = exact_copy(vectors_get(v, "line"));
        struct question question;
        const bool ok = question_parse(line, wanted(v, "default_domain"), &question);
        if (ok == vectors_has(v, "malformed")) {
            print_error("questions.txt:%u: got %d, want %d\n", vectors_line(v), ok, !ok);
            fail();
        }
        if (ok) {
            same(v, "user", address_text(&question.user));
            same(v, "payload", question.payload);
            same(v, "rcpt", question.rcpt);
            same(v, "digest", question.digest);
            same(v, "ip", question.ip);
            same(v, "named", text_of(question.named ? "yes" : "no"));
            check_formatted(v, &question);
        }
        exact_free(line);
    }
    vectors_free(&v);
    assert_true(count > 50);
}

/* A question whose line without its end is `prefix` and then `fill` up to `len` octets. */
static bool parses_at(const char *prefix, char fill, size_t len, const char *end)
{
    static char buffer[QUESTION_MAX + 16];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct question question;

    writer_string(&w, prefix);
    while (writer_text(&w).len < len)
        writer_char(&w, fill);
    writer_string(&w, end);
    assert_false(w.failed);
    const struct text line = exact_copy(writer_text(&w));
    const bool ok = question_parse(line, text_of(""), &question);
    exact_free(line);
    return ok;
}

TEST(lines_up_to_their_length)
{
    assert_true(parses_at("alice@example.org ", 'A', QUESTION_MAX - 2, "\r\n"));
    assert_false(parses_at("alice@example.org ", 'A', QUESTION_MAX - 1, "\r\n"));
    assert_true(parses_at("alice@example.org ", 'A', QUESTION_MAX - 1, "\n"));
    assert_false(parses_at("alice@example.org ", 'A', QUESTION_MAX, "\n"));
    assert_true(parses_at("alice@example.org ", 'A', QUESTION_MAX, ""));
    assert_false(parses_at("alice@example.org ", 'A', QUESTION_MAX + 1, ""));
    assert_true(parses_at("alice@example.org - x=", '~', QUESTION_MAX - 2, "\r\n"));
}

/* Domains of four octets with their comma, the last one filled up: `len` octets in all. */
static struct text domains(char *buffer, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buffer[i] = i % 4 == 3 && i + 1 < len ? ',' : 'a';
    return (struct text){buffer, len};
}

TEST(rcpt_up_to_its_length)
{
    static const char start[] = "alice@example.org - rcpt=";
    char buffer[RCPT_MAX + 1];
    char line[QUESTION_MAX];
    struct question question;

    for (size_t len = RCPT_MAX - 3; len <= RCPT_MAX + 1; len++) {
        struct writer w = writer_of(line, sizeof line);
        writer_string(&w, start);
        writer_put(&w, domains(buffer, len));
        const struct text in = exact_copy(writer_text(&w));
        assert_int_equal(question_parse(in, text_of(""), &question), len <= RCPT_MAX);
        exact_free(in);
    }
}

TEST(names_up_to_their_number)
{
    char line[LINE_NAMES_MAX * 8 + 64] = "alice@example.org -";
    size_t len = strlen(line);
    struct question question;

    for (int i = 1; i <= LINE_NAMES_MAX + 1; i++) {
        len += (size_t)snprintf(line + len, sizeof line - len, " n%d=v", i);
        assert_int_equal(
                question_parse(text_of(line), text_of(""), &question), i <= LINE_NAMES_MAX);
    }
}

static struct question of_alice(void)
{
    struct question question = {.payload = text_of("AbC"),
            .rcpt = text_of("example.net"),
            .digest = text_of("abcdefghijklmnopqrstuvwxyz0123456789-_ABCDA"),
            .ip = text_of("192.0.2.1")};

    assert_true(address_parse(text_of("alice@example.org"), text_of(""), &question.user));
    return question;
}

static bool formats(const struct question *question)
{
    char buffer[QUESTION_MAX + 16];
    struct writer w = writer_of(buffer, sizeof buffer);

    return question_format(question, &w);
}

/* Nothing is sent that the other side would read as something else. The user and the receiving
 * domains were checked when they were made. */
TEST(nothing_is_smuggled_in)
{
    static const struct {
        const char *about;
        const char *payload, *rcpt, *digest, *ip;
        bool ok;
    } table[] = {
            {"as it is", "AbC", "example.net", "", "192.0.2.1", true},
            {"no names", "AbC", "", "", "", true},
            {"no payload", "", "", "", "", false},
            {"a name in the payload", "- ip=192.0.2.9", "", "", "", false},
            {"a line in the payload", "-\r\nx", "", "", "", false},
            {"a short digest", "-", "", "AAAA", "", false},
            {"a name as ip", "-", "", "", "localhost", false},
            {"an ip too long", "-", "", "", "0000:0000:0000:0000:0000:0000:192.168.100.1000",
                    false},
            {"an ip of 45", "-", "", "", "0000:0000:0000:0000:0000:0000:192.168.100.100", true},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct question question = of_alice();
        question.payload = text_of(table[i].payload);
        question.rcpt = text_of(table[i].rcpt);
        question.digest = text_of(table[i].digest);
        question.ip = text_of(table[i].ip);
        const bool ok = formats(&question);
        if (ok != table[i].ok) {
            print_error("%s: got %d, want %d\n", table[i].about, ok, table[i].ok);
            fail();
        }
    }
    struct question question = of_alice();
    question.ip = (struct text){"192.0.2.1\0 x", 12};
    assert_false(formats(&question));
}

TEST(format_needs_its_room)
{
    static char long_payload[QUESTION_MAX];
    char buffer[QUESTION_MAX + 16];
    struct question question = of_alice();
    struct writer w = writer_of(buffer, sizeof buffer);

    assert_true(question_format(&question, &w));
    const size_t len = writer_text(&w).len;
    w = writer_of(buffer, len);
    assert_true(question_format(&question, &w));
    w = writer_of(buffer, len - 1);
    assert_false(question_format(&question, &w));

    /* What is there already does not count. */
    memset(long_payload, 'A', sizeof long_payload);
    const size_t rest = len - question.payload.len;
    question.payload = (struct text){long_payload, QUESTION_MAX - rest};
    w = writer_of(buffer, sizeof buffer);
    writer_string(&w, "before ");
    assert_true(question_format(&question, &w));
    question.payload.len++;
    assert_false(formats(&question));
}

/* A user of the service's default domain goes without it. */
TEST(bare_users)
{
    char buffer[QUESTION_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct question question;

    assert_true(question_parse(text_of("alice - ip=::1\n"), text_of("example.org"), &question));
    assert_true(text_equal(address_text(&question.user), text_of("alice@example.org")));
    question.bare = true;
    assert_true(question_format(&question, &w));
    assert_true(text_equal(writer_text(&w), text_of("alice - ip=::1\r\n")));
}

TEST(ip_at_its_edges)
{
    static const struct {
        const char *ip;
        bool ok;
    } table[] = {
            {"", false},
            {"0.0.0.0", true},
            {"255.255.255.255", true},
            {"256.0.0.1", false},
            {"1.2.3", false},
            {"01.2.3.4", false},
            {"::", true},
            {"[::1]", false},
            {"::1%lo", false},
            {"1:2:3:4:5:6:7:8", true},
            {"1:2:3:4:5:6:7:8:9", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text ip = exact_copy(text_of(table[i].ip));
        if (question_is_ip(ip) != table[i].ok) {
            print_error("\"%s\": want %d\n", table[i].ip, table[i].ok);
            fail();
        }
        exact_free(ip);
    }
}
