// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_LETTER_H
#define VERIMAIL_COMMAND_LETTER_H

#include "command/command.h"
#include "protocol/digest.h"
#include "protocol/from.h"
#include "protocol/message.h"
#include "protocol/stamp.h"

#define LETTER_FAULT_MAX 160 /* octets with a NUL */

/* What stamping and explaining want to know of a message: its author, its stamps, its digest. It
 * streams and keeps nothing of the body. */
struct letter;

/* Fields that a message gets where it lacks them, before it is digested: what stands behind
 * `Date: ` and `Message-ID: `. */
struct letter_missing {
    const char *date;
    const char *message_id;
};

/* A well-formed stamp, whoever it is by, and where it stands in the message (message.h). */
struct letter_stamp {
    uint64_t offset;
    uint64_t len;
    struct stamp stamp;
};

/* `missing` is borrowed; NULL: nothing is added. NULL when memory is short. */
struct letter *letter_init(const struct letter_missing *missing);
void letter_free(struct letter **letter);

/* Any chunk boundaries. */
void letter_feed(struct letter *letter, struct text chunk);
/* Once, at the end. STATUS_DATA when it is no message, STATUS_FAILURE when memory is short:
 * `fault_r` is then a sentence, and nothing below may be called. */
enum status letter_end(struct letter *letter, char fault_r[LETTER_FAULT_MAX])
        __attribute__((warn_unused_result));

/* Both of these for all of standard input; what is wrong has then been said. */
enum status letter_read(struct letter *letter, const struct invocation *invocation)
        __attribute__((warn_unused_result));

/* The author; NULL with a sentence in `why_r` when the message does not say. */
const struct address *letter_author(const struct letter *letter, char why_r[LETTER_FAULT_MAX]);
const char *letter_digest(const struct letter *letter);
bool letter_is_crlf(const struct letter *letter);
bool letter_lacks_date(const struct letter *letter);
bool letter_lacks_message_id(const struct letter *letter);
/* From top to bottom. */
const struct letter_stamp *letter_stamps(const struct letter *letter, size_t *count_r);
/* The one stamp by this user (design, section 6). NULL when there is none, or several. `count_r`:
 * how many there are. */
const struct stamp *letter_stamp_by(
        const struct letter *letter, const struct address *user, size_t *count_r);

#endif
