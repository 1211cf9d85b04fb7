// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_MESSAGE_PARSER_H
#define VERIMAIL_PROTOCOL_MESSAGE_PARSER_H

#include <stdint.h>

#include "protocol/digest.h"
#include "protocol/from.h"
#include "protocol/message.h"
#include "protocol/stamp.h"

/* What stamping and verifying want to know of a message: its author, its stamps, its digest. It is
 * told the header fields and then the body, keeps nothing of the body, and does not care who cut
 * the message into fields (message.h, or a mail server that speaks the milter protocol). */
struct letter;

/* Fields that a message gets where it lacks them, before it is digested: what stands behind
 * `Date: ` and `Message-ID: `. */
struct letter_missing {
    const char *date;
    const char *message_id;
};

/* A well-formed stamp, whoever it is by, and where it stands: what the field had (message.h). */
struct letter_stamp {
    uint64_t offset;
    uint64_t len;
    bool space_before_colon;
    struct stamp stamp;
};

/* Why a message names no author. */
enum letter_fault {
    LETTER_OK,
    LETTER_NO_FROM,
    LETTER_SEVERAL_FROMS,
    LETTER_FROM_SPACED, /* white space before its colon: no reader agrees on it */
    LETTER_FROM,        /* letter_from_result() says what is wrong with it */
    LETTER_NOT_FIELD,   /* a line of the header section is no field */
    LETTER_TOO_LARGE,   /* the header section: over 1 MiB or 2000 fields */
    LETTER_MEMORY,
};

/* `missing` is borrowed; NULL: nothing is added. NULL when memory is short. */
struct letter *letter_init(const struct letter_missing *missing);
void letter_free(struct letter **letter);

/* Each field from top to bottom, as message_events has it; after letter_header_end() no more. At
 * MESSAGE_FIELDS_MAX fields or MESSAGE_HEADER_MAX octets of them it takes no more of them in. */
void letter_field(struct letter *letter, const struct field *field);
void letter_header_end(struct letter *letter);
void letter_body(struct letter *letter, struct text piece);
/* What message.h found: a result other than MESSAGE_OK makes it a fault. */
void letter_broken(struct letter *letter, enum message_result result);
/* Once, at the end; what stands below is for after it. LETTER_OK, LETTER_NOT_FIELD,
 * LETTER_TOO_LARGE or LETTER_MEMORY: with these there is no author, no stamp and no digest. */
enum letter_fault letter_end(struct letter *letter) __attribute__((warn_unused_result));

/* The author; NULL with the fault when the message does not say, or letter_end() had one. */
const struct address *letter_author(const struct letter *letter, enum letter_fault *fault_r);
enum from_result letter_from_result(const struct letter *letter);
const char *letter_digest(const struct letter *letter);
bool letter_lacks_date(const struct letter *letter);
bool letter_lacks_message_id(const struct letter *letter);
/* From top to bottom; those with white space before the colon too, so that they can be removed. */
const struct letter_stamp *letter_stamps(const struct letter *letter, size_t *count_r);
/* The one stamp by this user (design, section 6); one with white space before its colon is none.
 * NULL when there is none, or several. `count_r`: how many there are. */
const struct stamp *letter_stamp_by(
        const struct letter *letter, const struct address *user, size_t *count_r);

/* A sentence's end for a person: "has no From field"; for LETTER_FROM "has a From field that ..."
 * is for the caller to put together. */
const char *letter_fault_text(enum letter_fault fault);
/* One word for a log or a result field: "no-from", "several-froms", "from", "header", ... */
const char *letter_fault_word(enum letter_fault fault);

#endif
