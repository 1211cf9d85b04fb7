// SPDX-License-Identifier: ISC
#include "protocol/returned.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/from.h"
#include "protocol/mime.h"

/* The longest line that is a boundary: `--boundary--`, and some white space behind it. */
#define HELD_MAX (MIME_BOUNDARY_MAX + 64)

/* What the present octets belong to. */
enum returned_place {
    PLACE_IGNORED,  /* a part that does not matter, or what stands between parts */
    PLACE_PART,     /* the header section of a part */
    PLACE_RETURNED, /* the header section of a part MIME_MESSAGE */
    PLACE_TEXT,     /* a text, which may have a returned header in it */
    PLACE_DONE,     /* behind the header that was found */
};

struct returned_header {
    size_t fields;
    size_t froms;
    bool has_author;
    bool has_message_id;
    struct address author; /* when there is one From field */
    struct stamp stamps[RETURNED_STAMPS_MAX];
    size_t stamps_count;
};

struct returned {
    enum returned_place place;

    /* Of the present part, whose header section is being read; first, the bounce itself. */
    bool has_type;
    bool has_encoding;
    struct mime_type type;
    enum mime_encoding encoding;

    /* The multiparts that the present part is in, from the outermost. */
    char boundaries[RETURNED_DEPTH_MAX][MIME_BOUNDARY_MAX + 1];
    size_t depth;

    /* The start of a line that may be a boundary. */
    bool holds;
    char held[HELD_MAX];
    size_t held_len;

    struct mime_decoder decoder;
    bool cr; /* a CR came, which may be of a line end */

    /* The present line with those that it continues. */
    bool at_line_start;
    char lines[RETURNED_FIELD_MAX];
    size_t lines_len;
    bool is_cut; /* there was no room for all of it */

    bool is_found;
    struct returned_header header; /* being read */
    struct returned_header found;
};

struct returned *returned_init(void)
{
    return calloc(1, sizeof(struct returned));
}

void returned_free(struct returned **returned)
{
    free(*returned);
    *returned = NULL;
}

/* The returned header */

/* Cheap: a text may have an empty line in every octet. */
static void returned_clear(struct returned_header *header)
{
    header->fields = 0;
    header->froms = 0;
    header->has_author = false;
    header->has_message_id = false;
    header->stamps_count = 0;
}

static const struct stamp *returned_stamp_of(const struct returned_header *header)
{
    const struct stamp *found = NULL;

    for (size_t i = 0; i < header->stamps_count; i++) {
        const struct stamp *stamp = &header->stamps[i];
        if (!header->has_author || !address_equal(&stamp->user, &header->author))
            continue;
        if (found != NULL && strcmp(found->payload, stamp->payload) != 0)
            return NULL;
        found = stamp;
    }
    return found;
}

static void returned_take_field(
        struct returned_header *header, const struct field *field, bool is_cut)
{
    header->fields++;
    if (field->known == FIELD_FROM) {
        header->froms++;
        header->has_author = header->froms == 1 && !is_cut &&
                             from_parse(field->value, &header->author) == FROM_OK;
    } else if (field->known == FIELD_MESSAGE_ID) {
        header->has_message_id = true;
    } else if (field->known == FIELD_VERIMAIL && !is_cut &&
               header->stamps_count < RETURNED_STAMPS_MAX &&
               stamp_parse(field->value, &header->stamps[header->stamps_count])) {
        header->stamps_count++;
    }
}

/* A part of its own: the search is over. */
static void returned_end_part(struct returned *r)
{
    r->place = PLACE_IGNORED;
    if (r->header.froms == 0)
        return;
    r->found = r->header;
    r->is_found = true;
    r->place = PLACE_DONE;
}

/* A block in a text: a part of its own may come yet, or a block that has more. */
static void returned_end_block(struct returned *r)
{
    const struct returned_header *header = &r->header;
    const bool is_better = !r->is_found || (returned_stamp_of(&r->found) == NULL &&
                                                   returned_stamp_of(header) != NULL);

    if (header->has_message_id && header->froms > 0 && is_better) {
        r->found = *header;
        r->is_found = true;
    }
    returned_clear(&r->header);
}

