// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_READ_MESSAGE_H
#define VERIMAIL_COMMAND_READ_MESSAGE_H

#include "command/command.h"
#include "protocol/message_parser.h"

#define READ_MESSAGE_ERROR_MAX 160 /* octets with a NUL */

/* A message as octets on their way into a letter. */
struct read_message;

/* `letter` is borrowed. NULL when out of memory. */
struct read_message *read_message_init(struct message_parser *parser);
void read_message_free(struct read_message **reading);

/* Any chunk boundaries. */
void read_message_feed(struct read_message *reading, struct text chunk);
/* Once, at the end; ends the letter. STATUS_DATA when it is no message, STATUS_FAILURE when memory
 * is short: `error_r` is then a sentence. */
enum status read_message_end(struct read_message *reading, char error_r[READ_MESSAGE_ERROR_MAX])
        __attribute__((warn_unused_result));
bool read_message_is_crlf(const struct read_message *reading);

/* All of it for standard input; what is wrong has then been said. */
enum status read_message_read(struct message_parser *parser, const struct invocation *invocation)
        __attribute__((warn_unused_result));

/* The author; NULL with a sentence in `error_r` when the message does not say. */
const struct address *read_message_author(
        const struct message_parser *parser, char error_r[READ_MESSAGE_ERROR_MAX]);

#endif
