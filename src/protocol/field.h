// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_FIELD_H
#define VERIMAIL_PROTOCOL_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"

/* The names of header fields that matter to us. */
enum field_name {
    FIELD_OTHER,
    /* Those that the message digest covers, in the order of design section 5. */
    FIELD_FROM,
    FIELD_SENDER,
    FIELD_REPLY_TO,
    FIELD_MAIL_FOLLOWUP_TO,
    FIELD_MAIL_REPLY_TO,
    FIELD_TO,
    FIELD_CC,
    FIELD_SUBJECT,
    FIELD_DATE,
    FIELD_MESSAGE_ID,
    FIELD_IN_REPLY_TO,
    FIELD_REFERENCES,
    FIELD_MIME_VERSION,
    FIELD_CONTENT_TYPE,
    FIELD_CONTENT_TRANSFER_ENCODING,
    FIELD_CONTENT_DISPOSITION,
    FIELD_CONTENT_ID,
    FIELD_CONTENT_LOCATION,
    FIELD_LIST_POST,
    FIELD_LIST_UNSUBSCRIBE,
    FIELD_LIST_UNSUBSCRIBE_POST,
    FIELD_DISPOSITION_NOTIFICATION_TO,
    FIELD_AUTOCRYPT,
    FIELD_RESENT_FROM,
    FIELD_RESENT_SENDER,
    FIELD_DIGESTED_END,
    FIELD_VERIMAIL = FIELD_DIGESTED_END,
    FIELD_AUTHENTICATION_RESULTS,
    FIELD_RECEIVED,
};

/* In any case; `name` without the white space that may stand behind it. */
enum field_name field_name_of(struct text name);
/* In lower case. Not for FIELD_OTHER. */
const char *field_name_text(enum field_name name);

/* One header field as it arrived. Both texts are borrowed. `offset` and `len` are exact: the
 * fields, laid side by side, are the header section without its empty line. */
struct field {
    struct text name;  /* 1*(33..126, no colon), without white space behind it */
    struct text value; /* all that is behind the colon, folds included, without the line's end */
    enum field_name known;   /* field_name_of() the name */
    bool space_before_colon; /* `From : a@b` or a fold before the colon: no reader agrees on it */
    uint64_t offset;         /* of its first octet in the message */
    uint64_t len;            /* octets with its line end, folds included */
    size_t longest_line; /* octets of its longest line, name and colon included, without the end */
    bool has_bare_cr;    /* a CR that is not part of a line end */
};

/* A field of a source that does not tell where it stands: `offset` is 0, and `len` is that of a
 * field with CRLF. `name` may have white space at its end, which stood before the colon. */
struct field field_of(struct text name, struct text value);
/* Whether it is the one field that it claims to be: the name is as above, and each LF in the value is
 * a fold. What stands behind another LF would be a line of its own in the message. */
bool field_is_well_formed(const struct field *field);
/* Fills in what is found in the lines of `field`, whose value is set already. `before_colon` is all
 * that stands before the colon. */
void field_measure(struct field *field, struct text before_colon);

#endif
