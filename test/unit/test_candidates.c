// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "base/charset.h"
#include "exact.h"
#include "protocol/candidates.h"
#include "unit.h"
#include "vectors.h"

/* The domains with a space between two; `+`: more, `?`: unreadable, `!`: a mailbox has none. */
static struct text write_candidates(const struct candidates *candidates, struct writer *w)
{
    for (size_t i = 0; i < candidates->count; i++) {
        writer_string(w, i > 0 ? " " : "");
        writer_string(w, candidates->domains[i]);
    }
    writer_string(w, candidates->more ? "+" : "");
    writer_string(w, candidates->is_unreadable ? "?" : "");
    writer_string(w, candidates->lacks_domain ? "!" : "");
    assert_false(candidates->is_out_of_memory);
    return writer_text(w);
}

TEST(what_could_be_meant)
{
    struct vectors *v = vectors_open("candidates.txt");

    while (vectors_next(v)) {
        const struct text in = exact_copy(vectors_get(v, "value"));
        struct candidates candidates = {0};
        char buffer[4096];
        struct writer w = writer_of(buffer, sizeof buffer);
        candidates_add_from(&candidates, in, charset_decode);
        exact_free(in);
        assert_int_equal(candidates.is_unreadable, vectors_has(v, "unreadable"));
        assert_int_equal(candidates.lacks_domain, vectors_has(v, "no_domain"));
        assert_int_equal(candidates.more, vectors_has(v, "more"));
        if (candidates.is_unreadable)
            continue;
        candidates.lacks_domain = candidates.more = false;
        const struct text got = write_candidates(&candidates, &w);
        if (!text_equal(got, vectors_get(v, "candidates")))
            fail_msg("candidates.txt:%u: got %.*s", vectors_line(v), (int)got.len, got.at);
    }
    vectors_free(&v);
}

TEST(senders_and_own_domains_count_too)
{
    struct candidates candidates = {0};
    char buffer[4096];
    struct writer w = writer_of(buffer, sizeof buffer);

    candidates_add_from(&candidates, text_of("ceo"), charset_decode);
    candidates_add_sender(&candidates, text_of("<bounce@Legit.test>"));
    candidates_add_sender(&candidates, text_of("<>"));
    candidates_add_sender(&candidates, text_of("bounce@legit.test"));
    candidates_add_domain(&candidates, text_of("own.test"));
    candidates_add_domain(&candidates, text_of("legit.test"));
    assert_true(text_equal(write_candidates(&candidates, &w), text_of("legit.test own.test!")));
}

static void check_names(const char *value, const char *want)
{
    struct candidates candidates = {0};
    char buffer[4096];
    struct writer w = writer_of(buffer, sizeof buffer);

    candidates_add_from(&candidates, text_of(value), charset_decode);
    const struct text got = write_candidates(&candidates, &w);
    if (!text_equal(got, text_of(want)))
        fail_msg("%s: got %.*s, want %s", value, (int)got.len, got.at, want);
}

/* What no name in the DNS can be does not count. */
TEST(names_have_limits)
{
    char value[512];
    char want[512];

    snprintf(value, sizeof value, "a@%063d.x", 0);
    snprintf(want, sizeof want, "%063d.x", 0);
    check_names(value, want);
    snprintf(value, sizeof value, "a@%064d.x", 0);
    check_names(value, "");
    snprintf(value, sizeof value, "a@%063d.%063d.%063d.%059d.x", 0, 0, 0, 0);
    check_names(value, value + 2);
    snprintf(value, sizeof value, "a@%063d.%063d.%063d.%060d.x", 0, 0, 0, 0);
    check_names(value, "");
}

/* What nobody would call a From field is not read at all. */
TEST(long_fields_are_unreadable)
{
    char *value = malloc(CANDIDATES_FROM_MAX + 1);
    struct candidates candidates = {0};

    assert_non_null(value);
    memset(value, 'a', CANDIDATES_FROM_MAX + 1);
    candidates_add_from(
            &candidates, (struct text){value, CANDIDATES_FROM_MAX - 10}, charset_decode);
    candidates_add_from(&candidates, text_of("a@legit.te"), charset_decode);
    assert_false(candidates.is_unreadable);
    candidates_add_from(&candidates, text_of("b"), charset_decode);
    assert_true(candidates.is_unreadable);
    candidates = (struct candidates){0};
    candidates_add_sender(&candidates, (struct text){value, CANDIDATES_FROM_MAX + 1});
    assert_true(candidates.is_unreadable);
    free(value);
}

/* Mapping is slow: a field of nothing but runs that need it is unreadable. */
TEST(many_runs_beyond_ascii_are_unreadable)
{
    static const struct {
        unsigned runs;
        bool want;
    } counts[] = {{12, false}, {50, false}, {51, true}, {1000, true}};
    char value[10000];

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct writer w = writer_of(value, sizeof value);
        struct candidates candidates = {0};
        for (unsigned run = 0; run < counts[i].runs; run++)
            writer_string(&w, "\xc3\xbc.x,");
        candidates_add_from(&candidates, writer_text(&w), charset_decode);
        assert_int_equal(candidates.is_unreadable, counts[i].want);
    }
}
