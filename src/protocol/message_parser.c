// SPDX-License-Identifier: ISC
#include "protocol/message_parser.h"

#include <stdlib.h>

struct letter {
    const struct letter_missing *missing;
    struct digest *digest;
    char digest_text[DIGEST_TEXT + 1];
    enum letter_fault broken; /* LETTER_OK, or what makes it no message at all */
    size_t fields;
    size_t octets; /* of names and values so far */
    size_t froms;
    bool from_spaced;
    enum from_result from_result;
    struct address author;
    bool has_date;
    bool has_message_id;
    struct letter_stamp *stamps;
    size_t stamps_count;
};

struct letter *letter_init(const struct letter_missing *missing)
{
    struct letter *letter = calloc(1, sizeof *letter);

    if (letter == NULL)
        return NULL;
    letter->missing = missing;
    letter->digest = digest_init();
    if (letter->digest == NULL)
        letter_free(&letter);
    return letter;
}

void letter_free(struct letter **letter)
{
    if (*letter == NULL)
        return;
    digest_free(&(*letter)->digest);
    free((*letter)->stamps);
    free(*letter);
    *letter = NULL;
}

static void take_stamp(struct letter *letter, const struct field *field)
{
    struct stamp stamp;

    if (!stamp_parse(field->value, &stamp))
        return;
    struct letter_stamp *larger =
            reallocarray(letter->stamps, letter->stamps_count + 1, sizeof *larger);
    if (larger == NULL) {
        letter->broken = LETTER_MEMORY;
        return;
    }
    letter->stamps = larger;
    letter->stamps[letter->stamps_count++] =
            (struct letter_stamp){field->offset, field->len, field->space_before_colon, stamp};
}

static void digest(struct letter *letter, struct text name, struct text value)
{
    if (!digest_field(letter->digest, name, value))
        letter->broken = LETTER_MEMORY;
}

/* Whether the header section still has room for it. */
static bool has_room(struct letter *letter, const struct field *field)
{
    letter->fields++;
    letter->octets += field->name.len + field->value.len;
    if (letter->fields > MESSAGE_FIELDS_MAX || letter->octets > MESSAGE_HEADER_MAX)
        letter->broken = LETTER_TOO_LARGE;
    return letter->broken == LETTER_OK;
}

void letter_field(struct letter *letter, const struct field *field)
{
    if (letter->broken != LETTER_OK || !has_room(letter, field))
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

void letter_header_end(struct letter *letter)
{
    if (letter->broken != LETTER_OK)
        return;
    if (letter_lacks_date(letter))
        digest(letter, text_of("Date"), text_of(letter->missing->date));
    if (letter_lacks_message_id(letter))
        digest(letter, text_of("Message-ID"), text_of(letter->missing->message_id));
}

void letter_body(struct letter *letter, struct text piece)
{
    if (letter->broken == LETTER_OK)
        digest_body(letter->digest, piece);
}

void letter_broken(struct letter *letter, enum message_result result)
{
    static const enum letter_fault faults[] = {
            [MESSAGE_OK] = LETTER_OK,
            [MESSAGE_TOO_LARGE] = LETTER_TOO_LARGE,
            [MESSAGE_NOT_FIELD] = LETTER_NOT_FIELD,
            [MESSAGE_MEMORY] = LETTER_MEMORY,
    };

    if (letter->broken == LETTER_OK)
        letter->broken = faults[result];
}

enum letter_fault letter_end(struct letter *letter)
{
    if (letter->broken == LETTER_OK)
        digest_final(letter->digest, letter->digest_text);
    return letter->broken;
}

static enum letter_fault author_fault(const struct letter *letter)
{
    if (letter->broken != LETTER_OK)
        return letter->broken;
    if (letter->froms == 0)
        return LETTER_NO_FROM;
    if (letter->froms > 1)
        return LETTER_SEVERAL_FROMS;
    if (letter->from_spaced)
        return LETTER_FROM_SPACED;
    return letter->from_result == FROM_OK ? LETTER_OK : LETTER_FROM;
}

const struct address *letter_author(const struct letter *letter, enum letter_fault *fault_r)
{
    *fault_r = author_fault(letter);
    return *fault_r == LETTER_OK ? &letter->author : NULL;
}

enum from_result letter_from_result(const struct letter *letter)
{
    return letter->from_result;
}

const char *letter_digest(const struct letter *letter)
{
    return letter->digest_text;
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
    *count_r = letter->broken == LETTER_OK ? letter->stamps_count : 0;
    return letter->stamps;
}

const struct stamp *letter_stamp_by(
        const struct letter *letter, const struct address *user, size_t *count_r)
{
    const struct stamp *found = NULL;
    size_t count;
    const struct letter_stamp *stamps = letter_stamps(letter, &count);

    *count_r = 0;
    for (size_t i = 0; i < count; i++) {
        if (stamps[i].space_before_colon || !address_equal(&stamps[i].stamp.user, user))
            continue;
        found = &stamps[i].stamp;
        ++*count_r;
    }
    return *count_r == 1 ? found : NULL;
}

const char *letter_fault_text(enum letter_fault fault)
{
    static const char *const texts[] = {
            [LETTER_OK] = "names its author",
            [LETTER_NO_FROM] = "has no From field",
            [LETTER_SEVERAL_FROMS] = "has more than one From field",
            [LETTER_FROM_SPACED] = "has a From field with white space before its colon",
            [LETTER_FROM] = "has a From field that is not one mailbox",
            [LETTER_NOT_FIELD] = "has a line in its header section that is no field",
            [LETTER_TOO_LARGE] = "has a header section over 1 MiB or 2000 fields",
            [LETTER_MEMORY] = "cannot be read: memory is short",
    };

    return texts[fault];
}

const char *letter_fault_word(enum letter_fault fault)
{
    static const char *const words[] = {
            [LETTER_OK] = "ok",
            [LETTER_NO_FROM] = "no-from",
            [LETTER_SEVERAL_FROMS] = "several-froms",
            [LETTER_FROM_SPACED] = "from-spaced",
            [LETTER_FROM] = "from",
            [LETTER_NOT_FIELD] = "not-field",
            [LETTER_TOO_LARGE] = "too-large",
            [LETTER_MEMORY] = "memory",
    };

    return words[fault];
}
