// SPDX-License-Identifier: ISC
#include "protocol/message_parser.h"

#include <stdlib.h>

struct message_parser {
    const struct message_parser_missing *missing;
    struct digest *digest;
    char digest_text[DIGEST_TEXT + 1];
    enum message_parser_fault broken; /* MESSAGE_PARSER_OK, or what makes it no message at all */
    size_t fields;
    size_t octets; /* of names and values so far */
    size_t froms;
    bool from_spaced;
    enum from_result from_result;
    struct address author;
    bool has_date;
    bool has_message_id;
    struct message_parser_stamp *stamps;
    size_t stamps_count;
    unsigned stamp_fields; /* well-formed or not */
};

struct message_parser *message_parser_init(const struct message_parser_missing *missing)
{
    struct message_parser *letter = calloc(1, sizeof *letter);

    if (letter == NULL)
        return NULL;
    letter->missing = missing;
    letter->digest = digest_init();
    if (letter->digest == NULL)
        message_parser_free(&letter);
    return letter;
}

void message_parser_free(struct message_parser **letter)
{
    if (*letter == NULL)
        return;
    digest_free(&(*letter)->digest);
    free((*letter)->stamps);
    free(*letter);
    *letter = NULL;
}

static void take_stamp(struct message_parser *letter, const struct field *field)
{
    struct stamp stamp;

    letter->stamp_fields++;
    if (!stamp_parse(field->value, &stamp))
        return;
    struct message_parser_stamp *larger =
            reallocarray(letter->stamps, letter->stamps_count + 1, sizeof *larger);
    if (larger == NULL) {
        letter->broken = MESSAGE_PARSER_MEMORY;
        return;
    }
    letter->stamps = larger;
    letter->stamps[letter->stamps_count++] = (struct message_parser_stamp){
            letter->stamp_fields, field->offset, field->len, field->space_before_colon, stamp};
}

static void digest(struct message_parser *letter, struct text name, struct text value)
{
    if (!digest_field(letter->digest, name, value))
        letter->broken = MESSAGE_PARSER_MEMORY;
}

/* Whether the header section still has room for it. */
static bool message_parser_has_room(struct message_parser *letter, const struct field *field)
{
    letter->fields++;
    letter->octets += field->name.len + field->value.len;
    if (letter->fields > MESSAGE_FIELDS_MAX || letter->octets > MESSAGE_HEADER_MAX)
        letter->broken = MESSAGE_PARSER_TOO_LARGE;
    return letter->broken == MESSAGE_PARSER_OK;
}

void message_parser_field(struct message_parser *letter, const struct field *field)
{
    if (letter->broken != MESSAGE_PARSER_OK || !message_parser_has_room(letter, field))
        return;
    digest(letter, field->name, field->value);
    if (stamp_is_name(field->name)) {
        take_stamp(letter, field);
    } else if (text_equal_fold(field->name, text_of("From"))) {
        letter->froms++;
        letter->from_spaced = letter->from_spaced || field->space_before_colon;
        letter->from_result = from_parse(field->value, &letter->author);
    } else if (text_equal_fold(field->name, text_of("Date"))) {
        letter->has_date = true;
    } else if (text_equal_fold(field->name, text_of("Message-ID"))) {
        letter->has_message_id = true;
    }
}

void message_parser_header_end(struct message_parser *letter)
{
    if (letter->broken != MESSAGE_PARSER_OK)
        return;
    if (message_parser_lacks_date(letter))
        digest(letter, text_of("Date"), text_of(letter->missing->date));
    if (message_parser_lacks_message_id(letter))
        digest(letter, text_of("Message-ID"), text_of(letter->missing->message_id));
}

void message_parser_body(struct message_parser *letter, struct text piece)
{
    if (letter->broken == MESSAGE_PARSER_OK)
        digest_body(letter->digest, piece);
}

void message_parser_broken(struct message_parser *letter, enum message_result result)
{
    static const enum message_parser_fault faults[] = {
            [MESSAGE_OK] = MESSAGE_PARSER_OK,
            [MESSAGE_TOO_LARGE] = MESSAGE_PARSER_TOO_LARGE,
            [MESSAGE_NOT_FIELD] = MESSAGE_PARSER_NOT_FIELD,
            [MESSAGE_MEMORY] = MESSAGE_PARSER_MEMORY,
    };

    if (letter->broken == MESSAGE_PARSER_OK)
        letter->broken = faults[result];
}

