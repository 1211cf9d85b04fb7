// SPDX-License-Identifier: ISC
#include "protocol/mime.h"

/* The type
 *
 *     value     = [CFWS] token "/" token *( [CFWS] ";" [CFWS] parameter )
 *     parameter = token [CFWS] "=" [CFWS] ( quoted-string / 1*<any octet but ";" and white space> )
 */

static struct text mime_skip_comment(struct text t)
{
    size_t depth = 0;

    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == '\\')
            i++;
        else if (t.at[i] == '(')
            depth++;
        else if (t.at[i] == ')' && --depth == 0)
            return (struct text){t.at + i + 1, t.len - i - 1};
    }
    return (struct text){t.at + t.len, 0};
}

static struct text mime_skip_space(struct text t)
{
    while (t.len > 0) {
        if (t.at[0] == '(')
            t = mime_skip_comment(t);
        else if (text_is_white(t.at[0]))
            t = (struct text){t.at + 1, t.len - 1};
        else
            break;
    }
    return t;
}

static bool mime_is_token_octet(char c)
{
    return c > ' ' && c < '\x7f' && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct text mime_take_token(struct text *rest)
{
    size_t len = 0;

    *rest = mime_skip_space(*rest);
    while (len < rest->len && mime_is_token_octet(rest->at[len]))
        len++;
    const struct text token = {rest->at, len};
    *rest = mime_skip_space((struct text){rest->at + len, rest->len - len});
    return token;
}

static bool mime_take(struct text *rest, char c)
{
    if (rest->len == 0 || rest->at[0] != c)
        return false;
    *rest = mime_skip_space((struct text){rest->at + 1, rest->len - 1});
    return true;
}

static struct text mime_take_quoted(struct text rest, struct writer *w)
{
    size_t i = 1;

    for (; i < rest.len && rest.at[i] != '"'; i++) {
        if (rest.at[i] == '\\' && i + 1 < rest.len)
            i++;
        if (rest.at[i] != '\r' && rest.at[i] != '\n')
            writer_char(w, rest.at[i]);
    }
    i = i < rest.len ? i + 1 : rest.len;
    return (struct text){rest.at + i, rest.len - i};
}

static struct text mime_take_bare(struct text rest, struct writer *w)
{
    size_t len = 0;

    while (len < rest.len && rest.at[len] != ';' && !text_is_white(rest.at[len]))
        writer_char(w, rest.at[len++]);
    return (struct text){rest.at + len, rest.len - len};
}

/* The first parameter `boundary`. False when there is none that can be used. */
static bool mime_find_boundary(struct text rest, char boundary_r[MIME_BOUNDARY_MAX + 1])
{
    struct reader r = reader_of(rest);

    (void)reader_until(&r, ';');
    rest = reader_rest(&r);
    while (!r.failed && rest.len > 0) {
        struct writer w = writer_of(boundary_r, MIME_BOUNDARY_MAX);
        const struct text name = mime_take_token(&rest);
        if (mime_take(&rest, '=') && rest.len > 0)
            rest = rest.at[0] == '"' ? mime_take_quoted(rest, &w) : mime_take_bare(rest, &w);
        if (text_equal_fold(name, text_of("boundary"))) {
            const struct text boundary = text_trim(writer_text(&w));
            const bool good = !w.failed && boundary.len > 0 &&
                              memchr(boundary.at, '\0', boundary.len) == NULL;
            memmove(boundary_r, boundary.at, boundary.len);
            boundary_r[boundary.len] = '\0';
            return good;
        }
        r = reader_of(rest);
        (void)reader_until(&r, ';');
        rest = reader_rest(&r);
    }
    return false;
}

void mime_type_parse(struct text value, struct mime_type *type_r)
{
    static const struct {
        const char *type;
        const char *subtype;
        enum mime_kind kind;
    } kinds[] = {
            {"text", "plain", MIME_TEXT},
            {"text", "rfc822-headers", MIME_MESSAGE},
            {"message", "rfc822", MIME_MESSAGE},
            {"message", "global", MIME_MESSAGE},
            {"message", "global-headers", MIME_MESSAGE},
    };
    struct text rest = value;
    const struct text type = mime_take_token(&rest);
    const bool is_typed = mime_take(&rest, '/');
    const struct text subtype = mime_take_token(&rest);

    *type_r = (struct mime_type){.kind = MIME_TEXT};
    if (!is_typed || type.len == 0 || subtype.len == 0)
        return;
    if (text_equal_fold(type, text_of("multipart"))) {
        if (mime_find_boundary(rest, type_r->boundary))
            type_r->kind = MIME_MULTIPART;
        return;
    }
    type_r->kind = MIME_OTHER;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (text_equal_fold(type, text_of(kinds[i].type)) &&
                text_equal_fold(subtype, text_of(kinds[i].subtype)))
            type_r->kind = kinds[i].kind;
}

enum mime_encoding mime_encoding_parse(struct text value)
{
    const struct text word = mime_take_token(&value);

    if (text_equal_fold(word, text_of("quoted-printable")))
        return MIME_QUOTED_PRINTABLE;
    if (text_equal_fold(word, text_of("base64")))
        return MIME_BASE64;
    return MIME_PLAIN;
}

/* The decoder */

enum {
    STEP_TEXT,
    STEP_EQUALS, /* a `=` came */
    STEP_DIGIT,  /* and a digit behind it */
    STEP_SOFT,   /* and white space behind it: of a soft line break, if the line ends */
};

struct mime_decoder mime_decoder_of(enum mime_encoding encoding)
{
    return (struct mime_decoder){.encoding = encoding};
}

static int mime_hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, text_lower(c)) : NULL;

    return found != NULL ? (int)(found - digits) : -1;
}

