// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_MESSAGE_H
#define VERIMAIL_PROTOCOL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/field.h"
#include "protocol/text.h"

#define MESSAGE_HEADER_MAX 1048576 /* octets of a header section with its empty line */
#define MESSAGE_FIELDS_MAX 2000

/* The parts of a message. `field` is called for each field from top to bottom. `header_end` is
 * called once, at the empty line or at the end of a message that has none. `body` is called for
 * what is behind the empty line, in any number of pieces. `not_field`
 * is called for each line that is no field, with those that continue it. */
struct message_events {
    void (*field)(void *context, const struct field *field);
    void (*header_end)(void *context);
    void (*body)(void *context, struct text piece);
    void (*not_field)(void *context, struct text lines); /* NULL: that does not matter */
};

enum message_result {
    MESSAGE_OK,
    MESSAGE_TOO_LARGE, /* the header section: over 1 MiB or 2000 fields */
    MESSAGE_NOT_FIELD, /* a line in the header section is neither a field nor a continuation */
    MESSAGE_MEMORY,
};

struct message;

/* A streaming reader of RFC 5322 messages with lines that end in CRLF or LF (each by itself). It
 * keeps one field at a time. A line that begins with SP or HTAB continues the field above it, even
 * if nothing else is in it; at the top of the message it is no field. A CR without LF and a NUL are
 * octets like others. `events` and `context` are borrowed until message_free(). NULL when out of
 * memory. */
struct message *message_init(const struct message_events *events, void *context);
void message_free(struct message **message);

/* Any chunk boundaries: the events are the same. A result other than MESSAGE_OK stays. Then no more
 * events come, with one exception: up to the empty line, fields are reported behind one that is
 * MESSAGE_NOT_FIELD, since some readers take them for fields, and others for the body. */
enum message_result message_feed(struct message *message, struct text chunk)
        __attribute__((warn_unused_result));
/* End of input: reports what is still held (a message may end inside its header section, even
 * inside a line). */
enum message_result message_end(struct message *message) __attribute__((warn_unused_result));
/* The line at fault, counted from 1, after MESSAGE_NOT_FIELD or MESSAGE_TOO_LARGE: the first line
 * of what is no field or one field too many, or the line with one octet too many. 0 before. */
uint64_t message_line(const struct message *message);
/* Whether the first line ended with CRLF; false while it has not ended. */
bool message_is_crlf(const struct message *message);

#endif
