// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_READ_MESSAGE_H
#define VERIMAIL_COMMAND_READ_MESSAGE_H

#include "command/command.h"
#include "protocol/message_parser.h"

#define READ_MESSAGE_ERROR_MAX 160 /* octets with a NUL */

/* Reads the octets of a message into a parser. A line `From ` in front, as mbox files and some
 * delivery agents have it, is passed over. */
struct read_message;

/* `parser` is borrowed. NULL when out of memory. */
struct read_message *read_message_init(struct message_parser *parser);
void read_message_free(struct read_message **reading);

/* Any chunk boundaries. */
void read_message_feed(struct read_message *reading, struct text chunk);
/* Call it once, at the end; it ends the parser. STATUS_DATA when it is not a message,
 * STATUS_FAILURE when out of memory: `error_r` is then a sentence. */
enum status read_message_end(struct read_message *reading, char error_r[READ_MESSAGE_ERROR_MAX])
        __attribute__((warn_unused_result));
bool read_message_is_crlf(const struct read_message *reading);
/* Octets of the line `From `; 0 when there is none. */
uint64_t read_message_mbox_len(const struct read_message *reading);

/* Reads standard input to its end, as read_message_end(). STATUS_INPUT: it cannot be read. */
enum status read_message_read(struct message_parser *parser, char error_r[READ_MESSAGE_ERROR_MAX])
        __attribute__((warn_unused_result));

/* The author; NULL with a sentence in `error_r` when it is not certain. */
const struct address *read_message_author(
        const struct message_parser *parser, char error_r[READ_MESSAGE_ERROR_MAX]);

#endif
