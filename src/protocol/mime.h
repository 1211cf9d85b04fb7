// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_MIME_H
#define VERIMAIL_PROTOCOL_MIME_H

#include "protocol/text.h"

/* What we need of MIME (RFC 2045, RFC 2046) to find something in the parts of a message: read
 * leniently, since nothing that is decided here lets a message pass as someone's. */

#define MIME_BOUNDARY_MAX 128 /* octets; RFC 2046 allows 70 */

enum mime_kind {
    MIME_TEXT,      /* text/plain, and whatever has no type that can be read */
    MIME_MULTIPART, /* with a boundary */
    MIME_MESSAGE,   /* begins with a header section of its own: message/rfc822,
                     * text/rfc822-headers, message/global, message/global-headers */
    MIME_OTHER,
};

struct mime_type {
    enum mime_kind kind;
    char boundary[MIME_BOUNDARY_MAX + 1]; /* of a MIME_MULTIPART */
};

/* The value of a field Content-Type. A multipart without a boundary, or with one that is too long,
 * is MIME_TEXT. White space at the ends of a boundary is taken off. */
void mime_type_parse(struct text value, struct mime_type *type_r);

enum mime_encoding {
    MIME_PLAIN, /* 7bit, 8bit, binary, and any that is unknown */
    MIME_QUOTED_PRINTABLE,
    MIME_BASE64,
};

/* The value of a field Content-Transfer-Encoding. */
enum mime_encoding mime_encoding_parse(struct text value);

/* Decodes a stream, octet by octet. What is no valid encoding comes out as it is; in base64 it is
 * left out. */
struct mime_decoder {
    enum mime_encoding encoding;
    unsigned char step;
    char digit;          /* the first one behind a `=` */
    unsigned bits;       /* of base64 */
    unsigned bits_count; /* 0 to 6 */
};

#define MIME_DECODED_MAX 3 /* octets that come out at once */

struct mime_decoder mime_decoder_of(enum mime_encoding encoding);
/* Returns how many octets come out. */
size_t mime_decode(struct mime_decoder *decoder, char c, char octets_r[MIME_DECODED_MAX]);

#endif
