// SPDX-License-Identifier: ISC
#include "command/letter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/spool.h"

struct letter {
    const struct letter_missing *missing;
    struct message *message;
    struct digest *digest;
    char digest_text[DIGEST_TEXT + 1];
    size_t froms;
    bool from_spaced; /* white space before its colon: no reader agrees on it */
    enum from_result from_result;
    struct address author;
    bool has_date;
    bool has_message_id;
    struct letter_stamp *stamps;
    size_t stamps_count;
    bool memory; /* was short */
};

static void take_stamp(struct letter *letter, const struct field *field)
{
    struct stamp stamp;

    if (!stamp_parse(field->value, &stamp))
        return;
    struct letter_stamp *larger =
            reallocarray(letter->stamps, letter->stamps_count + 1, sizeof *larger);
    if (larger == NULL) {
        letter->memory = true;
        return;
    }
    letter->stamps = larger;
    letter->stamps[letter->stamps_count++] =
            (struct letter_stamp){field->offset, field->len, stamp};
}

static void on_field(void *context, const struct field *field)
{
    struct letter *letter = context;

    if (!digest_field(letter->digest, field->name, field->value))
        letter->memory = true;
    if (stamp_is_name(field->name)) {
        take_stamp(letter, field);
    } else if (text_equal_fold(field->name, text_of("From"))) {
        letter->froms++;
        letter->from_spaced = field->space_before_colon;
        letter->from_result = from_parse(field->value, &letter->author);
    } else if (text_equal_fold(field->name, text_of("Date"))) {
        letter->has_date = true;
    } else if (text_equal_fold(field->name, text_of("Message-ID"))) {
        letter->has_message_id = true;
    }
}

static void on_header_end(void *context)
{
    struct letter *letter = context;
    const struct letter_missing *missing = letter->missing;
    bool ok = true;

    if (letter_lacks_date(letter))
        ok = digest_field(letter->digest, text_of("Date"), text_of(missing->date));
    if (letter_lacks_message_id(letter))
        ok = digest_field(letter->digest, text_of("Message-ID"), text_of(missing->message_id)) &&
             ok;
    letter->memory = letter->memory || !ok;
}

static void on_body(void *context, struct text piece)
{
    struct letter *letter = context;

    digest_body(letter->digest, piece);
}

struct letter *letter_init(const struct letter_missing *missing)
{
    static const struct message_events events = {on_field, on_header_end, on_body};
    struct letter *letter = calloc(1, sizeof *letter);

    if (letter == NULL)
        return NULL;
    letter->missing = missing;
    letter->message = message_init(&events, letter);
    letter->digest = digest_init();
    if (letter->message == NULL || letter->digest == NULL)
        letter_free(&letter);
    return letter;
}

void letter_free(struct letter **letter)
{
    if (*letter == NULL)
        return;
    message_free(&(*letter)->message);
    digest_free(&(*letter)->digest);
    free((*letter)->stamps);
    free(*letter);
    *letter = NULL;
}

void letter_feed(struct letter *letter, struct text chunk)
{
    /* The result stays until letter_end(). */
    (void)!message_feed(letter->message, chunk);
}

static enum status describe(
        const struct letter *letter, enum message_result result, char fault_r[LETTER_FAULT_MAX])
{
    const unsigned long long line = message_line(letter->message);

    switch (result) {
    case MESSAGE_OK:
        break;
    case MESSAGE_NOT_FIELD:
        snprintf(fault_r, LETTER_FAULT_MAX,
                "line %llu of the message is neither a header field nor the empty line before the "
                "body",
                line);
        return STATUS_DATA;
    case MESSAGE_TOO_LARGE:
        snprintf(fault_r, LETTER_FAULT_MAX,
                "line %llu of the message: the header section is over %d octets or %d fields", line,
                MESSAGE_HEADER_MAX, MESSAGE_FIELDS_MAX);
        return STATUS_DATA;
    case MESSAGE_MEMORY:
        snprintf(fault_r, LETTER_FAULT_MAX, "memory is short");
        return STATUS_FAILURE;
    }
    return STATUS_OK;
}

enum status letter_end(struct letter *letter, char fault_r[LETTER_FAULT_MAX])
{
    enum message_result result = message_end(letter->message);

    if (result == MESSAGE_OK && letter->memory)
        result = MESSAGE_MEMORY;
    digest_final(letter->digest, letter->digest_text);
    return describe(letter, result, fault_r);
}

enum status letter_read(struct letter *letter, const struct invocation *invocation)
{
    char room[SPOOL_CHUNK];
    char fault[LETTER_FAULT_MAX];
    ssize_t got;

    while ((got = spool_read(STDIN_FILENO, room, sizeof room)) > 0)
        letter_feed(letter, (struct text){room, (size_t)got});
    if (got < 0) {
        command_complain(invocation, "standard input: %s", strerror(errno));
        return STATUS_INPUT;
    }
    const enum status status = letter_end(letter, fault);
    if (status != STATUS_OK)
        command_complain(invocation, "%s", fault);
    return status;
}

const struct address *letter_author(const struct letter *letter, char why_r[LETTER_FAULT_MAX])
{
    if (letter->froms == 0)
        snprintf(why_r, LETTER_FAULT_MAX, "the message has no From field");
    else if (letter->froms > 1)
        snprintf(why_r, LETTER_FAULT_MAX, "the message has more than one From field");
    else if (letter->from_spaced)
        snprintf(why_r, LETTER_FAULT_MAX, "the From field has white space before its colon");
    else if (letter->from_result != FROM_OK)
        snprintf(why_r, LETTER_FAULT_MAX, "the From field %s",
                from_result_text(letter->from_result));
    else
        return &letter->author;
    return NULL;
}

const char *letter_digest(const struct letter *letter)
{
    return letter->digest_text;
}

bool letter_is_crlf(const struct letter *letter)
{
    return message_is_crlf(letter->message);
}

bool letter_lacks_date(const struct letter *letter)
{
    return letter->missing != NULL && !letter->has_date;
}

bool letter_lacks_message_id(const struct letter *letter)
{
    return letter->missing != NULL && !letter->has_message_id;
}

const struct letter_stamp *letter_stamps(const struct letter *letter, size_t *count_r)
{
    *count_r = letter->stamps_count;
    return letter->stamps;
}

const struct stamp *letter_stamp_by(
        const struct letter *letter, const struct address *user, size_t *count_r)
{
    const struct stamp *found = NULL;

    *count_r = 0;
    for (size_t i = 0; i < letter->stamps_count; i++) {
        if (!address_equal(&letter->stamps[i].stamp.user, user))
            continue;
        found = &letter->stamps[i].stamp;
        ++*count_r;
    }
    return *count_r == 1 ? found : NULL;
}
