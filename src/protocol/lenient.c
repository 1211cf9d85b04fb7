// SPDX-License-Identifier: ISC
#include "protocol/lenient.h"

#include <idn2.h>

#include "protocol/utf8.h"

#define CHARACTER_MAX 4            /* octets of UTF-8 */
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, which UTS 46 does not map */

/* Dots and `@` that UTS 46 does not map so. */
static char lenient_likeness(struct text character)
{
    static const struct {
        const char *character;
        char like;
    } table[] = {
            {"\xe2\x80\xa4", '.'}, /* U+2024, one dot leader */
            {"\xef\xb9\x92", '.'}, /* U+FE52, small full stop */
            {"\xef\xb9\xab", '@'}, /* U+FE6B, small commercial at */
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (text_equal(character, text_of(table[i].character)))
            return table[i].like;
    return '\0';
}

/* A character beyond ASCII. What is mapped to ASCII, or to nothing, is; anything else stays for the
 * run that it is in. */
static void lenient_map_character(struct text character, const char *ignored, struct writer *w)
{
    char copy[CHARACTER_MAX + 1] = {0};
    const char like = lenient_likeness(character);
    uint8_t *found = NULL;

    if (like != '\0') {
        writer_char(w, like);
        return;
    }
    memcpy(copy, character.at, character.len);
    const bool ok = idn2_lookup_u8((const uint8_t *)copy, &found, IDN2_NONTRANSITIONAL) == IDN2_OK;
    const struct text mapped = ok ? text_of((const char *)found) : text_of("xn--");
    if (mapped.len == 0)
        writer_string(w, ignored);
    else
        writer_put(w, text_starts_with_fold(mapped, text_of("xn--")) ? character : mapped);
    if (ok)
        idn2_free(found);
}

static void lenient_map_ascii(char c, struct writer *w)
{
    writer_char(w, c < ' ' || c == '\x7f' ? ' ' : text_lower(c));
}

struct text lenient_map(struct text t, const char *ignored, struct writer *w)
{
    for (size_t i = 0, len = 0; i < t.len; i += len) {
        const struct text rest = {t.at + i, t.len - i};
        len = utf8_len(rest);
        if (len == 1) {
            lenient_map_ascii(rest.at[0], w);
        } else if (len > 1) {
            lenient_map_character((struct text){rest.at, len}, ignored, w);
        } else {
            writer_string(w, REPLACEMENT);
            len = 1;
        }
    }
    return writer_text(w);
}

/* Where `t` goes on behind a comment that it begins with; 0 if the comment never ends. */
static size_t lenient_comment_len(struct text t)
{
    size_t depth = 0;

    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == '\\')
            i++;
        else if (t.at[i] == '(')
            depth++;
        else if (t.at[i] == ')' && --depth == 0)
            return i + 1;
    }
    return 0;
}

bool lenient_quote_closes(struct text t)
{
    for (size_t i = 1; i < t.len; i++) {
        if (t.at[i] == '\\')
            i++;
        else if (t.at[i] == '"')
            return true;
    }
    return false;
}

struct lenient {
    enum lenient_strip strip;
    struct text rest;
    bool in_quotes;
    bool is_quoted; /* a backslash stands before it */
    bool is_open;   /* a comment never ends: none is taken out any more */
    struct writer *w;
};

/* Takes a comment, white space, a quote or a backslash; false if none is next. `is_white_r`:
 * whether it was white space. */
static bool lenient_take_gap(struct lenient *s, bool *is_white_r)
{
    const char c = s->rest.at[0];
    const bool is_quoted = s->is_quoted;
    size_t len = 1;

    *is_white_r = c == ' ';
    s->is_quoted = c == '\\' && !is_quoted;
    if (c == '(' && !is_quoted && !s->in_quotes && !s->is_open && s->strip != LENIENT_NOTHING) {
        len = lenient_comment_len(s->rest);
        s->is_open = len == 0;
        len = s->is_open ? 1 : len;
    } else if (c == '"') {
        s->in_quotes = is_quoted ? s->in_quotes : !s->in_quotes && lenient_quote_closes(s->rest);
    } else if (c == '<' || c == '>') {
        if (s->strip != LENIENT_AT_DOTS)
            return false;
    } else if (c != ' ' && c != '\\' && c != '(' && c != ')') {
        return false;
    }
    s->rest = (struct text){s->rest.at + len, s->rest.len - len};
    return true;
}

static bool is_joint(char c)
{
    return c == '.' || c == '@';
}

/* Whether a gap divides what stands around it. */
static bool lenient_divides(const struct lenient *s, bool has_white)
{
    const struct text before = writer_text(s->w);

    switch (s->strip) {
    case LENIENT_ALL:
        return false;
    case LENIENT_BUT_WHITE:
        return has_white;
    case LENIENT_AT_DOTS:
        return before.len > 0 && !is_joint(before.at[before.len - 1]) && s->rest.len > 0 &&
               !is_joint(s->rest.at[0]);
    case LENIENT_NOTHING:
    case LENIENT_STRIPS:
        break;
    }
    return true;
}

struct text lenient_strip(struct text mapped, enum lenient_strip strip, struct writer *w)
{
    struct lenient s = {.strip = strip, .rest = mapped, .w = w};

    while (s.rest.len > 0) {
        bool has_gap = false;
        bool has_white = false;
        bool is_white;
        while (s.rest.len > 0 && lenient_take_gap(&s, &is_white)) {
            has_gap = true;
            has_white = has_white || is_white;
        }
        if (has_gap && lenient_divides(&s, has_white))
            writer_char(w, ' ');
        if (s.rest.len > 0) {
            writer_char(w, s.rest.at[0]);
            s.rest = (struct text){s.rest.at + 1, s.rest.len - 1};
        }
    }
    return writer_text(w);
}
