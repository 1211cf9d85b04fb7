// SPDX-License-Identifier: ISC
#include "protocol/message_parser.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct message_parser {
    const struct message_parser_missing *missing;
    struct digest *digest;
    char digest_text[DIGEST_TEXT + 1];
    enum message_parser_error broken; /* MESSAGE_PARSER_OK, or what makes it no message at all */
    size_t fields;
    size_t octets;                        /* of names and values so far */
    enum message_parser_error undigested; /* MESSAGE_PARSER_OK, or why it has no digest */
    size_t froms;
    bool from_is_empty; /* the first one; it is not digested before a second one or the end */
    enum from_result from_result;
    struct address author;
    bool has_date;
    bool has_message_id;
    struct message_parser_stamp *stamps;
    size_t stamps_count;
    unsigned stamp_fields; /* well-formed or not */
    struct text *meant;    /* values of From fields, and what readers could take for one */
    size_t meant_count;
    size_t meant_octets;
    bool meant_is_cut; /* there was more than anything reads */
};

struct message_parser *message_parser_init(const struct message_parser_missing *missing)
{
    struct message_parser *parser = calloc(1, sizeof *parser);

    if (parser == NULL)
        return NULL;
    parser->missing = missing;
    parser->digest = digest_init();
    if (parser->digest == NULL)
        message_parser_free(&parser);
    return parser;
}

void message_parser_free(struct message_parser **parser)
{
    if (*parser == NULL)
        return;
    digest_free(&(*parser)->digest);
    for (size_t i = 0; i < (*parser)->meant_count; i++)
        free((void *)(uintptr_t)(*parser)->meant[i].at);
    free((*parser)->meant);
    free((*parser)->stamps);
    free(*parser);
    *parser = NULL;
}

/* No name has a colon in it, so that each field has a text of its own. */
static void message_parser_hash(
        const struct field *field, unsigned char hash_r[MESSAGE_PARSER_HASH])
{
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, NULL, 0, MESSAGE_PARSER_HASH);
    (void)crypto_generichash_update(&state, (const unsigned char *)field->name.at, field->name.len);
    (void)crypto_generichash_update(&state, (const unsigned char *)":", 1);
    (void)crypto_generichash_update(
            &state, (const unsigned char *)field->value.at, field->value.len);
    (void)crypto_generichash_final(&state, hash_r, MESSAGE_PARSER_HASH);
}

/* Keeps a copy for message_parser_candidates(). */
static void message_parser_keep(struct message_parser *parser, struct text value)
{
    if (value.len > CANDIDATES_FROM_MAX - parser->meant_octets) {
        parser->meant_is_cut = true;
        return;
    }
    struct text *larger =
            reallocarray(parser->meant, parser->meant_count + 1, sizeof *parser->meant);
    char *copy = malloc(value.len + 1);
    if (larger != NULL)
        parser->meant = larger;
    if (larger == NULL || copy == NULL) {
        free(copy);
        parser->broken = MESSAGE_PARSER_MEMORY;
        return;
    }
    if (value.len > 0)
        memcpy(copy, value.at, value.len);
    parser->meant[parser->meant_count++] = (struct text){copy, value.len};
    parser->meant_octets += value.len;
}

static bool is_visible(char c)
{
    return c > ' ' && c < '\x7f';
}

/* Whether a reader can take it for a field From: what cannot be seen may stand around the name. */
static bool message_parser_is_like_from(struct text name)
{
    while (name.len > 0 && !is_visible(name.at[0]))
        name = (struct text){name.at + 1, name.len - 1};
    while (name.len > 0 && !is_visible(name.at[name.len - 1]))
        name.len--;
    return text_equal_fold(name, text_of("from"));
}

/* Keeps what stands behind the first `From:` at the start of a line, for readers that end a line at
 * a bare CR, or take one that is no field for one. */
