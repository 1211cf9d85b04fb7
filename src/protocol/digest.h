// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_DIGEST_H
#define VERIMAIL_PROTOCOL_DIGEST_H

#include <stdbool.h>

#include "protocol/field.h"
#include "protocol/text.h"

#define DIGEST_OCTETS 32
#define DIGEST_TEXT 43 /* octets as base64url without padding */

/* The message digest of design section 5: BLAKE2b-256 over eleven header fields with their counts
 * and the body in RFC 6376 relaxed form. Streaming: it holds the kept fields until the body begins,
 * and nothing of the body. Chunk boundaries never matter, nor whether a line ends in CRLF or LF.
 *
 * White space in a field is SP, HTAB, CR and LF, also a CR or LF that stands alone. In the body it
 * is SP and HTAB; a CR without LF and a NUL are octets like others. A body line of only white space
 * is an empty line. */
struct digest;

struct digest *digest_init(void); /* NULL when out of memory */
void digest_free(struct digest **digest);

/* Each field of the message from top to bottom, before the body; names that it does not cover are
 * ignored. `value` is all behind the colon. False when the message has no digest: names and values
 * of the kept fields pass 1 MiB (message.h takes no such header section), the body has begun, or
 * out of memory. */
bool digest_field(struct digest *digest, enum field_name name, struct text value)
        __attribute__((warn_unused_result));
/* The body, in any chunks, with lines that end in CRLF or LF. */
void digest_body(struct digest *digest, struct text chunk);
/* Once, at the end; the digest must then be freed. An empty text after digest_field() failed. */
void digest_final(struct digest *digest, char text_r[DIGEST_TEXT + 1]);

/* Whether this is the text form of some digest. */
bool digest_is_text(struct text t);

#endif
