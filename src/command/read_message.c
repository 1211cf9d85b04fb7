// SPDX-License-Identifier: ISC
#include "command/read_message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/spool.h"

/* What the next octet belongs to. */
enum read_message_place {
    PLACE_START, /* what may be an mbox line; nothing was given to `message` */
    PLACE_MBOX_LINE,
    PLACE_MESSAGE,
};

struct read_message {
    struct message_parser *parser;
    struct message *message;
    enum read_message_place place;
    size_t matched;    /* octets of `mbox_start` at the start */
    uint64_t mbox_len; /* of the mbox line */
};

static const char mbox_start[] = "From ";

static void read_message_on_field(void *context, const struct field *field)
{
    message_parser_field(context, field);
}

static void read_message_on_header_end(void *context)
{
    message_parser_header_end(context);
}

static void read_message_on_body(void *context, struct text piece)
{
    message_parser_body(context, piece);
}

static void read_message_on_not_field(void *context, struct text lines)
{
    message_parser_not_field(context, lines);
}

struct read_message *read_message_init(struct message_parser *parser)
{
    static const struct message_events events = {read_message_on_field, read_message_on_header_end,
            read_message_on_body, read_message_on_not_field};
    struct read_message *reading = calloc(1, sizeof *reading);

    if (reading == NULL)
        return NULL;
    reading->parser = parser;
    reading->message = message_init(&events, parser);
    if (reading->message == NULL)
        read_message_free(&reading);
    return reading;
}

void read_message_free(struct read_message **reading)
{
    if (*reading == NULL)
        return;
    message_free(&(*reading)->message);
    free(*reading);
    *reading = NULL;
}

static void read_message_give(struct read_message *reading, struct text chunk)
{
    reading->place = PLACE_MESSAGE;
    /* The result stays until read_message_end(). */
    (void)!message_feed(reading->message, chunk);
}

/* `From : a@b` and `From` with a fold behind it are fields. */
static struct text read_message_pass_start(struct read_message *reading, struct text rest)
{
    const size_t len = sizeof mbox_start - 1;

    while (rest.len > 0 && reading->matched < len && rest.at[0] == mbox_start[reading->matched]) {
        reading->matched++;
        rest = (struct text){rest.at + 1, rest.len - 1};
    }
    if (rest.len == 0)
        return rest;
    if (reading->matched == len && rest.at[0] != ':' && !text_is_white(rest.at[0])) {
        reading->place = PLACE_MBOX_LINE;
        reading->mbox_len = len;
    } else {
        read_message_give(reading, (struct text){mbox_start, reading->matched});
    }
    return rest;
}

static struct text read_message_pass_mbox_line(struct read_message *reading, struct text rest)
{
    const char *lf = memchr(rest.at, '\n', rest.len);
    const size_t len = lf != NULL ? (size_t)(lf - rest.at) + 1 : rest.len;

    if (lf != NULL)
        reading->place = PLACE_MESSAGE;
    reading->mbox_len += len;
    return (struct text){rest.at + len, rest.len - len};
}

void read_message_feed(struct read_message *reading, struct text chunk)
{
    if (reading->place == PLACE_START && chunk.len > 0)
        chunk = read_message_pass_start(reading, chunk);
    if (reading->place == PLACE_MBOX_LINE && chunk.len > 0)
        chunk = read_message_pass_mbox_line(reading, chunk);
    if (chunk.len > 0)
        read_message_give(reading, chunk);
}

static enum status read_message_describe(const struct read_message *reading,
        enum message_parser_error error, char error_r[READ_MESSAGE_ERROR_MAX])
{
    const unsigned long long line = message_line(reading->message) + (reading->mbox_len > 0);

    switch (error) {
    case MESSAGE_PARSER_NOT_FIELD:
        snprintf(error_r, READ_MESSAGE_ERROR_MAX,
                "line %llu of the message is neither a header field nor the empty line before the "
                "body",
                line);
        return STATUS_DATA;
    case MESSAGE_PARSER_TOO_LARGE:
        snprintf(error_r, READ_MESSAGE_ERROR_MAX,
                "line %llu of the message: the header section is over %d octets or %d fields", line,
                MESSAGE_HEADER_MAX, MESSAGE_FIELDS_MAX);
        return STATUS_DATA;
    case MESSAGE_PARSER_MEMORY:
        snprintf(error_r, READ_MESSAGE_ERROR_MAX, "out of memory");
        return STATUS_FAILURE;
    case MESSAGE_PARSER_OK:
    case MESSAGE_PARSER_NO_FROM:
    case MESSAGE_PARSER_SEVERAL_FROMS:
    case MESSAGE_PARSER_FROM:
    case MESSAGE_PARSER_MISLEADING:
    case MESSAGE_PARSER_LONG_LINE:
    case MESSAGE_PARSER_BARE_CR:
    case MESSAGE_PARSER_SPACED:
        break;
    }
    return STATUS_OK;
}

enum status read_message_end(struct read_message *reading, char error_r[READ_MESSAGE_ERROR_MAX])
{
    if (reading->place == PLACE_START)
        read_message_give(reading, (struct text){mbox_start, reading->matched});
    message_parser_broken(reading->parser, message_end(reading->message));
    return read_message_describe(reading, message_parser_end(reading->parser), error_r);
}

bool read_message_is_crlf(const struct read_message *reading)
{
    return message_is_crlf(reading->message);
}

uint64_t read_message_mbox_len(const struct read_message *reading)
{
    return reading->mbox_len;
}

static enum status read_message_feed_all(
        struct read_message *reading, char error_r[READ_MESSAGE_ERROR_MAX])
{
    char buffer[SPOOL_CHUNK];
    ssize_t got;

    while ((got = spool_read(STDIN_FILENO, buffer, sizeof buffer)) > 0)
        read_message_feed(reading, (struct text){buffer, (size_t)got});
    if (got < 0) {
        snprintf(error_r, READ_MESSAGE_ERROR_MAX, "standard input: %s", strerror(errno));
        return STATUS_INPUT;
    }
    return read_message_end(reading, error_r);
}

enum status read_message_read(struct message_parser *parser, char error_r[READ_MESSAGE_ERROR_MAX])
{
    struct read_message *reading = read_message_init(parser);

    if (reading == NULL) {
        snprintf(error_r, READ_MESSAGE_ERROR_MAX, "out of memory");
        return STATUS_FAILURE;
    }
    const enum status status = read_message_feed_all(reading, error_r);
    read_message_free(&reading);
    return status;
}

const struct address *read_message_author(
        const struct message_parser *parser, char error_r[READ_MESSAGE_ERROR_MAX])
{
    enum message_parser_error error;
    const struct address *author = message_parser_author(parser, &error);

    if (error == MESSAGE_PARSER_FROM || error == MESSAGE_PARSER_MISLEADING)
        snprintf(error_r, READ_MESSAGE_ERROR_MAX, "the From field %s",
                from_result_text(message_parser_from_result(parser)));
    else if (author == NULL)
        snprintf(error_r, READ_MESSAGE_ERROR_MAX, "the message %s",
                message_parser_error_text(error));
    return author;
}
