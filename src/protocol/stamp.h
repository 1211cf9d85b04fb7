// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_STAMP_H
#define VERIMAIL_PROTOCOL_STAMP_H

#include <stdbool.h>

#include "protocol/address.h"
#include "protocol/text.h"

#define STAMP_NAME "Verimail"
#define STAMP_FIELD_MAX 900 /* octets of the whole field: name, colon, value, folds; no last CRLF  \
                             */
#define STAMP_LINE_MAX 78   /* a line of it, RFC 5322 2.1.1; a long user may pass it */
#define STAMP_PAYLOAD_MAX STAMP_FIELD_MAX

/* The header field `Verimail: user payload` (design, sections 1 and 4). */
struct stamp {
    struct address user;
    char payload[STAMP_PAYLOAD_MAX + 1]; /* NUL-terminated, folds taken out */
};

/* Writes the whole field without its last line end, folded at 78 with `eol` ("\r\n" or "\n").
 * Fails when that would pass STAMP_FIELD_MAX (counted with CRLF, whatever `eol`) or `w`'s room. */
bool stamp_format(const struct address *user, struct text payload, const char *eol,
        struct writer *w) __attribute__((warn_unused_result));

/* Reads the value of a field named Verimail (all that is behind the colon). False when it is no
 * stamp: too long, not well formed, a bare user. The payload is one or more runs of base64url or
 * hex octets with folding white space between; it is not opened. */
bool stamp_parse(struct text value, struct stamp *stamp_r) __attribute__((warn_unused_result));

bool stamp_is_name(struct text field_name);

#endif
