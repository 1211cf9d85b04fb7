// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "library/output.h"
#include "protocol/digest.h"
#include "protocol/message.h"

_Static_assert(VERIMAIL_DIGEST_SIZE == DIGEST_TEXT + 1, "room for any digest");

/* How far it has come: this decides which calls are allowed. */
enum stage {
    STAGE_NEW,
    STAGE_MESSAGE,
    STAGE_FIELDS,
    STAGE_BODY,
    STAGE_DONE,
};

struct verimail_digest {
    struct digest *digest;
    struct message *message;
    enum stage stage;
    enum verimail_result result; /* the first failure */
    size_t header_left;          /* octets that names and values given as fields may still have */
};

static const enum verimail_result results[] = {
        [MESSAGE_OK] = VERIMAIL_OK,
        [MESSAGE_TOO_LARGE] = VERIMAIL_MESSAGE_HEADER,
        [MESSAGE_NOT_FIELD] = VERIMAIL_MESSAGE_FIELD,
        [MESSAGE_MEMORY] = VERIMAIL_MEMORY,
};

static enum verimail_result digester_note(struct verimail_digest *d, enum verimail_result result)
{
    if (d->result == VERIMAIL_OK)
        d->result = result;
    return d->result;
}

/* Goes on to `stage`, unless it is further already or came another way. */
static bool digester_enter(struct verimail_digest *d, enum stage stage)
{
    const bool in_parts = stage == STAGE_BODY && d->stage == STAGE_FIELDS;

    if (d->stage != STAGE_NEW && d->stage != stage && !in_parts)
        (void)digester_note(d, VERIMAIL_ORDER);
    else
        d->stage = stage;
    return d->result == VERIMAIL_OK;
}

static enum verimail_result digester_take_field(
        struct verimail_digest *d, const struct field *field)
{
    static const enum verimail_result field_results[] = {
            [DIGEST_OK] = VERIMAIL_OK,
            [DIGEST_LONG_LINE] = VERIMAIL_MESSAGE_LINE,
            [DIGEST_BARE_CR] = VERIMAIL_MESSAGE_CR,
            [DIGEST_SPACED] = VERIMAIL_MESSAGE_SPACE,
            [DIGEST_TOO_LARGE] = VERIMAIL_MESSAGE_HEADER,
            [DIGEST_ORDER] = VERIMAIL_ORDER,
            [DIGEST_MEMORY] = VERIMAIL_MEMORY,
    };

    return digester_note(d, field_results[digest_field(d->digest, field)]);
}

static void take_field(void *context, const struct field *field)
{
    (void)digester_take_field(context, field);
}

static void digester_end_header(void *context)
{
    (void)context;
}

static void take_body(void *context, struct text piece)
{
    const struct verimail_digest *d = context;

    digest_body(d->digest, piece);
}

static const struct message_events events = {
        .field = take_field,
        .header_end = digester_end_header,
        .body = take_body,
};

enum verimail_result verimail_digest_new(struct verimail_digest **digest_r)
{
    const enum verimail_result result = verimail_init();

    *digest_r = NULL;
    if (result != VERIMAIL_OK)
        return result;
    struct verimail_digest *d = calloc(1, sizeof *d);
    if (d == NULL)
        return VERIMAIL_MEMORY;
    d->header_left = MESSAGE_HEADER_MAX;
    d->digest = digest_init();
    d->message = message_init(&events, d);
    if (d->digest == NULL || d->message == NULL) {
        verimail_digest_free(&d);
        return VERIMAIL_MEMORY;
    }
    *digest_r = d;
    return VERIMAIL_OK;
}

void verimail_digest_free(struct verimail_digest **digest)
{
    if (*digest == NULL)
        return;
    digest_free(&(*digest)->digest);
    message_free(&(*digest)->message);
    free(*digest);
    *digest = NULL;
}

enum verimail_result verimail_digest_message(
        struct verimail_digest *d, const char *chunk, size_t chunk_len)
{
    if (!digester_enter(d, STAGE_MESSAGE))
        return d->result;
    return digester_note(d, results[message_feed(d->message, (struct text){chunk, chunk_len})]);
}

enum verimail_result verimail_digest_field(struct verimail_digest *d, const char *name,
        size_t name_len, const char *value, size_t value_len)
{
    if (!digester_enter(d, STAGE_FIELDS))
        return d->result;
    if (name_len > d->header_left || value_len > d->header_left - name_len)
        return digester_note(d, VERIMAIL_MESSAGE_HEADER);
    d->header_left -= name_len + value_len;
    const struct field field =
            field_of((struct text){name, name_len}, (struct text){value, value_len});
    return digester_take_field(d, &field);
}

enum verimail_result verimail_digest_body(
        struct verimail_digest *d, const char *chunk, size_t chunk_len)
{
    if (!digester_enter(d, STAGE_BODY))
        return d->result;
    digest_body(d->digest, (struct text){chunk, chunk_len});
    return VERIMAIL_OK;
}

enum verimail_result verimail_digest_final(
        struct verimail_digest *d, char *text_r, size_t text_size)
{
    char text[DIGEST_TEXT + 1];

    output_clear(text_r, text_size);
    if (text_size < sizeof text)
        return VERIMAIL_ROOM;
    if (d->stage == STAGE_DONE)
        return digester_note(d, VERIMAIL_ORDER);
    if (d->stage == STAGE_MESSAGE)
        (void)digester_note(d, results[message_end(d->message)]);
    d->stage = STAGE_DONE;
    if (d->result != VERIMAIL_OK)
        return d->result;
    digest_final(d->digest, text);
    return output_put(text_of(text), text_r, text_size);
}
