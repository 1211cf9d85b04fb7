// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_STAMP_H
#define VERIMAIL_PROTOCOL_STAMP_H

#include <stdbool.h>

#include "protocol/address.h"
#include "protocol/text.h"

#define STAMP_NAME "Verimail"
/* Octets of the whole field as it stands in a message: name, colon, all white space, each fold's
 * line end as two octets even if it is a bare LF; without the line end behind it all. */
#define STAMP_FIELD_MAX 900
#define STAMP_LINE_MAX 78 /* a line of it, RFC 5322 2.1.1; only a user over 77 octets passes it */
#define STAMP_PAYLOAD_MAX STAMP_FIELD_MAX

/* The header field `Verimail: user payload` (design, sections 1 and 4). */
struct stamp {
    struct address user;
    char payload[STAMP_PAYLOAD_MAX + 1]; /* NUL-terminated, folds taken out */
};

/* Writes the value of a field Verimail: all that stands behind the colon, from its white space on,
 * without the last line end. It is folded at 78 with `eol` ("\r\n" or "\n"); a user too long to
 * stand behind the name gets a line of its own. False, with `w` failed, when the payload is not
 * what stamp_parse() takes, or the field passes STAMP_FIELD_MAX or the value `w`'s room. */
bool stamp_format(const struct address *user, struct text payload, const char *eol,
        struct writer *w) __attribute__((warn_unused_result));

/* Reads the value of a field named Verimail: all that is behind the colon, as it came.
 *
 *     value = [FWS] user FWS payload *( FWS payload ) [FWS]
 *     payload = 1*( ALPHA / DIGIT / "-" / "_" )
 *     FWS = 1*( SP / HTAB / [CR] LF ( SP / HTAB ) )
 *
 * with the user in canonical text and in one piece, its domain included. The payload's pieces are
 * joined, since mail servers change folds. It is not opened, but `-` is not a payload. False, with
 * nothing of use in `stamp_r`, for what does not fit or passes STAMP_FIELD_MAX: no stamp. */
bool stamp_parse(struct text value, struct stamp *stamp_r) __attribute__((warn_unused_result));

#endif