/* Parts */

static void returned_take_part_field(struct returned *r, const struct field *field)
{
    if (field->known == FIELD_CONTENT_TYPE && !r->has_type) {
        r->has_type = true;
        mime_type_parse(field->value, &r->type);
    } else if (field->known == FIELD_CONTENT_TRANSFER_ENCODING && !r->has_encoding) {
        r->has_encoding = true;
        r->encoding = mime_encoding_parse(field->value);
    }
}

static void returned_begin_lines(struct returned *r, enum mime_encoding encoding)
{
    r->decoder = mime_decoder_of(encoding);
    r->cr = false;
    r->at_line_start = true;
    r->lines_len = 0;
    r->is_cut = false;
    returned_clear(&r->header);
}

static void returned_begin_body(struct returned *r)
{
    returned_begin_lines(r, r->encoding);
    switch (r->type.kind) {
    case MIME_MULTIPART:
        r->place = PLACE_IGNORED;
        if (r->depth < RETURNED_DEPTH_MAX)
            memcpy(r->boundaries[r->depth++], r->type.boundary, sizeof r->type.boundary);
        break;
    case MIME_MESSAGE:
        r->place = PLACE_RETURNED;
        break;
    case MIME_TEXT:
        r->place = PLACE_TEXT;
        break;
    case MIME_OTHER:
        r->place = PLACE_IGNORED;
        break;
    }
}

static void returned_begin_part(struct returned *r)
{
    returned_begin_lines(r, MIME_PLAIN);
    r->place = PLACE_PART;
    r->type = (struct mime_type){.kind = MIME_TEXT};
    r->encoding = MIME_PLAIN;
    r->has_type = false;
    r->has_encoding = false;
}

/* Lines, decoded, that end in LF */

static void returned_on_field(struct returned *r, const struct field *field)
{
    if (r->place == PLACE_PART && !r->is_cut)
        returned_take_part_field(r, field);
    else if (r->place == PLACE_RETURNED || r->place == PLACE_TEXT)
        returned_take_field(&r->header, field, r->is_cut);
}

static void returned_on_empty_line(struct returned *r)
{
    if (r->place == PLACE_PART)
        returned_begin_body(r);
    else if (r->place == PLACE_TEXT)
        returned_end_block(r);
    else if (r->place == PLACE_RETURNED && r->header.fields > 0)
        returned_end_part(r);
}

static bool returned_is_name(struct text name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] >= '\x7f')
            return false;
    return name.len > 0;
}

/* The present line is complete, with all that continue it. */
static void returned_end_lines(struct returned *r)
{
    struct reader reader = reader_of((struct text){r->lines, r->lines_len});
    const struct text name = reader_until(&reader, ':');

    if (r->lines_len == 0)
        return;
    if (!reader.failed && returned_is_name(name)) {
        const struct field field = field_of(name, reader_rest(&reader));
        returned_on_field(r, &field);
    } else if (r->place == PLACE_TEXT) {
        returned_end_block(r);
    }
    r->lines_len = 0;
    r->is_cut = false;
}

static void returned_put(struct returned *r, char c)
{
    if (r->lines_len < sizeof r->lines)
        r->lines[r->lines_len++] = c;
    else
        r->is_cut = true;
}

static void returned_line_octet(struct returned *r, char c)
{
    if (!r->at_line_start) {
        r->at_line_start = c == '\n';
        if (c != '\n')
            returned_put(r, c);
        return;
    }
    if (text_is_space(c) && r->lines_len > 0)
        returned_put(r, '\n');
    else
        returned_end_lines(r);
    r->at_line_start = c == '\n';
    if (c == '\n')
        returned_on_empty_line(r);
    else
        returned_put(r, c);
}

