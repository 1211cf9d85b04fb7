// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/message.h"

#define CUT_MAX 256 /* octets of a message that is cut at every position */

/* A message is read whole, in random chunks, octet by octet, and cut in two at every position: the
 * events are the same, the fields tile the header section, and each octet is in its place. */

struct outcome {
    enum message_result result;
    uint64_t line;
    bool is_crlf;
    bool has_ended; /* its header */
    uint64_t next;  /* offset behind what was reported */
    uint64_t fields;
    uint64_t print; /* a fingerprint of where each field was cut */
};

struct seen {
    struct text message;
    struct outcome outcome;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool is_at(const struct seen *seen, uint64_t offset, struct text piece)
{
    return offset <= seen->message.len && piece.len <= seen->message.len - offset &&
           memcmp(seen->message.at + offset, piece.at, piece.len) == 0;
}

static size_t line_end_at(struct text message, uint64_t end)
{
    if (end == 0 || message.at[end - 1] != '\n')
        return 0;
    return end >= 2 && message.at[end - 2] == '\r' ? 2 : 1;
}

static void see_field(void *context, const struct field *field)
{
    struct seen *seen = context;
    struct outcome *o = &seen->outcome;
    const uint64_t end = field->offset + field->len;

    require(!o->has_ended && field->offset == o->next && end <= seen->message.len);
    require(is_at(seen, field->offset, field->name));
    const uint64_t value = end - line_end_at(seen->message, end) - field->value.len;
    require(is_at(seen, value, field->value) && seen->message.at[value - 1] == ':');
    const uint64_t gap = value - 1 - field->offset - field->name.len;
    require(field->space_before_colon == (gap > 0));
    require(memchr(field->name.at, ':', field->name.len) == NULL && field->name.len > 0);
    require(field->longest_line >= field->name.len && field->longest_line <= field->len);
    require(!field->has_bare_cr ||
            memchr(seen->message.at + field->offset, '\r', field->len) != NULL);
    o->next = end;
    o->fields++;
    o->print = o->print * 1099511628211U + end * 31 + field->name.len;
}

static void see_not_field(void *context, struct text lines)
{
    struct seen *seen = context;
    struct outcome *o = &seen->outcome;

    require(!o->has_ended && is_at(seen, o->next, lines) && lines.len > 0);
    o->next += lines.len;
    o->print = o->print * 1099511628211U + lines.len;
}

static void see_header_end(void *context)
{
    struct seen *seen = context;
    struct outcome *o = &seen->outcome;

    require(!o->has_ended);
    o->has_ended = true;
    if (o->next < seen->message.len)
        o->next += seen->message.at[o->next] == '\r' ? 2 : 1;
    require(o->next <= seen->message.len);
}

static void see_body(void *context, struct text piece)
{
    struct seen *seen = context;
    struct outcome *o = &seen->outcome;

    require(o->has_ended && piece.len > 0 && is_at(seen, o->next, piece));
    o->next += piece.len;
}

/* `next` tells how long each chunk is; 0 says all the rest. */
static struct outcome read_message(struct text message, size_t (*next)(size_t *), size_t state)
{
    static const struct message_events events = {
            see_field, see_header_end, see_body, see_not_field};
    struct seen seen = {.message = message};
    struct message *m = message_init(&events, &seen);
    enum message_result result = MESSAGE_OK;

    require(m != NULL);
    for (size_t i = 0; i < message.len;) {
        const size_t wanted = next(&state);
        const size_t len = wanted == 0 || wanted > message.len - i ? message.len - i : wanted;
        const enum message_result before = result;
        result = message_feed(m, (struct text){message.at + i, len});
        require(before == MESSAGE_OK || result == before);
        i += len;
    }
    seen.outcome.result = message_end(m);
    require(result == MESSAGE_OK || seen.outcome.result == result);
    seen.outcome.line = message_line(m);
    seen.outcome.is_crlf = message_is_crlf(m);
    message_free(&m);
    return seen.outcome;
}

static size_t whole(size_t *state)
{
    (void)state;
    return 0;
}

static size_t one(size_t *state)
{
    (void)state;
    return 1;
}

static size_t random_len(size_t *state)
{
    *state = *state * 1103515245 + 12345;
    return 1 + (*state >> 16) % 9;
}

/* First so many, then the rest. */
static size_t cut(size_t *state)
{
    const size_t len = *state;

    *state = 0;
    return len;
}

static void require_same(struct outcome a, struct outcome b)
{
    require(a.result == b.result && a.line == b.line && a.is_crlf == b.is_crlf &&
            a.has_ended == b.has_ended && a.next == b.next && a.fields == b.fields &&
            a.print == b.print);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text message = {(const char *)data, size};
    const struct outcome want = read_message(message, whole, 0);

    require((want.line > 0) == (want.result != MESSAGE_OK));
    if (want.result == MESSAGE_OK)
        require(want.has_ended && want.next == size);
    require_same(want, read_message(message, one, 0));
    require_same(want, read_message(message, random_len, size));
    for (size_t at = 1; at < size && size <= CUT_MAX; at++)
        require_same(want, read_message(message, cut, at));
    return 0;
}
