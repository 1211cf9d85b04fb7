// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_ENCODED_WORD_H
#define VERIMAIL_PROTOCOL_ENCODED_WORD_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"

/* An encoded word (RFC 2047), found as leniently as mail readers find one: of any length, in any
 * place, with white space inside. All of it is borrowed. */
struct encoded_word {
    struct text charset; /* without a language (RFC 2231, section 5) */
    struct text encoded;
    bool is_base64;
};

/* Takes the next encoded word from `rest`, and with it all before it, which is `before_r`. False
 * when there is none: `before_r` is then the whole rest, and `rest` is empty. Calls until false
 * take linear time together. */
bool encoded_word_next(struct text *rest, struct text *before_r, struct encoded_word *word_r);

/* Takes one octet after the other from an encoded word. */
struct encoded_word_octets {
    struct text rest;
    bool is_base64;
    uint32_t bits; /* of base64 digits that make no octet yet */
    unsigned bits_count;
};

struct encoded_word_octets encoded_word_octets(const struct encoded_word *word);
/* -1 at the end. No more octets come than the word has. As lenient readers do, it ignores what is
 * no digit of base64, and line ends; HTAB is a space. */
int encoded_word_octet(struct encoded_word_octets *octets);

/* Writes `octets` as UTF-8. False when the charset is unknown, or the octets are none of it: what
 * was written is then of no use. */
typedef bool encoded_word_charset(struct text charset, struct text octets, struct writer *w);

/* Writes a text with its encoded words decoded, `gap` before and behind each, and nothing for the
 * white space between two of them. If `gap` is empty, neighbours of one charset are decoded
 * together. `octets`: room for as much as the text. False when one cannot be decoded, or `w` is
 * full. */
bool encoded_word_decode(struct text value, const char *gap, encoded_word_charset *decode,
        struct writer *octets, struct writer *w);

/* What the encoded words of a text say together, read as ASCII. The double octets of iso-2022-* are
 * no ASCII. */
struct encoded_word_signs {
    bool control; /* an octet below 0x20, or 0x7f */
    bool less;    /* `<` */
    bool at;      /* `@` */
    bool quote;   /* `"` or `\` */
    bool crosses; /* a `"` or `<` that is not encoded: other readers begin something there */
    bool hidden;  /* a charset in which ASCII has other octets: utf-7, utf-16, EBCDIC */
};

struct encoded_word_signs encoded_word_signs(struct text value);

#endif
