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

static const struct row {
    const char *value;
    const char *want;
} rows[] = {
        /* plain */
        {"", "!"},
        {"admin@legit.test", "legit.test"},
        {"<admin@LEGIT.Test>", "legit.test"},
        {"x@y <x@y>", ""},
        {"a..b@legit.test", "a.b legit.test"},
        {"a.b.@legit.test", "a.b legit.test"},
        {"news@my_host.elsewhere.test", "my_host.elsewhere.test"},
        {"[List] Name <a@legit.test>", "legit.test"},
        {"www.one.test <a@legit.test>", "www.one.test legit.test"},
        {"a@legit.test, b@legit.test, c@other.test", "legit.test other.test"},
        {"a@legit.test.", "legit.test"},
        {"a@legit..test", "legit.test"},
        {"a@one.legit..test.example", "one.legit test.example one.legit.test.example"},
        {"alice@192.0.2.1", ""},
        {"alice@[192.0.2.1]", ""},
        {"alice@1.0.x2", "1.0.x2"},
        {"alice@localhost", ""},
        {"\r\n admin@\r\n legit.test", "legit.test"},
        /* white space, comments, quotes and backslashes, in and beside the domain */
        {"admin@ legit.test", "legit.test"},
        {"admin@(x)legit.test", "legit.test"},
        {"admin@legit(x).test", "legit.test"},
        {"admin@\"legit.test\"", "legit.test"},
        {"admin@le\"git\".test", "legit.test git.test"},
        {"admin@le\\git.test", "legit.test git.test"},
        {"admin@legit . test", "legit.test"},
        {"admin@legit\t.\r\n test", "legit.test"},
        {"admin@legit.test Name", "legit.testname legit.test"},
        {"admin@legit.test\"Name\"", "legit.testname legit.test"},
        {"admin@legit.test\\Name", "legit.testname legit.test"},
        {"admin@legit.test(x)Name", "legit.testname legit.test"},
        {"Name admin@le\"git\".test Name", "legit.testname legit.test git.test"},
        {"admin@ legit.test \"Name\"", "legit.testname legit.test"},
        {"(admin@legit.test", "legit.test"},
        {"(admin@legit.test)", "legit.test!"},
        {"admin@legit.test (", "legit.test"},
        {"admin@legit.test (b@(c@one.test)", "legit.testb one.test legit.test"},
        {"\"(\" admin@ le\"git\".test", "legit.test git.test"},
        {"\"\\\"(\" admin@(x)le\"git\".test", "legit.test git.test"},
        {"\\(admin@(x)le\"git\".test", "legit.test git.test"},
        /* no domain */
        {"ceo", "!"},
        {"The Boss <ceo>", "!"},
        {"\"a@one.test\" <ceo>", "one.test!"},
        {"<>", "!"},
        {"  \r\n ", "!"},
        {"ceo, a@legit.test", "legit.test!"},
        {"a@legit.test; ceo", "legit.test!"},
        {"a@legit.test,", "legit.test"},
        {"<a@legit.test> <ceo>", "legit.test!"},
        {"ceo@", "!"},
        {"ceo@.", ""},
        {"undisclosed-recipients:;", "!"},
        {"ceo(a@one.test)", "one.test!"},
        /* UTS 46 */
        {"admin\xef\xbc\xa0legit.test", "legit.test"},
        {"admin@legit\xe3\x80\x82test", "legit.test"},
        {"admin@legit\xef\xbc\x8etest", "legit.test"},
        {"admin@legit\xef\xbd\xa1test", "legit.test"},
        {"admin@legit\xe2\x80\xa4test", "legit.test"},
        {"admin\xef\xb9\xablegit\xef\xb9\x92test", "legit.test"},
        {"admin@\xef\xbd\x8c\xef\xbd\x85\xef\xbd\x87\xef\xbd\x89\xef\xbd\x94.test", "legit.test"},
        {"admin@le\xc2\xadgit.test", "legit.test"},
        {"admin@\xe2\x80\x8blegit.test", "legit.test"},
        {"admin@\xe2\x93\x9b\x65git.test", "legit.test"},
        {"admin\xe3\x80\x80@legit.test", "legit.test"},
        {"admin@b\xc3\xbc"
         "cher.example",
                "cher.example xn--bcher-kva.example"},
        {"admin@fa\xc3\x9f.example", "xn--fa-hia.example fass.example"},
        {"\xe2\x80\x9c"
         "admin@legit.test\xe2\x80\x9d",
                "legit.test legit.xn--test-jb7a"},
        {"admin@legit.test\xf0\x9f\x98\x80", "legit.test legit.xn--test-y973c"},
        {"J\xc3\xbcrgen <ceo>", "!"},
        /* that cannot be mapped */
        {"admin@l\xe9git.test", "git.test?"},
        {"J\xe9r\xf4me <a@legit.test>", "legit.test"},
        {"admin@legit\xcc\x81.test", "xn--legit-bfd.test"},
        {"admin@\xcc\x81legit.test", "legit.test?"},
        {"admin@legit.test\xe2\x80\xae", "legit.test?"},
        /* encoded words */
        {"=?utf-8?q?admin=40legit=2Etest?=", "legit.test"},
        {"=?utf-8?b?YWRtaW5AbGVnaXQudGVzdA==?=", "legit.test"},
        {"=?utf-8?b?YWRtaW5AbGVn?= =?utf-8?b?aXQudGVzdA==?=", "legit.test it.test"},
        {"=?utf-8?q?admin=40leg?=\r\n =?iso-8859-1?q?it=2Etest?= Foo",
                "legit.testfoo legit.test it.test"},
        {"=?utf-8?q?admin=40legit=2Etest?= =?utf-8?q?Foo?=", "legit.testfoo legit.test"},
        {"=?utf-8?q?admin=40legit=2Etest Foo?=", "legit.testfoo legit.test"},
        {"=?utf-8?q?admin=40?= legit.test", "legit.test"},
        {"admin@=?utf-8?q?legit?=.test", "legit.test"},
        {"\"=?utf-8?q?admin=40legit=2Etest?=\"", "legit.test"},
        {"=\\?utf-8?q?admin=40legit=2Etest?=", "legit.test!"},
        {"=?utf-8?b?w?= =?utf-8?b?7w?= <a@legit.test>", "legit.test?"},
        {"=?utf-8?b?ww?= =?utf-8?b?vA?= <a@legit.test>", "legit.test"},
        {"=?iso-2022-jp?b?GyRCOzNFRBsoQg==?= <ceo>", "!"},
        {"=?iso-2022-jp?q?=1B$B!w=1B(Blegit=2Etest?=", "legit.test"},
        {"=?gb2312?b?oaFhZG1pbkBsZWdpdC50ZXN0?=", "legit.test"},
        {"=?windows-1252?q?admin=40legit=2Etest=80?=", "legit.test legit.xn--test-yv7a"},
        {"=?koi8-r?q?=E1?= <a@legit.test>", "legit.test"},
        {"=?utf-7?q?admin+AEA-legit.test?=", "aea-legit.test?!"},
        {"=?utf-16?b?AGE?=", "?!"},
        {"=?ibm037?q?=7C?=", "?!"},
        {"=?x-unknown?q?a?= <a@legit.test>", "legit.test?"},
        {"=?us-ascii?q?=FC?= <a@legit.test>", "legit.test?"},
        {"=?utf-8?q?=FC?= <a@legit.test>", "legit.test?"},
        {"=?utf-8?q?admin=40legit=2Etest", "!"},
        {"=?utf-8?q?=3C?= =?x?q?", "!"},
        /* many */
        {"a@a.x,a@b.x,a@c.x,a@d.x,a@e.x,a@f.x,a@g.x,a@h.x", "a.x b.x c.x d.x e.x f.x g.x h.x"},
        {"a@a.x,a@b.x,a@c.x,a@d.x,a@e.x,a@f.x,a@g.x,a@h.x,a@i.x",
                "a.x b.x c.x d.x e.x f.x g.x h.x+"},
};

TEST(what_could_be_meant)
{
    size_t wrong = 0;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct text in = exact_copy(text_of(rows[i].value));
        struct candidates candidates = {0};
        char buffer[4096];
        struct writer w = writer_of(buffer, sizeof buffer);
        candidates_add_from(&candidates, in, charset_decode);
        exact_free(in);
        const struct text got = write_candidates(&candidates, &w);
        if (text_equal(got, text_of(rows[i].want)))
            continue;
        wrong++;
        print_error("%s: got %.*s, want %s\n", rows[i].value, (int)got.len, got.at, rows[i].want);
    }
    assert_int_equal(wrong, 0);
}

TEST(vectors_are_met)
{
    struct vectors *v = vectors_open("candidates.txt");

    while (vectors_next(v)) {
        const struct text in = exact_copy(vectors_get(v, "value"));
        struct candidates candidates = {0};
        char buffer[4096];
        struct writer w = writer_of(buffer, sizeof buffer);
        candidates_add_from(&candidates, in, charset_decode);
        exact_free(in);
        candidates.lacks_domain = false;
        assert_int_equal(candidates.is_unreadable, vectors_has(v, "unreadable"));
        if (candidates.is_unreadable)
            continue;
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
