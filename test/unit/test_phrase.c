// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "exact.h"
#include "report/phrase.h"
#include "unit.h"

static void expect(const char *what, const char *got, const char *want)
{
    if (strcmp(got, want) != 0)
        fail_msg("%s: got `%s`, want `%s`", what, got, want);
}

TEST(texts_are_escaped_and_cut)
{
    static const struct {
        struct text given;
        size_t columns;
        const char *want;
    } table[] = {
            {{"", 0}, 10, ""},
            {{"alice@example.org", 17}, 17, "alice@example.org"},
            {{"alice@example.org", 17}, 16, "alice@example..."},
            {{"alice@example.org", 17}, 5, "ali.."},
            {{"alice@example.org", 17}, 2, ".."},
            {{"alice@example.org", 17}, 1, "."},
            {{"alice@example.org", 17}, 0, ""},
            {{"\x1b[2J", 4}, 40, "\\x1b[2J"},
            {{"a\0b\n\x7f\\", 6}, 40, "a\\x00b\\x0a\\x7f\\x5c"},
            {{"\xe2\x80\x8f", 3}, 40, "\\xe2\\x80\\x8f"},
            {{"\xff\xff\xff", 3}, 6, "\\xff.."},
    };
    char buffer[PHRASE_MAX];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text given = exact_copy(table[i].given);
        phrase_fit(given, table[i].columns, buffer);
        expect(table[i].want, buffer, table[i].want);
        exact_free(given);
    }
}

TEST(any_length_fits)
{
    char buffer[PHRASE_MAX];
    char *much = malloc(100000);

    assert_non_null(much);
    memset(much, 1, 100000);
    for (size_t len = 0; len < 100000; len = len * 2 + 1) {
        for (size_t columns = 0; columns < (size_t)2 * PHRASE_MAX; columns++) {
            const struct text given = exact_copy((struct text){much, len});
            phrase_fit(given, columns, buffer);
            assert_true(strlen(buffer) <= columns && strlen(buffer) < PHRASE_MAX);
            exact_free(given);
        }
    }
    free(much);
}

TEST(counts_have_commas)
{
    static const struct {
        uint64_t count;
        const char *want;
    } table[] = {
            {0, "0"},
            {999, "999"},
            {1000, "1,000"},
            {12345, "12,345"},
            {999999, "999,999"},
            {1000000, "1,000,000"},
            {UINT64_MAX, "18,446,744,073,709,551,615"},
    };
    char buffer[PHRASE_MAX];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        phrase_count(table[i].count, buffer);
        expect("count", buffer, table[i].want);
    }
}

TEST(shares_do_not_hide_what_is_there)
{
    static const struct {
        uint64_t part;
        uint64_t whole;
        const char *want;
    } table[] = {
            {0, 0, "0.0%"},
            {0, 10, "0.0%"},
            {1, 3, "33.3%"},
            {10, 10, "100.0%"},
            {1, 1000, "0.1%"},
            {1, 1001, "<0.1%"},
            {1, UINT64_MAX, "<0.1%"},
            {9999, 10000, ">99.9%"},
            {999, 1000, "99.9%"},
    };
    char buffer[PHRASE_MAX];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        phrase_share(table[i].part, table[i].whole, buffer);
        expect("share", buffer, table[i].want);
    }
}

TEST(moments_are_english)
{
    static const struct {
        const char *moment;
        uint64_t step;
        const char *step_want;
        const char *moment_want;
    } table[] = {
            {"2026-11-24T00:00:00Z", 86400, "Tue 24 Nov", "24 Nov 2026"},
            {"2026-11-24T13:00:00Z", 3600, "24 Nov 13:00", "24 Nov 2026 13:00"},
            {"2026-01-05T00:05:59Z", 604800, "Mon 5 Jan", "5 Jan 2026 00:05"},
            {"1970-01-01T00:00:00Z", 86400, "Thu 1 Jan", "1 Jan 1970"},
            {"", 86400, "", ""},
            {"yesterday", 86400, "", ""},
            {"2026-11-24T00:00:00Z and more than there is room", 86400, "", ""},
    };
    char buffer[PHRASE_MAX];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        phrase_step(text_of(table[i].moment), table[i].step, buffer);
        expect(table[i].moment, buffer, table[i].step_want);
        phrase_date(text_of(table[i].moment), buffer);
        expect(table[i].moment, buffer, table[i].moment_want);
    }
}