enum message_parser_fault message_parser_end(struct message_parser *letter)
{
    if (letter->broken == MESSAGE_PARSER_OK)
        digest_final(letter->digest, letter->digest_text);
    return letter->broken;
}

static enum message_parser_fault author_fault(const struct message_parser *letter)
{
    if (letter->broken != MESSAGE_PARSER_OK)
        return letter->broken;
    if (letter->froms == 0)
        return MESSAGE_PARSER_NO_FROM;
    if (letter->froms > 1)
        return MESSAGE_PARSER_SEVERAL_FROMS;
    if (letter->from_spaced)
        return MESSAGE_PARSER_FROM_SPACED;
    return letter->from_result == FROM_OK ? MESSAGE_PARSER_OK : MESSAGE_PARSER_FROM;
}

const struct address *message_parser_author(
        const struct message_parser *letter, enum message_parser_fault *error_r)
{
    *error_r = author_fault(letter);
    return *error_r == MESSAGE_PARSER_OK ? &letter->author : NULL;
}

enum from_result message_parser_from_result(const struct message_parser *letter)
{
    return letter->from_result;
}

const char *message_parser_digest(const struct message_parser *letter)
{
    return letter->digest_text;
}

bool message_parser_lacks_date(const struct message_parser *letter)
{
    return letter->missing != NULL && !letter->has_date;
}

bool message_parser_lacks_message_id(const struct message_parser *letter)
{
    return letter->missing != NULL && !letter->has_message_id;
}

const struct message_parser_stamp *message_parser_stamps(
        const struct message_parser *letter, size_t *count_r)
{
    *count_r = letter->broken == MESSAGE_PARSER_OK ? letter->stamps_count : 0;
    return letter->stamps;
}

const struct stamp *message_parser_stamp_by(
        const struct message_parser *letter, const struct address *user, size_t *count_r)
{
    const struct stamp *found = NULL;
    size_t count;
    const struct message_parser_stamp *stamps = message_parser_stamps(letter, &count);

    *count_r = 0;
    for (size_t i = 0; i < count; i++) {
        if (stamps[i].space_before_colon || !address_equal(&stamps[i].stamp.user, user))
            continue;
        found = &stamps[i].stamp;
        ++*count_r;
    }
    return *count_r == 1 ? found : NULL;
}

const char *message_parser_fault_text(enum message_parser_fault fault)
{
    static const char *const texts[] = {
            [MESSAGE_PARSER_OK] = "names its author",
            [MESSAGE_PARSER_NO_FROM] = "has no From field",
            [MESSAGE_PARSER_SEVERAL_FROMS] = "has more than one From field",
            [MESSAGE_PARSER_FROM_SPACED] = "has a From field with white space before its colon",
            [MESSAGE_PARSER_FROM] = "has a From field that is not one mailbox",
            [MESSAGE_PARSER_NOT_FIELD] = "has a line in its header section that is no field",
            [MESSAGE_PARSER_TOO_LARGE] = "has a header section over 1 MiB or 2000 fields",
            [MESSAGE_PARSER_MEMORY] = "cannot be read: out of memory",
    };

    return texts[fault];
}

const char *message_parser_fault_word(enum message_parser_fault fault)
{
    static const char *const words[] = {
            [MESSAGE_PARSER_OK] = "ok",
            [MESSAGE_PARSER_NO_FROM] = "no-from",
            [MESSAGE_PARSER_SEVERAL_FROMS] = "several-froms",
            [MESSAGE_PARSER_FROM_SPACED] = "from-spaced",
            [MESSAGE_PARSER_FROM] = "from",
            [MESSAGE_PARSER_NOT_FIELD] = "not-field",
            [MESSAGE_PARSER_TOO_LARGE] = "too-large",
            [MESSAGE_PARSER_MEMORY] = "memory",
    };

    return words[fault];
}
