// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_TEXT_H
#define VERIMAIL_PROTOCOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A borrowed run of octets. It is not NUL-terminated, may hold any octet, and lives as long as
 * what it was cut from. `at` may be NULL only when `len` is 0. */
struct text {
    const char *at;
    size_t len;
};

#define TEXT_DECIMAL_MAX 20 /* digits of UINT64_MAX */

static inline struct text text_of(const char *zero_terminated)
{
    return (struct text){zero_terminated, strlen(zero_terminated)};
}

bool text_equal(struct text a, struct text b);
/* As text_equal(), but A-Z and a-z are the same; no other octet is folded. */
bool text_equal_fold(struct text a, struct text b);
bool text_starts_with_fold(struct text t, struct text prefix);
static inline char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* SP or HTAB: WSP of RFC 5234 */
static inline bool text_is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* SP, HTAB, CR or LF: what a folded field has between its words. One comparison for most octets. */
static inline bool text_is_white(char c)
{
    return (unsigned char)c <= ' ' && (text_is_space(c) || c == '\r' || c == '\n');
}

static inline bool text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 1*DIGIT, no leading zero unless it is "0", at most `max`. */
bool text_decimal(struct text t, uint64_t max, uint64_t *value_r)
        __attribute__((warn_unused_result));
/* Without white space (SP, HTAB, CR, LF) at either end. */
struct text text_trim(struct text t);

/* A reader. After the first failure every step returns an empty text, and `failed` stays: check it
 * once, at the end. */
struct reader {
    struct text rest;
    bool failed;
};

struct reader reader_of(struct text t);
/* Takes what stands before the next `stop`, and the `stop` itself; fails if there is none. */
struct text reader_until(struct reader *r, char stop);
/* Takes what stands before the next `stop` and the `stop`, or all the rest; never fails. */
struct text reader_field(struct reader *r, char stop);
struct text reader_rest(struct reader *r);

/* A writer that never writes past its end. `failed` stays when something did not fit: check it
 * once, at the end. */
struct writer {
    char *start;
    char *at;
    char *end;
    bool failed;
};

struct writer writer_of(char *buffer, size_t size);
void writer_put(struct writer *w, struct text t);
void writer_string(struct writer *w, const char *zero_terminated);
void writer_char(struct writer *w, char c);
void writer_decimal(struct writer *w, uint64_t value);
/* base64url without padding (RFC 4648, section 5). */
void writer_base64(struct writer *w, const unsigned char *octets, size_t len);
/* Room for `len` octets to be filled in by the caller, or NULL when it does not fit. */
char *writer_reserve(struct writer *w, size_t len);
/* What was written so far, borrowed from the room. */
struct text writer_text(const struct writer *w);

/* Octets that `len` octets take as base64url without padding. */
size_t text_base64_len(size_t len);
/* 1*( ALPHA / DIGIT / "-" / "_" ): base64url digits, whatever they stand for. */
bool text_is_token(struct text t);
/* Whether text_from_base64() takes it, given the room. */
bool text_is_base64(struct text t);
/* Strict base64url: no padding, no white space, no stray bits. Fails if more than `size` octets. */
bool text_from_base64(struct text t, unsigned char *octets_r, size_t size, size_t *len_r)
        __attribute__((warn_unused_result));
bool text_from_hex(struct text t, unsigned char *octets_r, size_t size, size_t *len_r)
        __attribute__((warn_unused_result));

#endif
