// SPDX-License-Identifier: ISC
#include "protocol/text.h"

#include <sodium.h>
#include <string.h>

bool text_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool text_equal_fold(struct text a, struct text b)
{
    return a.len == b.len && text_starts_with_fold(a, b);
}

bool text_starts_with_fold(struct text t, struct text prefix)
{
    if (t.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++)
        if (text_lower(t.at[i]) != text_lower(prefix.at[i]))
            return false;
    return true;
}

bool text_decimal(struct text t, uint64_t max, uint64_t *value_r)
{
    uint64_t value = 0;

    if (t.len == 0 || (t.len > 1 && t.at[0] == '0'))
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (!text_is_digit(t.at[i]))
            return false;
        const uint64_t digit = (uint64_t)(t.at[i] - '0');
        if (value > (max - digit) / 10 || digit > max)
            return false;
        value = value * 10 + digit;
    }
    *value_r = value;
    return true;
}

struct text text_trim(struct text t)
{
    while (t.len > 0 && text_is_white(t.at[0])) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && text_is_white(t.at[t.len - 1]))
        t.len--;
    return t;
}

struct reader reader_of(struct text t)
{
    return (struct reader){.rest = t};
}

static struct text text_take(struct reader *r, size_t len)
{
    const struct text taken = {r->rest.at, len};

    if (len > 0)
        r->rest.at += len;
    r->rest.len -= len;
    return taken;
}

struct text reader_until(struct reader *r, char stop)
{
    const char *found = r->rest.len > 0 ? memchr(r->rest.at, stop, r->rest.len) : NULL;

    if (r->failed || found == NULL) {
        r->failed = true;
        return (struct text){NULL, 0};
    }
    const struct text taken = text_take(r, (size_t)(found - r->rest.at));
    (void)text_take(r, 1);
    return taken;
}

struct text reader_field(struct reader *r, char stop)
{
    if (!r->failed && r->rest.len > 0 && memchr(r->rest.at, stop, r->rest.len) != NULL)
        return reader_until(r, stop);
    return reader_rest(r);
}

struct text reader_rest(struct reader *r)
{
    if (r->failed)
        return (struct text){NULL, 0};
    return text_take(r, r->rest.len);
}

struct writer writer_of(char *buffer, size_t size)
{
    return (struct writer){.start = buffer, .at = buffer, .end = buffer + size};
}

char *writer_reserve(struct writer *w, size_t len)
{
    if (w->failed || (size_t)(w->end - w->at) < len) {
        w->failed = true;
        return NULL;
    }
    char *buffer = w->at;
    w->at += len;
    return buffer;
}

void writer_put(struct writer *w, struct text t)
{
    char *buffer = writer_reserve(w, t.len);

    if (buffer != NULL && t.len > 0)
        memcpy(buffer, t.at, t.len);
}

void writer_string(struct writer *w, const char *zero_terminated)
{
    writer_put(w, text_of(zero_terminated));
}

void writer_char(struct writer *w, char c)
{
    writer_put(w, (struct text){&c, 1});
}

void writer_decimal(struct writer *w, uint64_t value)
{
    char digits[TEXT_DECIMAL_MAX];
    size_t n = 0;

    do {
        digits[sizeof digits - ++n] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    writer_put(w, (struct text){digits + sizeof digits - n, n});
}

size_t text_base64_len(size_t len)
{
    return sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING) - 1;
}

void writer_base64(struct writer *w, const unsigned char *octets, size_t len)
{
    static const char alphabet[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *buffer = writer_reserve(w, text_base64_len(len));
    unsigned held = 0;
    unsigned bits = 0;

    /* libsodium's encoder wants room for a NUL, which a packed line does not have. */
    for (size_t i = 0; buffer != NULL && i < len; i++) {
        held = (held << 8 | octets[i]) & 0xffff;
        for (bits += 8; bits >= 6; bits -= 6)
            *buffer++ = alphabet[held >> (bits - 6) & 63];
    }
    if (buffer != NULL && bits > 0)
        *buffer = alphabet[held << (6 - bits) & 63];
}

struct text writer_text(const struct writer *w)
{
    return (struct text){w->start, (size_t)(w->at - w->start)};
}

/* The six bits of each digit from SP up; 64 is none. A table, since the kinds of digits follow each
 * other by chance, and a branch for each kind would be guessed wrong every other time. */
// clang-format off
static const unsigned char digit_values[] = {
        /* 20 */ 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64,
        /* 30 */ 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
        /* 40 */ 64,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
        /* 50 */ 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 63,
        /* 60 */ 64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
        /* 70 */ 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
};
// clang-format on

static unsigned digit_value(char c)
{
    const unsigned i = (unsigned)(unsigned char)c - ' ';

    return i < sizeof digit_values ? digit_values[i] : 64;
}

/* Whether no digit has more than six bits (`all`: every digit's bits together), and the last one
 * none that no octet takes. */
static bool is_strict(struct text t, unsigned all)
{
    static const unsigned left_over[] = {0, 63, 15, 3}; /* of the last digit, by len % 4 */
    const unsigned last = t.len > 0 ? digit_value(t.at[t.len - 1]) : 0;

    return all < 64 && t.len % 4 != 1 && (last & left_over[t.len % 4]) == 0;
}

/* The bits of all digits together. */
static unsigned all_digits(struct text t)
{
    unsigned all = 0;

    for (size_t i = 0; i < t.len; i++)
        all |= digit_value(t.at[i]);
    return all;
}

bool text_is_token(struct text t)
{
    return t.len > 0 && all_digits(t) < 64;
}

bool text_is_base64(struct text t)
{
    return is_strict(t, all_digits(t));
}

/* Two to four digits to one to three octets. */
static size_t decode_group(const char *digits, size_t count, unsigned char *octets_r)
{
    uint32_t held = 0;

    for (size_t i = 0; i < 4; i++)
        held = held << 6 | (i < count ? digit_value(digits[i]) & 63 : 0);
    for (size_t i = 0; i + 1 < count; i++)
        octets_r[i] = (unsigned char)(held >> (16 - 8 * i));
    return count - 1;
}

/* A payload comes with every question. libsodium's decoder is made for secrets, costs as much as
 * opening the box, and its 1.0.18 takes octets beyond ASCII for digits. */
bool text_from_base64(struct text t, unsigned char *octets_r, size_t size, size_t *len_r)
{
    const size_t groups = t.len / 4;

    if (!text_is_base64(t) || groups * 3 + t.len % 4 * 3 / 4 > size)
        return false;
    for (size_t i = 0; i < groups; i++)
        decode_group(t.at + 4 * i, 4, octets_r + 3 * i);
    const size_t rest = t.len % 4;
    *len_r = groups * 3 +
             (rest > 0 ? decode_group(t.at + 4 * groups, rest, octets_r + 3 * groups) : 0);
    return true;
}

bool text_from_hex(struct text t, unsigned char *octets_r, size_t size, size_t *len_r)
{
    const char *end = NULL;

    if (sodium_hex2bin(octets_r, size, t.at, t.len, NULL, len_r, &end) != 0)
        return false;
    return t.len == 0 || end == t.at + t.len;
}
