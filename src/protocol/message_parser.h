// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_MESSAGE_PARSER_H
#define VERIMAIL_PROTOCOL_MESSAGE_PARSER_H

#include <stdint.h>

#include "protocol/candidates.h"
#include "protocol/digest.h"
#include "protocol/from.h"
#include "protocol/message.h"
#include "protocol/stamp.h"

/* Finds out what stamping and verifying need to know of a message: its author, its stamps, its
 * digest. Give it the header fields and then the body, as message.h or a mail server that speaks
 * the milter protocol cuts them. It keeps nothing of the body. */
struct message_parser;

/* Fields that are added to a message that lacks them, before it is digested: what is behind `Date:
 * `, `Message-ID: ` and `From: `. One that is NULL is not added. An empty From counts as none. */
struct message_parser_missing {
    const char *date;
    const char *message_id;
    const char *from;
};

#define MESSAGE_PARSER_HASH 32 /* octets */

/* A well-formed stamp of any user, and where it is in the message (field.h). */
struct message_parser_stamp {
    unsigned number; /* of the message's fields Verimail, well-formed or not; the first is 1 */
    uint64_t offset;
    uint64_t len;
    bool space_before_colon;
    unsigned char hash[MESSAGE_PARSER_HASH]; /* of the field's octets */
    struct stamp stamp;
};

/* Why a message names no author that is certain. */
enum message_parser_error {
    MESSAGE_PARSER_OK,
    MESSAGE_PARSER_NO_FROM,
    MESSAGE_PARSER_SEVERAL_FROMS,
    MESSAGE_PARSER_FROM, /* message_parser_from_result() says what is wrong with it */
    MESSAGE_PARSER_MISLEADING, /* the same for FROM_MISLEADING: readers may see another author */
    /* It has no digest (digest.h), and readers may disagree on its author. */
    MESSAGE_PARSER_LONG_LINE,
    MESSAGE_PARSER_BARE_CR,
    MESSAGE_PARSER_SPACED,
    MESSAGE_PARSER_NOT_FIELD, /* a line of the header section is no field */
    MESSAGE_PARSER_TOO_LARGE, /* the header section: over 1 MiB or 2000 fields */
    MESSAGE_PARSER_MEMORY,
};

/* `missing` is borrowed, and read at message_parser_header_end(); NULL: nothing is added. NULL when
 * out of memory. */
struct message_parser *message_parser_init(const struct message_parser_missing *missing);
void message_parser_free(struct message_parser **parser);

/* Each field from top to bottom, as message_events has it; none after message_parser_header_end().
 * Fields beyond MESSAGE_FIELDS_MAX, or beyond MESSAGE_HEADER_MAX octets, make it an error. */
void message_parser_field(struct message_parser *parser, const struct field *field);
void message_parser_header_end(struct message_parser *parser);
void message_parser_body(struct message_parser *parser, struct text piece);
/* Lines that are no field, as message_events has them: that is MESSAGE_NOT_FIELD. */
void message_parser_not_field(struct message_parser *parser, struct text lines);
/* What message.h found: a result other than MESSAGE_OK makes it an error. */
void message_parser_broken(struct message_parser *parser, enum message_result result);
/* Call it once, at the end; the functions below are for after it. MESSAGE_PARSER_OK,
 * MESSAGE_PARSER_NOT_FIELD, MESSAGE_PARSER_TOO_LARGE or MESSAGE_PARSER_MEMORY: with these there is
 * no author, no stamp and no digest. */
enum message_parser_error message_parser_end(struct message_parser *parser)
        __attribute__((warn_unused_result));

/* The author; NULL with the error when it is not certain, or message_parser_end() had one. */
const struct address *message_parser_author(
        const struct message_parser *parser, enum message_parser_error *error_r);
/* Adds the domains that could be meant as the author's where that is not certain: by all From
 * fields, and by what some readers take for one, also after an error of message_parser_end(). */
void message_parser_candidates(const struct message_parser *parser, encoded_word_charset *decode,
        struct candidates *candidates);
enum from_result message_parser_from_result(const struct message_parser *parser);
/* Empty where it has none. */
const char *message_parser_digest(const struct message_parser *parser);
/* Octets of the body's longest line, without its end. */
uint64_t message_parser_longest_body_line(const struct message_parser *parser);
/* Whether it lacks a field that `missing` has. */
bool message_parser_lacks_from(const struct message_parser *parser);
bool message_parser_lacks_date(const struct message_parser *parser);
bool message_parser_lacks_message_id(const struct message_parser *parser);
/* From top to bottom; those with white space before the colon too, so that they can be removed. */
const struct message_parser_stamp *message_parser_stamps(
        const struct message_parser *parser, size_t *count_r);
/* The one stamp by this user (design, section 6); one with white space before its colon is none.
 * The same field again, octet for octet, is the same stamp. NULL when there is none, or several.
 * `count_r`: how many there are. */
const struct stamp *message_parser_stamp_by(
        const struct message_parser *parser, const struct address *user, size_t *count_r);

/* The end of a sentence for a person: "has no From field". For MESSAGE_PARSER_FROM,
 * from_result_text() says more. */
const char *message_parser_error_text(enum message_parser_error error);
/* One word for a log or a result field: "no-from", "several-froms", "from", "header", ... */
const char *message_parser_error_word(enum message_parser_error error);

#endif
