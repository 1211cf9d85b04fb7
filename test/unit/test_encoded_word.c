// SPDX-License-Identifier: ISC
#include "exact.h"
#include "protocol/encoded_word.h"
#include "unit.h"

/* The words of a text as `before|charset|octets|`, and what is behind the last one. */
static void write_words(struct text rest, struct writer *w)
{
    struct encoded_word word;
    struct text before;

    while (encoded_word_next(&rest, &before, &word)) {
        struct encoded_word_octets octets = encoded_word_octets(&word);
        writer_put(w, before);
        writer_char(w, '|');
        writer_put(w, word.charset);
        writer_char(w, '|');
        for (int octet; (octet = encoded_word_octet(&octets)) >= 0;)
            writer_char(w, (char)octet);
        writer_char(w, '|');
    }
    writer_put(w, before);
}

TEST(words_are_found_and_decoded)
{
    static const struct {
        const char *text;
        const char *want;
    } table[] = {
            {"", ""},
            {"plain", "plain"},
            {"=?utf-8?q?a=3Cb_c?=", "|utf-8|a<b c|"},
            {"=?UTF-8?B?PGE+?=", "|UTF-8|<a>|"},
            {"x =?a?Q?b?= =?c?b?ZA?= y", "x |a|b| |c|d| y"},
            {"a=?x?q?b?=c", "a|x|b|c"},
            {"=?utf-8*en?q?a?=", "|utf-8|a|"},
            {"=?"
             "?q?a?=",
                    "||a|"},
            {"=?x?q?"
             "?=",
                    "|x||"},
            {"=?x?q?a?b?=", "|x|a?b|"},
            {"=?x?q?a b\r\n\tc?=", "|x|a b c|"},
            {"=?x?b?P G\r\n\tE=!PGE-?=", "|x|<a<a>|"},
            {"=?x?q?=3?=", "|x|=3|"},
            {"=?x?q?=3g=?=", "|x|=3g=|"},
            {"=?x?q?=e4=E4?=", "|x|\xe4\xe4|"},
            {"=?=?x?q?a?=", "=?|x|a|"},
            {"=?x?q?a", "=?x?q?a"},
            {"=?x?q?a?= =?y?q?b", "|x|a| =?y?q?b"},
            {"=?x?z?a?=", "=?x?z?a?="},
            {"=?x?qq?a?=", "=?x?qq?a?="},
            {"=?x?"
             "?a?=",
                    "=?x?"
                    "?a?="},
            {"=?", "=?"},
            {"=?x", "=?x"},
            {"=?x?", "=?x?"},
            {"=?x?q", "=?x?q"},
            {"=?x?q?", "=?x?q?"},
            {"=?x?q?=", "=?x?q?="},
            {"?==?x?q?a?=?=", "?=|x|a|?="},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text in = exact_copy(text_of(table[i].text));
        char buffer[128];
        struct writer w = writer_of(buffer, sizeof buffer);
        write_words(in, &w);
        exact_free(in);
        if (!text_equal(writer_text(&w), text_of(table[i].want)))
            fail_msg("%s: got %.*s, want %s", table[i].text, (int)writer_text(&w).len, buffer,
                    table[i].want);
    }
}

/* c: control, <, @, q: quote or backslash, h: hidden */
static void write_signs(const struct encoded_word_signs *signs, char text_r[6])
{
    const bool flags[] = {signs->control, signs->less, signs->at, signs->quote, signs->hidden};

    for (size_t i = 0; i < 5; i++)
        text_r[i] = (char)(flags[i] ? "c<@qh"[i] : '-');
    text_r[5] = '\0';
}

TEST(signs_are_of_all_words)
{
    static const struct {
        const char *text;
        const char *want;
    } table[] = {
            {"<a@b>\"\\", "-----"},
            {"=?x?q?a?=", "-----"},
            {"=?x?q?=00?=", "c----"},
            {"=?x?q?=1f?=", "c----"},
            {"=?x?q?=7F?=", "c----"},
            {"=?x?q?=80?=", "-----"},
            {"=?x?q?=3C?= =?x?q?=40?=", "-<@--"},
            {"=?x?q?\"?=", "---q-"},
            {"=?x?q?=5C?=", "---q-"},
            {"=?utf-7?q?a?=", "----h"},
            {"=?UTF-16LE?q?a?=", "----h"},
            {"=?ibm1047?q?a?=", "----h"},
            {"=?ibm437?q?a?=", "-----"},
            {"=?cp1252?q?a?=", "-----"},
            {"=?cp1026?q?a?=", "----h"},
            /* iso-2022-*: ASCII, and what is none */
            {"=?iso-2022-jp?q?<@?=", "-<@--"},
            {"=?iso-2022-jp?q?=1B$B<@=1B(B?=", "-----"},
            {"=?iso-2022-jp?q?=1B$B<@=1B(B<?=", "-<---"},
            {"=?iso-2022-jp?q?=1B$B<@=1B(J@?=", "--@--"},
            {"=?iso-2022-jp?q?=1B(I<@?=", "-----"},
            {"=?iso-2022-jp-2?q?=1B$(D<@=1B(B<?=", "-<---"},
            {"=?ISO-2022-KR?q?=1B$)C<=0E@=0F?=", "-<---"},
            {"=?iso-2022-cn?q?=1B$*H=0E<=1B$)A@=0F@?=", "--@--"},
            {"=?iso-2022-jp?q?=1B.A@?=", "--@--"},
            {"=?iso-2022-jp?q?=1B?=", "-----"},
            {"=?iso-2022-jp?q?=01?=", "c----"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text in = exact_copy(text_of(table[i].text));
        const struct encoded_word_signs signs = encoded_word_signs(in);
        char got[6];
        exact_free(in);
        write_signs(&signs, got);
        if (strcmp(got, table[i].want) != 0)
            fail_msg("%s: got %s, want %s", table[i].text, got, table[i].want);
    }
}

/* Words that begin and never end: a search for each end would take hours. */
TEST(starts_without_ends_cost_linear_time)
{
    static const char *const starts[] = {
            "=?", "=?x", "=?x?q?", "=?x?q?=", "=?x?b?a?", "=?x?q?a?= "};
    const size_t size = 1048576;
    char *value = malloc(size);

    assert_non_null(value);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        const size_t len = strlen(starts[i]);
        for (size_t at = 0; at < size; at++)
            value[at] = starts[i][at % len];
        assert_false(encoded_word_signs((struct text){value, size}).control);
    }
    free(value);
}
