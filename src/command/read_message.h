// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_READ_MESSAGE_H
#define VERIMAIL_COMMAND_READ_MESSAGE_H

#include "command/command.h"
#include "protocol/message_parser.h"

#define INTAKE_FAULT_MAX 160 /* octets with a NUL */

/* A message as octets on their way into a letter. */
struct intake;

/* `letter` is borrowed. NULL when memory is short. */
struct intake *intake_init(struct letter *letter);
void intake_free(struct intake **intake);

/* Any chunk boundaries. */
void intake_feed(struct intake *intake, struct text chunk);
/* Once, at the end; ends the letter. STATUS_DATA when it is no message, STATUS_FAILURE when memory
 * is short: `fault_r` is then a sentence. */
enum status intake_end(struct intake *intake, char fault_r[INTAKE_FAULT_MAX])
        __attribute__((warn_unused_result));
bool intake_is_crlf(const struct intake *intake);

/* All of it for standard input; what is wrong has then been said. */
enum status intake_read(struct letter *letter, const struct invocation *invocation)
        __attribute__((warn_unused_result));

/* The author; NULL with a sentence in `why_r` when the message does not say. */
const struct address *intake_author(const struct letter *letter, char why_r[INTAKE_FAULT_MAX]);

#endif
