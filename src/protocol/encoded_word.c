// SPDX-License-Identifier: ISC
#include "protocol/encoded_word.h"

#define ESCAPE 0x1b
#define SHIFT_OUT 0x0e
#define SHIFT_IN 0x0f

static struct text encoded_word_tail(struct text t, size_t from)
{
    return (struct text){t.at + from, t.len - from};
}

/* What stands before the next `?`, which is taken too; false if there is none. */
static bool encoded_word_part(struct text *rest, struct text *part_r)
{
    const char *end = rest->len > 0 ? memchr(rest->at, '?', rest->len) : NULL;

    if (end == NULL)
        return false;
    *part_r = (struct text){rest->at, (size_t)(end - rest->at)};
    *rest = encoded_word_tail(*rest, part_r->len + 1);
    return true;
}

/* The word that `rest` begins with, behind its `=?`. `open_r`: the text ends before the word does,
 * and so it does for all that follow. */
static bool encoded_word_read(struct text *rest, struct encoded_word *word_r, bool *open_r)
{
    struct text encoding;

    if (!encoded_word_part(rest, &word_r->charset) || !encoded_word_part(rest, &encoding))
        return false;
    const char letter = encoding.len == 1 ? text_lower(encoding.at[0]) : '\0';
    if (letter != 'b' && letter != 'q')
        return false;
    const char *end = rest->len > 0 ? memmem(rest->at, rest->len, "?=", 2) : NULL;
    *open_r = end == NULL;
    if (end == NULL)
        return false;
    word_r->encoded = (struct text){rest->at, (size_t)(end - rest->at)};
    word_r->is_base64 = letter == 'b';
    const char *language = memchr(word_r->charset.at, '*', word_r->charset.len);
    if (language != NULL)
        word_r->charset.len = (size_t)(language - word_r->charset.at);
    *rest = encoded_word_tail(*rest, word_r->encoded.len + 2);
    return true;
}

bool encoded_word_next(struct text *rest, struct text *before_r, struct encoded_word *word_r)
{
    const struct text whole = *rest;
    bool open = false;

    for (struct text left = whole; left.len > 0 && !open;) {
        const char *start = memmem(left.at, left.len, "=?", 2);
        if (start == NULL)
            break;
        left = encoded_word_tail(left, (size_t)(start + 2 - left.at));
        struct text behind = left;
        if (!encoded_word_read(&behind, word_r, &open))
            continue;
        *before_r = (struct text){whole.at, (size_t)(start - whole.at)};
        *rest = behind;
        return true;
    }
    *before_r = whole;
    *rest = encoded_word_tail(whole, whole.len);
    return false;
}

struct encoded_word_octets encoded_word_octets(const struct encoded_word *word)
{
    return (struct encoded_word_octets){.rest = word->encoded, .is_base64 = word->is_base64};
}

