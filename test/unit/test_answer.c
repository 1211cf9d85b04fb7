// SPDX-License-Identifier: ISC
#include "exact.h"
#include "protocol/answer.h"
#include "unit.h"
#include "vectors.h"

static void same(const struct vectors *v, const char *name, struct text got)
{
    const struct text want = vectors_has(v, name) ? vectors_get(v, name) : text_of("");

    if (!text_equal(got, want)) {
        print_error("answers.txt:%u: %s: got \"%.*s\", want \"%.*s\"\n", vectors_line(v), name,
                (int)got.len, got.at, (int)want.len, want.at);
        fail();
    }
}

static void check_answer(const struct vectors *v, const struct answer *answer)
{
    char buffer[ANSWER_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    same(v, "verdict", text_of(verdict_name(answer->verdict)));
    same(v, "reason", text_of(reason_name(answer->reason)));
    same(v, "scope", text_of(answer->scope_domain ? "domain" : ""));
    if (answer->ttl > 0)
        writer_decimal(&w, answer->ttl);
    same(v, "ttl", writer_text(&w));
    w = writer_of(buffer, sizeof buffer);
    assert_true(answer_format(answer, &w));
    same(v, "formatted", writer_text(&w));
}

TEST(vectors_are_understood)
{
    struct vectors *v = vectors_open("answers.txt");
    unsigned count = 0;

    for (; vectors_next(v); count++) {
        const struct text line = exact_copy(vectors_get(v, "line"));
        struct answer answer;
        const bool ok = answer_parse(line, !vectors_has(v, "unstamped"), &answer);
        if (ok == vectors_has(v, "malformed")) {
            print_error("answers.txt:%u: got %d, want %d\n", vectors_line(v), ok, !ok);
            fail();
        }
        if (ok)
            check_answer(v, &answer);
        else
            assert_int_equal(answer.verdict, VERDICT_TEMPERROR);
        exact_free(line);
    }
    vectors_free(&v);
    assert_true(count > 40);
}

/* Every verdict with every reason: what is written is read back, the rest is not written. */
TEST(pairs_round_trip)
{
    char buffer[ANSWER_MAX];

    for (unsigned v = VERDICT_YES; v <= VERDICT_PERMERROR; v++) {
        for (unsigned r = REASON_NONE; r <= REASON_REFUSED; r++) {
            const struct answer answer = {.verdict = (enum verdict)v, .reason = (enum reason)r};
            struct writer w = writer_of(buffer, sizeof buffer);
            const bool fits =
                    v <= VERDICT_ALLOW &&
                    (r == REASON_NONE || verdict_has_reason(answer.verdict, answer.reason));
            struct answer back;
            assert_int_equal(answer_format(&answer, &w), fits);
            if (!fits)
                continue;
            assert_true(answer_parse(writer_text(&w), true, &back));
            assert_int_equal(back.verdict, v);
            assert_int_equal(back.reason, r);
        }
    }
}

TEST(names_only_with_a_reason)
{
    const struct answer answer = {.verdict = VERDICT_NO, .ttl = 60, .scope_domain = true};
    char buffer[ANSWER_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    assert_true(answer_format(&answer, &w));
    assert_true(text_equal(writer_text(&w), text_of("NO\r\n")));
}

TEST(format_at_its_edges)
{
    static const char line[] = "NO unstamped ttl=3600 scope=domain\r\n";
    struct answer answer = {.verdict = VERDICT_NO,
            .reason = REASON_UNSTAMPED,
            .ttl = ANSWER_TTL_MAX,
            .scope_domain = true};
    char buffer[ANSWER_MAX];
    struct writer w = writer_of(buffer, sizeof line - 1);

    assert_true(answer_format(&answer, &w));
    assert_true(text_equal(writer_text(&w), text_of(line)));
    w = writer_of(buffer, sizeof line - 2);
    assert_false(answer_format(&answer, &w));
    w = writer_of(buffer, sizeof buffer);
    answer.ttl++;
    assert_false(answer_format(&answer, &w));
}

TEST(lines_up_to_their_length)
{
    char buffer[ANSWER_MAX + 1];

    for (size_t len = ANSWER_MAX - 1; len <= ANSWER_MAX + 1; len++) {
        struct writer w = writer_of(buffer, sizeof buffer);
        struct answer answer;
        writer_string(&w, "NO unstamped x=");
        while (writer_text(&w).len < len - 2)
            writer_char(&w, 'y');
        writer_string(&w, "\r\n");
        const struct text in = exact_copy(writer_text(&w));
        assert_int_equal(answer_parse(in, true, &answer), len <= ANSWER_MAX);
        exact_free(in);
    }
}

/* What came without its whole end may be the beginning of another answer. */
TEST(line_ends_are_whole)
{
    static const struct {
        const char *line;
        bool ok;
    } table[] = {
            {"YES\r\n", true},
            {"YES\r\r", false},
            {"YES\rx", false},
            {"YES\n\n", false},
            {"YES\r", false},
            {"\r\n", false},
            {"\n", false},
            {"", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text in = exact_copy(text_of(table[i].line));
        struct answer answer;
        const bool ok = answer_parse(in, true, &answer);
        exact_free(in);
        if (ok != table[i].ok || answer.verdict != (ok ? VERDICT_YES : VERDICT_TEMPERROR)) {
            print_error("row %zu: got %d %s, want %d\n", i, ok, verdict_name(answer.verdict),
                    table[i].ok);
            fail();
        }
    }
}