/* An octet at the start of anything. */
static size_t mime_begin(struct mime_decoder *decoder, char c, char *octet_r)
{
    decoder->step = c == '=' ? STEP_EQUALS : STEP_TEXT;
    *octet_r = c;
    return c != '=';
}

static size_t mime_decode_quoted(struct mime_decoder *decoder, char c, char *octets_r)
{
    switch (decoder->step) {
    case STEP_EQUALS:
        if (mime_hex_digit(c) >= 0) {
            decoder->step = STEP_DIGIT;
            decoder->digit = c;
            return 0;
        }
        break;
    case STEP_DIGIT:
        if (mime_hex_digit(c) >= 0) {
            decoder->step = STEP_TEXT;
            octets_r[0] = (char)(mime_hex_digit(decoder->digit) * 16 + mime_hex_digit(c));
            return 1;
        }
        octets_r[0] = '=';
        octets_r[1] = decoder->digit;
        return 2 + mime_begin(decoder, c, octets_r + 2);
    case STEP_SOFT:
        break;
    default:
        return mime_begin(decoder, c, octets_r);
    }
    if (c == '\n' || text_is_white(c)) {
        decoder->step = c == '\n' ? STEP_TEXT : STEP_SOFT;
        return 0;
    }
    octets_r[0] = '=';
    return 1 + mime_begin(decoder, c, octets_r + 1);
}

static int mime_base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;

    return found != NULL ? (int)(found - digits) : -1;
}

static size_t mime_decode_base64(struct mime_decoder *decoder, char c, char *octet_r)
{
    const int digit = mime_base64_digit(c);

    if (c == '=') { /* another text may begin behind it */
        decoder->bits_count = 0;
        return 0;
    }
    if (digit < 0)
        return 0;
    decoder->bits = (decoder->bits << 6 | (unsigned)digit) & 0xfff;
    decoder->bits_count += 6;
    if (decoder->bits_count < 8)
        return 0;
    decoder->bits_count -= 8;
    *octet_r = (char)(decoder->bits >> decoder->bits_count);
    return 1;
}

size_t mime_decode(struct mime_decoder *decoder, char c, char octets_r[MIME_DECODED_MAX])
{
    switch (decoder->encoding) {
    case MIME_QUOTED_PRINTABLE:
        return mime_decode_quoted(decoder, c, octets_r);
    case MIME_BASE64:
        return mime_decode_base64(decoder, c, octets_r);
    case MIME_PLAIN:
        break;
    }
    octets_r[0] = c;
    return 1;
}
