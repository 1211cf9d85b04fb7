// SPDX-License-Identifier: ISC
#include "protocol/message.h"

#include <stdlib.h>
#include <string.h>

#define HELD_FIRST 1024 /* octets; most fields need no more */

struct message {
    const struct message_events *events;
    void *context;
    enum message_result result;
    uint64_t fault_line;
    bool in_body;
    bool is_crlf;
    size_t fields; /* reported so far */
    uint64_t line; /* the one that the next octet belongs to, from 1 */
    char *held;    /* the lines of the present field, as far as they have come */
    size_t held_len;
    size_t held_size;
    uint64_t held_offset; /* of its first octet in the message */
    uint64_t held_line;   /* its first one */
};

struct message *message_init(const struct message_events *events, void *context)
{
    struct message *m = calloc(1, sizeof *m);

    if (m == NULL)
        return NULL;
    m->events = events;
    m->context = context;
    m->line = 1;
    return m;
}

void message_free(struct message **message)
{
    if (*message == NULL)
        return;
    free((*message)->held);
    free(*message);
    *message = NULL;
}

static void message_stop(struct message *m, enum message_result result, uint64_t line)
{
    m->result = result;
    m->fault_line = line;
}

/* Whether fields may follow. */
static bool message_goes_on(const struct message *m)
{
    return m->result == MESSAGE_OK || m->result == MESSAGE_NOT_FIELD;
}

static bool is_name_octet(char c)
{
    return c > ' ' && c < '\x7f' && c != ':';
}

static struct text message_without_line_end(struct text lines)
{
    if (lines.len > 0 && lines.at[lines.len - 1] == '\n') {
        lines.len--;
        if (lines.len > 0 && lines.at[lines.len - 1] == '\r')
            lines.len--;
    }
    return lines;
}

/* Inside a field every LF has white space behind it, so one here is a fold's. */
static bool is_white(struct text t, size_t i)
{
    const bool is_cr = t.at[i] == '\r' && i + 1 < t.len && t.at[i + 1] == '\n';

    return is_cr || t.at[i] == '\n' || text_is_space(t.at[i]);
}

static bool message_cut_field(struct text lines, struct field *field_r)
{
    const struct text t = message_without_line_end(lines);
    size_t name_len = 0;

    while (name_len < t.len && is_name_octet(t.at[name_len]))
        name_len++;
    size_t colon = name_len;
    while (colon < t.len && is_white(t, colon))
        colon++;
    if (name_len == 0 || colon == t.len || t.at[colon] != ':')
        return false;
    field_r->name = (struct text){t.at, name_len};
    field_r->known = field_name_of(field_r->name);
    field_r->value = (struct text){t.at + colon + 1, t.len - colon - 1};
    field_r->len = lines.len;
    field_r->space_before_colon = colon > name_len;
    field_measure(field_r, (struct text){t.at, colon});
    return true;
}

/* Only when the next octet is known not to continue it: a field is known to be none (a line
 * without a colon) only then, for the colon may stand behind a fold. */
static void message_report_held(struct message *m)
{
    struct field field = {.offset = m->held_offset};

    if (m->held_len == 0)
        return;
    if (m->fields == MESSAGE_FIELDS_MAX) {
        message_stop(m, MESSAGE_TOO_LARGE, m->held_line);
        return;
    }
    const struct text lines = {m->held, m->held_len};
    if (message_cut_field(lines, &field)) {
        m->events->field(m->context, &field);
        m->fields++;
    } else {
        if (m->result == MESSAGE_OK)
            message_stop(m, MESSAGE_NOT_FIELD, m->held_line);
        if (m->events->not_field != NULL)
            m->events->not_field(m->context, lines);
    }
    m->held_offset += m->held_len;
    m->held_len = 0;
}

static void message_end_header(struct message *m)
{
    m->in_body = true;
    m->held_len = 0;
    if (m->result == MESSAGE_OK)
        m->events->header_end(m->context);
}

static bool message_make_room(struct message *m, size_t len)
{
    size_t size = m->held_size > 0 ? m->held_size : HELD_FIRST;

    while (size < m->held_len + len)
        size *= 2;
    if (size == m->held_size)
        return true;
    char *held = realloc(m->held, size);
    if (held == NULL)
        return false;
    m->held = held;
    m->held_size = size;
    return true;
}

static void message_hold(struct message *m, struct text part)
{
    if (part.len > MESSAGE_HEADER_MAX - m->held_offset - m->held_len) {
        message_stop(m, MESSAGE_TOO_LARGE, m->line);
        return;
    }
    if (!message_make_room(m, part.len)) {
        message_stop(m, MESSAGE_MEMORY, m->line);
        return;
    }
    if (m->held_len == 0)
        m->held_line = m->line;
    memcpy(m->held + m->held_len, part.at, part.len);
    m->held_len += part.len;
}

static void message_end_line(struct message *m)
{
    const bool is_crlf = m->held_len >= 2 && m->held[m->held_len - 2] == '\r';

    if (m->line == 1)
        m->is_crlf = is_crlf;
    m->line++;
    if (m->held_len == (is_crlf ? 2 : 1))
        message_end_header(m);
}

/* Takes one line of the header section, or as much of it as is there. */
static void message_take_line(struct message *m, struct text *rest)
{
    const bool is_start = m->held_len > 0 && m->held[m->held_len - 1] == '\n';
    const char *lf = memchr(rest->at, '\n', rest->len);
    const size_t len = lf != NULL ? (size_t)(lf - rest->at) + 1 : rest->len;

    if (is_start && !text_is_space(rest->at[0]))
        message_report_held(m);
    if (message_goes_on(m))
        message_hold(m, (struct text){rest->at, len});
    rest->at += len;
    rest->len -= len;
    if (message_goes_on(m) && lf != NULL)
        message_end_line(m);
}

enum message_result message_feed(struct message *m, struct text chunk)
{
    while (message_goes_on(m) && !m->in_body && chunk.len > 0)
        message_take_line(m, &chunk);
    if (m->result == MESSAGE_OK && chunk.len > 0)
        m->events->body(m->context, chunk);
    return m->result;
}

enum message_result message_end(struct message *m)
{
    if (message_goes_on(m) && !m->in_body)
        message_report_held(m);
    if (message_goes_on(m) && !m->in_body)
        message_end_header(m);
    return m->result;
}

uint64_t message_line(const struct message *m)
{
    return m->fault_line;
}

bool message_is_crlf(const struct message *m)
{
    return m->is_crlf;
}