static int hex_digit(char c)
{
    const char lower = text_lower(c);

    if (text_is_digit(c))
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The octet that `=XX` stands for; behind another `=` it is the `=` itself. */
static int encoded_word_escaped(struct text *rest)
{
    const int high = rest->len >= 2 ? hex_digit(rest->at[0]) : -1;
    const int low = high >= 0 ? hex_digit(rest->at[1]) : -1;

    if (low < 0)
        return '=';
    *rest = encoded_word_tail(*rest, 2);
    return high << 4 | low;
}

/* The octet that `c` stands for, or `c` with what follows it. */
static int encoded_word_quoted(char c, struct text *rest)
{
    if (c == '=')
        return encoded_word_escaped(rest);
    return c == '_' || text_is_space(c) ? ' ' : (uint8_t)c;
}

/* -1: no digit. The digits of base64url are taken too. */
static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (text_is_digit(c))
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Takes one octet as a digit; -1 while the digits make no octet. A `=` ends a group of digits: what
 * is left of it counts no more. */
static int encoded_word_digit(struct encoded_word_octets *octets, char c)
{
    const int digit = base64_digit(c);

    if (c == '=')
        octets->bits_count = 0;
    if (digit < 0)
        return -1;
    octets->bits = octets->bits << 6 | (uint32_t)digit;
    octets->bits_count += 6;
    if (octets->bits_count < 8)
        return -1;
    octets->bits_count -= 8;
    return (int)(octets->bits >> octets->bits_count & 0xff);
}

int encoded_word_octet(struct encoded_word_octets *octets)
{
    while (octets->rest.len > 0) {
        const char c = octets->rest.at[0];
        octets->rest = encoded_word_tail(octets->rest, 1);
        if (c == '\r' || c == '\n')
            continue;
        if (!octets->is_base64)
            return encoded_word_quoted(c, &octets->rest);
        const int octet = encoded_word_digit(octets, c);
        if (octet >= 0)
            return octet;
    }
    return -1;
}

/* Where a word of iso-2022-* stands between ASCII and other sets. */
struct escapes {
    bool is_other;   /* what comes is no ASCII */
    bool is_shifted; /* SHIFT OUT */
};

/* Behind ESCAPE: `( B` and `( J` begin ASCII; `$ @`, `$ A`, `$ B` and `$ ( F` begin double octets;
 * `$ ) F` and the like only name what SHIFT OUT begins. */
static void encoded_word_escape(struct encoded_word_octets *octets, struct escapes *escapes)
{
    const int first = encoded_word_octet(octets);
    int second = encoded_word_octet(octets);

    if (first == '(') {
        escapes->is_other = second != 'B' && second != 'J';
    } else if (first == '$' && second == '(') {
        escapes->is_other = true;
        (void)encoded_word_octet(octets);
    } else if (first == '$' && second >= '@') {
        escapes->is_other = true;
    } else {
        while (second >= ' ' && second < '0')
            second = encoded_word_octet(octets);
    }
}

static bool is_escape(int octet)
{
    return octet == ESCAPE || octet == SHIFT_OUT || octet == SHIFT_IN;
}

static void encoded_word_note(int octet, struct encoded_word_signs *signs)
{
    signs->control = signs->control || octet < ' ' || octet == 0x7f;
    signs->less = signs->less || octet == '<';
    signs->at = signs->at || octet == '@';
    signs->quote = signs->quote || octet == '"' || octet == '\\';
}

static void encoded_word_read_signs(
        const struct encoded_word *word, struct encoded_word_signs *signs)
{
    const bool has_escapes = text_starts_with_fold(word->charset, text_of("iso-2022-"));
    struct encoded_word_octets octets = encoded_word_octets(word);
    struct escapes escapes = {false, false};

    for (int octet; (octet = encoded_word_octet(&octets)) >= 0;) {
        if (!has_escapes || !is_escape(octet)) {
            if (!escapes.is_other && !escapes.is_shifted)
                encoded_word_note(octet, signs);
        } else if (octet == ESCAPE) {
            encoded_word_escape(&octets, &escapes);
        } else {
            escapes.is_shifted = octet == SHIFT_OUT;
        }
    }
}

/* By the names that iconv(1) has for them. */
static bool encoded_word_hides_ascii(struct text charset)
{
    static const char *const starts[] = {"utf-7", "utf7", "unicode", "utf-16", "utf16", "utf-32",
            "utf32", "ucs", "iso-10646", "csunicode", "csucs", "ebcdic", "csebcdic", "posix-bc",
            "ibm0", "ibm10", "ibm11", "ibm2", "ibm42", "ibm5", "ibm87", "ibm880", "csibm", "cp037",
            "cp1025", "cp1026", "cp1047", "cp11", "cp2", "cp37", "cp42", "cp500", "cp87"};

    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (text_starts_with_fold(charset, text_of(starts[i])))
            return true;
    return false;
}

static bool encoded_word_crosses(struct text t)
{
    return t.len > 0 && (memchr(t.at, '"', t.len) != NULL || memchr(t.at, '<', t.len) != NULL);
}

struct encoded_word_signs encoded_word_signs(struct text value)
{
    struct encoded_word_signs signs = {0};
    struct encoded_word word;
    struct text before;

    while (encoded_word_next(&value, &before, &word)) {
        signs.crosses = signs.crosses || encoded_word_crosses(word.charset) ||
                        encoded_word_crosses(word.encoded);
        signs.hidden = signs.hidden || encoded_word_hides_ascii(word.charset);
        encoded_word_read_signs(&word, &signs);
    }
    return signs;
}

/* Words that stand side by side and have one charset: a character can be divided between them. */
struct neighbours {
    struct text charset;
    struct writer *octets;
    encoded_word_charset *decode;
    bool good;
};

static void encoded_word_flush(struct neighbours *neighbours, struct writer *w)
{
    const struct text octets = writer_text(neighbours->octets);

    if (octets.len > 0 && !neighbours->decode(neighbours->charset, octets, w))
        neighbours->good = false;
    neighbours->octets->at = neighbours->octets->start;
}

static void encoded_word_gather(struct neighbours *neighbours, const struct encoded_word *word)
{
    struct encoded_word_octets octets = encoded_word_octets(word);

    neighbours->charset = word->charset;
    for (int octet; (octet = encoded_word_octet(&octets)) >= 0;)
        writer_char(neighbours->octets, (char)octet);
}

bool encoded_word_decode(struct text value, const char *gap, encoded_word_charset *decode,
        struct writer *octets, struct writer *w)
{
    struct neighbours neighbours = {.octets = octets, .decode = decode, .good = true};
    struct encoded_word word;
    struct text before;
    bool is_first = true;

    while (encoded_word_next(&value, &before, &word)) {
        const bool is_neighbour = !is_first && text_trim(before).len == 0;
        if (!is_neighbour || gap[0] != '\0' || !text_equal_fold(neighbours.charset, word.charset))
            encoded_word_flush(&neighbours, w);
        if (!is_first)
            writer_string(w, gap);
        if (!is_neighbour) {
            writer_put(w, before);
            writer_string(w, gap);
        }
        encoded_word_gather(&neighbours, &word);
        is_first = false;
    }
    encoded_word_flush(&neighbours, w);
    if (!is_first)
        writer_string(w, gap);
    writer_put(w, before);
    return neighbours.good && !w->failed;
}
