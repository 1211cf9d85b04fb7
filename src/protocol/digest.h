// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_DIGEST_H
#define VERIMAIL_PROTOCOL_DIGEST_H

#include <stdbool.h>

#include "protocol/text.h"

#define DIGEST_OCTETS 32
#define DIGEST_TEXT 43 /* octets as base64url without padding */

/* The message digest of design section 5: BLAKE2b-256 over eleven header fields with their counts
 * and the body in RFC 6376 relaxed form. Streaming: it holds the kept fields (at most 1 MiB, the
 * header's limit) until the header ends, and nothing of the body. */
struct digest;

struct digest *digest_init(void); /* NULL when memory is short */
void digest_free(struct digest **digest);

/* Each field of the message from top to bottom, before the body; names that do not count are
 * passed over, white space at the name's end is not looked at. `value` is all behind the colon.
 * False when the kept fields are too large or memory is short: the message then has no digest. */
bool digest_field(struct digest *digest, struct text name, struct text value)
        __attribute__((warn_unused_result));
/* The body, in any chunks, with lines that end in CRLF or LF. */
void digest_body(struct digest *digest, struct text chunk);
/* Once, at the end; the digest must then be freed. */
void digest_final(struct digest *digest, char text_r[DIGEST_TEXT + 1]);

/* Whether this is the text form of some digest. */
bool digest_is_text(struct text t);

#endif