static void message_parser_keep_lines(struct message_parser *parser, struct text lines)
{
    for (size_t start = 0, i = 0; i < lines.len; i++) {
        if (lines.at[i] == '\r' || lines.at[i] == '\n')
            start = i + 1;
        else if (lines.at[i] == ':' &&
                 message_parser_is_like_from((struct text){lines.at + start, i - start})) {
            message_parser_keep(parser, (struct text){lines.at + i + 1, lines.len - i - 1});
            return;
        }
    }
}

static void message_parser_keep_field(struct message_parser *parser, const struct field *field)
{
    if (field->known == FIELD_FROM || message_parser_is_like_from(field->name))
        message_parser_keep(parser, field->value);
    else if (field->has_bare_cr)
        message_parser_keep_lines(parser, field->value);
}

void message_parser_not_field(struct message_parser *parser, struct text lines)
{
    message_parser_keep_lines(parser, lines);
    message_parser_broken(parser, MESSAGE_NOT_FIELD);
}

static void message_parser_take_stamp(struct message_parser *parser, const struct field *field)
{
    struct stamp stamp;

    parser->stamp_fields++;
    if (!stamp_parse(field->value, &stamp))
        return;
    struct message_parser_stamp *larger =
            reallocarray(parser->stamps, parser->stamps_count + 1, sizeof *larger);
    if (larger == NULL) {
        parser->broken = MESSAGE_PARSER_MEMORY;
        return;
    }
    parser->stamps = larger;
    parser->stamps[parser->stamps_count++] =
            (struct message_parser_stamp){.number = parser->stamp_fields,
                    .offset = field->offset,
                    .len = field->len,
                    .space_before_colon = field->space_before_colon,
                    .stamp = stamp};
    message_parser_hash(field, parser->stamps[parser->stamps_count - 1].hash);
}

static void message_parser_digest_field(struct message_parser *parser, const struct field *field)
{
    switch (digest_field(parser->digest, field)) {
    case DIGEST_OK:
        break;
    case DIGEST_LONG_LINE:
        parser->undigested = MESSAGE_PARSER_LONG_LINE;
        break;
    case DIGEST_BARE_CR:
        parser->undigested = MESSAGE_PARSER_BARE_CR;
        break;
    case DIGEST_SPACED:
        parser->undigested = MESSAGE_PARSER_SPACED;
        break;
    case DIGEST_TOO_LARGE:
        parser->broken = MESSAGE_PARSER_TOO_LARGE;
        break;
    case DIGEST_ORDER:
    case DIGEST_MEMORY:
        parser->broken = MESSAGE_PARSER_MEMORY;
        break;
    }
}

static void message_parser_digest_added(
        struct message_parser *parser, enum field_name name, struct text value)
{
    const struct field field = field_of(text_of(field_name_text(name)), value);

    message_parser_digest_field(parser, &field);
}

/* Whether the header section still has room for it. */
static bool message_parser_has_room(struct message_parser *parser, const struct field *field)
{
    parser->fields++;
    parser->octets += field->name.len + field->value.len;
    if (parser->fields > MESSAGE_FIELDS_MAX || parser->octets > MESSAGE_HEADER_MAX)
        parser->broken = MESSAGE_PARSER_TOO_LARGE;
    return parser->broken == MESSAGE_PARSER_OK;
}

static void message_parser_digest_empty_from(struct message_parser *parser)
{
    if (parser->from_is_empty)
        message_parser_digest_added(parser, FIELD_FROM, text_of(""));
    parser->from_is_empty = false;
}

static void message_parser_take_from(struct message_parser *parser, const struct field *field)
{
    message_parser_digest_empty_from(parser);
    parser->from_is_empty = parser->froms == 0 && text_trim(field->value).len == 0 &&
                            !field->has_bare_cr && !field->space_before_colon;
    if (!parser->from_is_empty)
        message_parser_digest_field(parser, field);
    parser->froms++;
    parser->from_result = from_parse(field->value, &parser->author);
}

