// SPDX-License-Identifier: ISC
#include "command/read_message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/spool.h"

struct intake {
    struct letter *letter;
    struct message *message;
};

static void on_field(void *context, const struct field *field)
{
    letter_field(context, field);
}

static void on_header_end(void *context)
{
    letter_header_end(context);
}

static void on_body(void *context, struct text piece)
{
    letter_body(context, piece);
}

struct intake *intake_init(struct letter *letter)
{
    static const struct message_events events = {on_field, on_header_end, on_body};
    struct intake *intake = calloc(1, sizeof *intake);

    if (intake == NULL)
        return NULL;
    intake->letter = letter;
    intake->message = message_init(&events, letter);
    if (intake->message == NULL)
        intake_free(&intake);
    return intake;
}

void intake_free(struct intake **intake)
{
    if (*intake == NULL)
        return;
    message_free(&(*intake)->message);
    free(*intake);
    *intake = NULL;
}

void intake_feed(struct intake *intake, struct text chunk)
{
    /* The result stays until intake_end(). */
    (void)!message_feed(intake->message, chunk);
}

static enum status describe(
        const struct intake *intake, enum letter_fault fault, char fault_r[INTAKE_FAULT_MAX])
{
    const unsigned long long line = message_line(intake->message);

    switch (fault) {
    case LETTER_NOT_FIELD:
        snprintf(fault_r, INTAKE_FAULT_MAX,
                "line %llu of the message is neither a header field nor the empty line before the "
                "body",
                line);
        return STATUS_DATA;
    case LETTER_TOO_LARGE:
        snprintf(fault_r, INTAKE_FAULT_MAX,
                "line %llu of the message: the header section is over %d octets or %d fields", line,
                MESSAGE_HEADER_MAX, MESSAGE_FIELDS_MAX);
        return STATUS_DATA;
    case LETTER_MEMORY:
        snprintf(fault_r, INTAKE_FAULT_MAX, "memory is short");
        return STATUS_FAILURE;
    case LETTER_OK:
    case LETTER_NO_FROM:
    case LETTER_SEVERAL_FROMS:
    case LETTER_FROM_SPACED:
    case LETTER_FROM:
        break;
    }
    return STATUS_OK;
}

enum status intake_end(struct intake *intake, char fault_r[INTAKE_FAULT_MAX])
{
    letter_broken(intake->letter, message_end(intake->message));
    return describe(intake, letter_end(intake->letter), fault_r);
}

bool intake_is_crlf(const struct intake *intake)
{
    return message_is_crlf(intake->message);
}

static enum status feed_all(struct intake *intake, const struct invocation *invocation)
{
    char room[SPOOL_CHUNK];
    char fault[INTAKE_FAULT_MAX];
    ssize_t got;

    while ((got = spool_read(STDIN_FILENO, room, sizeof room)) > 0)
        intake_feed(intake, (struct text){room, (size_t)got});
    if (got < 0) {
        command_complain(invocation, "standard input: %s", strerror(errno));
        return STATUS_INPUT;
    }
    const enum status status = intake_end(intake, fault);
    if (status != STATUS_OK)
        command_complain(invocation, "%s", fault);
    return status;
}

enum status intake_read(struct letter *letter, const struct invocation *invocation)
{
    struct intake *intake = intake_init(letter);

    if (intake == NULL) {
        command_complain(invocation, "memory is short");
        return STATUS_FAILURE;
    }
    const enum status status = feed_all(intake, invocation);
    intake_free(&intake);
    return status;
}

const struct address *intake_author(const struct letter *letter, char why_r[INTAKE_FAULT_MAX])
{
    enum letter_fault fault;
    const struct address *author = letter_author(letter, &fault);

    if (fault == LETTER_FROM)
        snprintf(why_r, INTAKE_FAULT_MAX, "the From field %s",
                from_result_text(letter_from_result(letter)));
    else if (author == NULL)
        snprintf(why_r, INTAKE_FAULT_MAX, "the message %s", letter_fault_text(fault));
    return author;
}
