// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_DIGEST_H
#define VERIMAIL_PROTOCOL_DIGEST_H

#include <stdbool.h>

#include "protocol/field.h"
#include "protocol/text.h"

#define DIGEST_OCTETS 32
#define DIGEST_TEXT 43 /* octets as base64url without padding */

/* The message digest of design section 5: BLAKE2b-256 over 25 kinds of header fields with their
 * counts and the body in RFC 6376 relaxed form. Streaming: it holds the kept fields until the body
 * begins, and nothing of the body. Chunk boundaries never matter, nor whether a line ends in CRLF
 * or LF.
 *
 * White space in a field is SP, HTAB and the line ends of folds. In the body it is SP and HTAB; a
 * CR without LF and a NUL are octets like others. A body line of only white space is an empty line.
 */
struct digest;

/* sendmail cuts longer lines after the milter, Postfix those over 998 octets. */
#define DIGEST_LINE_MAX 990

/* The first failure stays. */
enum digest_result {
    DIGEST_OK,
    DIGEST_LONG_LINE, /* over DIGEST_LINE_MAX octets, in a field of the digest or in
                         Authentication-Results: mail servers cut it, and a reader sees another one
                       */
    DIGEST_BARE_CR, /* in some field, a CR that is not part of a line end: some readers see the end
                       of a field there */
    DIGEST_SPACED,  /* in some field, white space before the colon: some readers see no field there,
                       and the end of the header section */
    DIGEST_TOO_LARGE, /* names and values of the kept fields pass 1 MiB */
    DIGEST_ORDER,     /* a field came behind the body */
    DIGEST_MEMORY,
};

struct digest *digest_init(void); /* NULL when out of memory */
void digest_free(struct digest **digest);

/* Each field of the message from top to bottom, before the body. */
enum digest_result digest_field(struct digest *digest, const struct field *field)
        __attribute__((warn_unused_result));
/* The body, in any chunks, with lines that end in CRLF or LF. */
void digest_body(struct digest *digest, struct text chunk);
/* Once, at the end. An empty text after digest_field() failed. */
void digest_final(struct digest *digest, char text_r[DIGEST_TEXT + 1]);
/* After digest_final(): octets of the body's longest line, without its end. */
uint64_t digest_longest_body_line(const struct digest *digest);

/* Whether this is the text form of some digest. */
bool digest_is_text(struct text t);

#endif