void message_parser_field(struct message_parser *parser, const struct field *field)
{
    message_parser_keep_field(parser, field);
    if (parser->broken != MESSAGE_PARSER_OK || !message_parser_has_room(parser, field))
        return;
    if (field->known == FIELD_FROM) {
        message_parser_take_from(parser, field);
        return;
    }
    message_parser_digest_field(parser, field);
    if (field->known == FIELD_VERIMAIL) {
        message_parser_take_stamp(parser, field);
    } else if (field->known == FIELD_DATE) {
        parser->has_date = true;
    } else if (field->known == FIELD_MESSAGE_ID) {
        parser->has_message_id = true;
    }
}

void message_parser_header_end(struct message_parser *parser)
{
    if (parser->broken != MESSAGE_PARSER_OK)
        return;
    if (message_parser_lacks_from(parser)) {
        const struct text from = text_of(parser->missing->from);
        message_parser_digest_added(parser, FIELD_FROM, from);
        parser->from_result = from_parse(from, &parser->author);
    } else {
        message_parser_digest_empty_from(parser);
    }
    if (message_parser_lacks_date(parser))
        message_parser_digest_added(parser, FIELD_DATE, text_of(parser->missing->date));
    if (message_parser_lacks_message_id(parser))
        message_parser_digest_added(parser, FIELD_MESSAGE_ID, text_of(parser->missing->message_id));
}

void message_parser_body(struct message_parser *parser, struct text piece)
{
    if (parser->broken == MESSAGE_PARSER_OK)
        digest_body(parser->digest, piece);
}

void message_parser_broken(struct message_parser *parser, enum message_result result)
{
    static const enum message_parser_error errors[] = {
            [MESSAGE_OK] = MESSAGE_PARSER_OK,
            [MESSAGE_TOO_LARGE] = MESSAGE_PARSER_TOO_LARGE,
            [MESSAGE_NOT_FIELD] = MESSAGE_PARSER_NOT_FIELD,
            [MESSAGE_MEMORY] = MESSAGE_PARSER_MEMORY,
    };

    if (parser->broken == MESSAGE_PARSER_OK)
        parser->broken = errors[result];
    parser->meant_is_cut = parser->meant_is_cut || result == MESSAGE_TOO_LARGE;
}

enum message_parser_error message_parser_end(struct message_parser *parser)
{
    if (parser->broken == MESSAGE_PARSER_OK)
        digest_final(parser->digest, parser->digest_text);
    return parser->broken;
}

static enum message_parser_error message_parser_author_error(const struct message_parser *parser)
{
    if (parser->broken != MESSAGE_PARSER_OK)
        return parser->broken;
    if (parser->undigested != MESSAGE_PARSER_OK)
        return parser->undigested;
    if (parser->froms == 0 && !message_parser_lacks_from(parser))
        return MESSAGE_PARSER_NO_FROM;
    if (parser->froms > 1)
        return MESSAGE_PARSER_SEVERAL_FROMS;
    if (parser->from_result == FROM_MISLEADING)
        return MESSAGE_PARSER_MISLEADING;
    return parser->from_result == FROM_OK ? MESSAGE_PARSER_OK : MESSAGE_PARSER_FROM;
}

const struct address *message_parser_author(
        const struct message_parser *parser, enum message_parser_error *error_r)
{
    *error_r = message_parser_author_error(parser);
    return *error_r == MESSAGE_PARSER_OK ? &parser->author : NULL;
}

void message_parser_candidates(const struct message_parser *parser, encoded_word_charset *decode,
        struct candidates *candidates)
{
    for (size_t i = 0; i < parser->meant_count; i++)
        candidates_add_from(candidates, parser->meant[i], decode);
    candidates->is_unreadable = candidates->is_unreadable || parser->meant_is_cut;
    candidates->lacks_domain = candidates->lacks_domain || parser->meant_count == 0;
}

