// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_RETURNED_H
#define VERIMAIL_PROTOCOL_RETURNED_H

#include "protocol/field.h"
#include "protocol/stamp.h"

/* Finds the header section of the message that a bounce returns (design, section 7), and in it the
 * author and the author's stamp. Give it the bounce's own header fields and then its body, which
 * streams by: memory is constant, and the result is the same whatever the pieces.
 *
 * A returned header is
 * - the first part message/rfc822, text/rfc822-headers, message/global or message/global-headers
 *   that has a From field, at any depth of multiparts up to RETURNED_DEPTH_MAX; its own parts are
 *   not looked into; or else
 * - a block of lines in a text/plain part (or in a message without parts) that are all header
 *   fields, with a Message-ID and a From among them: the first with a stamp of its author, else the
 *   first.
 * Parts are decoded from quoted-printable and base64. */
struct returned;

#define RETURNED_DEPTH_MAX 16   /* multiparts inside each other */
#define RETURNED_FIELD_MAX 4096 /* octets; a field that is longer counts as one without a value */
#define RETURNED_STAMPS_MAX 4   /* well-formed ones in a header; more are not looked at */

struct returned *returned_init(void); /* NULL when out of memory */
void returned_free(struct returned **returned);

void returned_field(struct returned *returned, const struct field *field);
void returned_header_end(struct returned *returned);
void returned_body(struct returned *returned, struct text piece);
/* Call it once, at the end; the functions below are for after it. Whether a header was returned. */
bool returned_end(struct returned *returned) __attribute__((warn_unused_result));

/* The author of the returned header, borrowed; NULL when there is none, or it is not certain. */
const struct address *returned_author(const struct returned *returned);
/* The stamp by its author, borrowed. NULL: there is none, or there are several different ones. */
const struct stamp *returned_stamp(const struct returned *returned);

#endif