/* A CR LF is one LF. */
static void returned_decoded_octet(struct returned *r, char c)
{
    if (r->cr && c != '\n')
        returned_line_octet(r, '\r');
    r->cr = c == '\r';
    if (!r->cr)
        returned_line_octet(r, c);
}

static void returned_content(struct returned *r, char c)
{
    char octets[MIME_DECODED_MAX];

    if (r->place == PLACE_IGNORED || r->place == PLACE_DONE)
        return;
    const size_t count = mime_decode(&r->decoder, c, octets);
    for (size_t i = 0; i < count; i++)
        returned_decoded_octet(r, octets[i]);
}

/* What was read of the present part is all that there is. */
static void returned_end_body(struct returned *r)
{
    if (r->place == PLACE_IGNORED || r->place == PLACE_DONE)
        return;
    if (r->cr)
        returned_line_octet(r, '\r');
    returned_end_lines(r);
    if (r->place == PLACE_RETURNED)
        returned_end_part(r);
    else if (r->place == PLACE_TEXT)
        returned_end_block(r);
}

/* Boundaries */

/* Whether the line is `--boundary` or, `*is_last_r`, `--boundary--`. */
static bool returned_is_boundary(struct text line, const char *boundary, bool *is_last_r)
{
    const size_t len = strlen(boundary);

    if (line.len < 2 + len || memcmp(line.at + 2, boundary, len) != 0)
        return false;
    *is_last_r = line.len == 2 + len + 2 && memcmp(line.at + 2 + len, "--", 2) == 0;
    return *is_last_r || line.len == 2 + len;
}

/* Ends the present part if the line that is held is a boundary. */
static bool returned_take_boundary(struct returned *r)
{
    struct text line = {r->held, r->held_len};
    bool is_last;

    while (line.len > 0 && text_is_white(line.at[line.len - 1]))
        line.len--;
    for (size_t i = r->depth; i > 0; i--) {
        if (!returned_is_boundary(line, r->boundaries[i - 1], &is_last))
            continue;
        returned_end_body(r);
        if (r->place == PLACE_DONE)
            return true;
        r->depth = is_last ? i - 1 : i;
        r->place = PLACE_IGNORED;
        if (!is_last)
            returned_begin_part(r);
        return true;
    }
    return false;
}

/* The line that is held is none, as far as it came. */
static void returned_release(struct returned *r)
{
    r->holds = false;
    for (size_t i = 0; i < r->held_len; i++)
        returned_content(r, r->held[i]);
    r->held_len = 0;
}

static void returned_octet(struct returned *r, char c)
{
    /* There is room for the CR of a line end beyond what counts. */
    const size_t room = c == '\r' ? sizeof r->held : sizeof r->held - 1;
    const bool may_be_boundary = r->held_len < 2 ? c == '-' : c != '\n' && r->held_len < room;

    if (r->holds && c == '\n' && returned_take_boundary(r)) {
        r->held_len = 0;
        return;
    }
    if (r->holds && may_be_boundary) {
        r->held[r->held_len++] = c;
        return;
    }
    returned_release(r);
    returned_content(r, c);
    r->holds = c == '\n' && r->depth > 0;
}

/* The whole */

void returned_field(struct returned *returned, const struct field *field)
{
    returned_take_part_field(returned, field);
}

void returned_header_end(struct returned *returned)
{
    returned_begin_body(returned);
    returned->holds = returned->depth > 0;
}

void returned_body(struct returned *returned, struct text piece)
{
    for (size_t i = 0; i < piece.len && returned->place != PLACE_DONE; i++)
        returned_octet(returned, piece.at[i]);
}

bool returned_end(struct returned *returned)
{
    if (!returned->holds || !returned_take_boundary(returned))
        returned_release(returned);
    returned_end_body(returned);
    return returned->is_found;
}

const struct address *returned_author(const struct returned *returned)
{
    return returned->is_found && returned->found.has_author ? &returned->found.author : NULL;
}

const struct stamp *returned_stamp(const struct returned *returned)
{
    return returned->is_found ? returned_stamp_of(&returned->found) : NULL;
}