enum from_result message_parser_from_result(const struct message_parser *parser)
{
    return parser->from_result;
}

const char *message_parser_digest(const struct message_parser *parser)
{
    return parser->digest_text;
}

uint64_t message_parser_longest_body_line(const struct message_parser *parser)
{
    return digest_longest_body_line(parser->digest);
}

bool message_parser_lacks_from(const struct message_parser *parser)
{
    return parser->missing != NULL && parser->missing->from != NULL &&
           (parser->froms == 0 || (parser->froms == 1 && parser->from_is_empty));
}

bool message_parser_lacks_date(const struct message_parser *parser)
{
    return parser->missing != NULL && parser->missing->date != NULL && !parser->has_date;
}

bool message_parser_lacks_message_id(const struct message_parser *parser)
{
    return parser->missing != NULL && parser->missing->message_id != NULL &&
           !parser->has_message_id;
}

const struct message_parser_stamp *message_parser_stamps(
        const struct message_parser *parser, size_t *count_r)
{
    *count_r = parser->broken == MESSAGE_PARSER_OK ? parser->stamps_count : 0;
    return parser->stamps;
}

const struct stamp *message_parser_stamp_by(
        const struct message_parser *parser, const struct address *user, size_t *count_r)
{
    const struct message_parser_stamp *found = NULL;
    size_t count;
    const struct message_parser_stamp *stamps = message_parser_stamps(parser, &count);

    *count_r = 0;
    for (size_t i = 0; i < count; i++) {
        if (stamps[i].space_before_colon || !address_equal(&stamps[i].stamp.user, user))
            continue;
        if (found != NULL && memcmp(stamps[i].hash, found->hash, sizeof found->hash) == 0)
            continue;
        found = &stamps[i];
        ++*count_r;
    }
    return *count_r == 1 ? &found->stamp : NULL;
}

const char *message_parser_error_text(enum message_parser_error error)
{
    static const char *const texts[] = {
            [MESSAGE_PARSER_OK] = "names its author",
            [MESSAGE_PARSER_NO_FROM] = "has no From field",
            [MESSAGE_PARSER_SEVERAL_FROMS] = "has more than one From field",
            [MESSAGE_PARSER_FROM] = "has a From field that is not one mailbox",
            [MESSAGE_PARSER_MISLEADING] =
                    "has a From field that mail programs may show as another author",
            [MESSAGE_PARSER_LONG_LINE] =
                    "has a header line over 990 octets, which mail servers cut",
            [MESSAGE_PARSER_BARE_CR] = "has a CR in its header section that ends no line",
            [MESSAGE_PARSER_SPACED] = "has white space before the colon of a header field",
            [MESSAGE_PARSER_NOT_FIELD] = "has a line in its header section that is no field",
            [MESSAGE_PARSER_TOO_LARGE] = "has a header section over 1 MiB or 2000 fields",
            [MESSAGE_PARSER_MEMORY] = "cannot be read: out of memory",
    };

    return texts[error];
}

const char *message_parser_error_word(enum message_parser_error error)
{
    static const char *const words[] = {
            [MESSAGE_PARSER_OK] = "ok",
            [MESSAGE_PARSER_NO_FROM] = "no-from",
            [MESSAGE_PARSER_SEVERAL_FROMS] = "several-froms",
            [MESSAGE_PARSER_FROM] = "from",
            [MESSAGE_PARSER_MISLEADING] = "from",
            [MESSAGE_PARSER_LONG_LINE] = "long-line",
            [MESSAGE_PARSER_BARE_CR] = "bare-cr",
            [MESSAGE_PARSER_SPACED] = "spaced",
            [MESSAGE_PARSER_NOT_FIELD] = "not-field",
            [MESSAGE_PARSER_TOO_LARGE] = "too-large",
            [MESSAGE_PARSER_MEMORY] = "memory",
    };

    return words[error];
}
