// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/message.h"
#include "protocol/returned.h"

/* A bounce: the same is found whatever the pieces of its body, and with CR LF for LF. A stamp is
 * the author's, and a payload that can stand in a question. */

static void require(bool holds)
{
    if (!holds)
        abort();
}

struct feeding {
    struct returned *returned;
    size_t piece; /* octets at once; 0: sizes that differ */
    size_t next;
};

static void give_field(void *context, const struct field *field)
{
    returned_field(((struct feeding *)context)->returned, field);
}

static void give_header_end(void *context)
{
    returned_header_end(((struct feeding *)context)->returned);
}

static void give_body(void *context, struct text piece)
{
    struct feeding *feeding = context;

    while (piece.len > 0) {
        size_t len = feeding->piece > 0 ? feeding->piece : 1 + feeding->next++ % 37;
        len = len < piece.len ? len : piece.len;
        returned_body(feeding->returned, (struct text){piece.at, len});
        piece = (struct text){piece.at + len, piece.len - len};
    }
}

static const struct message_events events = {give_field, give_header_end, give_body, NULL};

struct seen {
    bool found;
    bool has_author;
    bool has_stamp;
    struct address author;
    struct stamp stamp;
};

static bool look(struct text bounce, size_t piece, struct seen *seen_r)
{
    struct feeding feeding = {.returned = returned_init(), .piece = piece};
    struct message *message = message_init(&events, &feeding);

    *seen_r = (struct seen){0};
    const bool good = feeding.returned != NULL && message != NULL &&
                      message_feed(message, bounce) == MESSAGE_OK &&
                      message_end(message) == MESSAGE_OK;
    if (good) {
        seen_r->found = returned_end(feeding.returned);
        const struct address *author = returned_author(feeding.returned);
        const struct stamp *stamp = returned_stamp(feeding.returned);
        seen_r->has_author = author != NULL;
        seen_r->has_stamp = stamp != NULL;
        if (author != NULL)
            seen_r->author = *author;
        if (stamp != NULL)
            seen_r->stamp = *stamp;
    }
    message_free(&message);
    returned_free(&feeding.returned);
    return good;
}

static void require_same(const struct seen *a, const struct seen *b)
{
    require(a->found == b->found && a->has_author == b->has_author && a->has_stamp == b->has_stamp);
    require(!a->has_author || strcmp(a->author.text, b->author.text) == 0);
    require(!a->has_stamp || strcmp(a->stamp.payload, b->stamp.payload) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text bounce = {(const char *)data, size};
    struct seen whole;
    struct seen other;

    if (!look(bounce, SIZE_MAX, &whole))
        return 0;
    require(whole.found || !whole.has_author);
    require(whole.has_author || !whole.has_stamp);
    require(!whole.has_stamp || address_equal(&whole.author, &whole.stamp.user));
    require(!whole.has_stamp || text_is_token(text_of(whole.stamp.payload)));
    require(look(bounce, 1, &other));
    require_same(&whole, &other);
    require(look(bounce, 0, &other));
    require_same(&whole, &other);

    char *crlf = malloc(2 * size + 1);
    size_t len = 0;
    if (crlf == NULL)
        return 0;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n' && (i == 0 || data[i - 1] != '\r'))
            crlf[len++] = '\r';
        crlf[len++] = (char)data[i];
    }
    if (look((struct text){crlf, len}, SIZE_MAX, &other))
        require_same(&whole, &other);
    free(crlf);
    return 0;
}
