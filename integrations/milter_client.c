// SPDX-License-Identifier: ISC
#include "milter_client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter_stream.h"

enum {
    PROTOCOL_VERSION = 6,
    ACTION_ADD = 0x01,
    ACTION_CHANGE = 0x10,
    ACTION_QUARANTINE = 0x20,
    ACTIONS = ACTION_ADD | ACTION_CHANGE | ACTION_QUARANTINE,
    NO_HELO_DATA_UNKNOWN = 0x302, /* these steps do not exist here */
    SKIP = 0x400,
    LEADING_SPACE = 0x100000,
    NO_REPLY_CONNECT = 0x1000,
    NO_REPLY_RECIPIENT = 0x8000,
    NO_REPLY_FIELD = 0x80,
    NO_REPLY_HEADER_END = 0x40000,
    NO_REPLY_BODY = 0x80000,
    /* MAIL has a reply: there the filter says that it has no room for one more message. */
    STEPS = NO_HELO_DATA_UNKNOWN | SKIP | LEADING_SPACE | NO_REPLY_CONNECT | NO_REPLY_RECIPIENT |
            NO_REPLY_FIELD | NO_REPLY_HEADER_END | NO_REPLY_BODY,
};

#define CHUNK_MAX 65535u      /* octets of the body in one packet */
#define PACKET_MAX (1u << 20) /* octets of other packets in either direction */

struct edit_position {
    enum milter_client_edit_type type;
    uint32_t index;
    size_t name, value; /* in the replies */
};

struct milter_client {
    uint32_t actions;
    uint32_t steps;
    bool skips_body;
    bool is_decided;
    bool is_quarantined;
    enum milter_client_verdict verdict;
    char reply[MILTER_CLIENT_REPLY_MAX];
    char reason[MILTER_CLIENT_REPLY_MAX]; /* of the quarantine */
    char *replies;                        /* the edits; the reply that was read last behind them */
    size_t replies_len, replies_size;
    size_t last_len; /* of the last reply, which a NUL follows */
    struct edit_position *edits;
    size_t edits_count, edits_size;
    struct milter_stream stream;
};

/* Whether anything more is to be said to the filter. */
static bool milter_client_is_open(const struct milter_client *c)
{
    return c != NULL && !c->is_decided && milter_stream_error(&c->stream) == NULL;
}

/* The beginning of a packet: `len` octets of data follow. */
static void milter_client_begin(struct milter_client *c, char command, size_t len)
{
    const uint32_t size = htonl((uint32_t)len + 1);

    milter_stream_put(&c->stream, (const char *)&size, sizeof size);
    milter_stream_put(&c->stream, &command, 1);
}

/* Room for `more` octets and a NUL behind the replies that are kept. */
static bool milter_client_make_room(struct milter_client *c, size_t more)
{
    const size_t needed = c->replies_len + more + 1;
    size_t size = c->replies_size > 0 ? c->replies_size : 1024;

    if (needed > MILTER_CLIENT_REPLIES_MAX) {
        milter_stream_fail(&c->stream, "the filter wants more edits than %u octets",
                MILTER_CLIENT_REPLIES_MAX);
        return false;
    }
    while (size < needed)
        size *= 2;
    if (size == c->replies_size)
        return true;
    char *larger = realloc(c->replies, size);
    if (larger == NULL) {
        milter_stream_fail(&c->stream, "out of memory");
        return false;
    }
    c->replies = larger;
    c->replies_size = size;
    return true;
}

/* Reads the next reply: its kind, and its data in milter_client_last(). '\0': an error. */
static char milter_client_next(struct milter_client *c)
{
    char head[5] = "";
    uint32_t size = 0;

    milter_stream_receive(&c->stream, head, sizeof head);
    if (milter_stream_error(&c->stream) != NULL)
        return '\0';
    memcpy(&size, head, sizeof size);
    size = ntohl(size);
    if (size == 0 || size > PACKET_MAX || head[4] == '\0') {
        milter_stream_fail(&c->stream, "this is no milter: a packet of %u octets, kind 0x%02x",
                size, (unsigned char)head[4]);
        return '\0';
    }
    c->last_len = size - 1;
    if (!milter_client_make_room(c, c->last_len))
        return '\0';
    milter_stream_receive(&c->stream, c->replies + c->replies_len, c->last_len);
    c->replies[c->replies_len + c->last_len] = '\0';
    return milter_stream_error(&c->stream) == NULL ? head[4] : '\0';
}

/* The text of the last reply in `text_r`: one line that can be printed. */
static bool milter_client_take_text(
        struct milter_client *c, char text_r[static MILTER_CLIENT_REPLY_MAX])
{
    const char *text = c->replies + c->replies_len;
    const size_t len = strlen(text);

    if (len >= MILTER_CLIENT_REPLY_MAX || len + 1 < c->last_len)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == '\x7f')
            return false;
    memcpy(text_r, text, len + 1);
    return true;
}

static void milter_client_take_reply(struct milter_client *c)
{
    const char *r = c->reply;

    if (!milter_client_take_text(c, c->reply) || (r[0] != '4' && r[0] != '5') ||
            strspn(r, "0123456789") != 3 || r[3] != ' ') {
        c->reply[0] = '\0';
        milter_stream_fail(&c->stream, "a reply that is no SMTP reply");
        return;
    }
    c->verdict = r[0] == '5' ? MILTER_CLIENT_REJECT : MILTER_CLIENT_TEMPFAIL;
}

static void milter_client_decide(struct milter_client *c, char kind)
{
    c->is_decided = true;
    switch (kind) {
    case 'a': /* without an end of the message */
    case 'c':
        c->verdict = MILTER_CLIENT_ACCEPT;
        break;
    case 'r':
    case 't':
        c->verdict = kind == 'r' ? MILTER_CLIENT_REJECT : MILTER_CLIENT_TEMPFAIL;
        (void)snprintf(c->reply, sizeof c->reply, "%s by the mail filter",
                kind == 'r' ? "550 5.7.1 Refused" : "451 4.7.1 Deferred");
        break;
    case 'y':
        milter_client_take_reply(c);
        break;
    default:
        milter_stream_fail(&c->stream, "a reply of an unknown kind (0x%02x)", (unsigned char)kind);
    }
}

/* Takes the answer to a step, unless there is none. */
static void milter_client_step(struct milter_client *c, uint32_t no_reply)
{
    char kind = 'p'; /* progress: the answer is yet to come */

    if ((c->steps & no_reply) != 0)
        return;
    while (kind == 'p')
        kind = milter_client_next(c);
    if (kind == 's')
        c->skips_body = true;
    else if (kind != '\0' && kind != 'c')
        milter_client_decide(c, kind);
}

static void milter_client_negotiate(struct milter_client *c)
{
    uint32_t terms[3] = {htonl(PROTOCOL_VERSION), htonl(ACTIONS), htonl(STEPS)};

    milter_client_begin(c, 'O', sizeof terms);
    milter_stream_put(&c->stream, (const char *)terms, sizeof terms);
    const char kind = milter_client_next(c);
    if (kind == '\0')
        return;
    if (kind != 'O' || c->last_len < sizeof terms) {
        milter_stream_fail(&c->stream, "the filter refuses to negotiate");
        return;
    }
    memcpy(terms, c->replies + c->replies_len, sizeof terms);
    c->actions = ntohl(terms[1]);
    c->steps = ntohl(terms[2]);
    if ((c->actions & ~(uint32_t)ACTIONS) != 0 || (c->steps & ~(uint32_t)STEPS) != 0)
        milter_stream_fail(&c->stream,
                "the filter wants what was not offered: actions 0x%x, steps 0x%x", c->actions,
                c->steps);
    else if ((c->steps & LEADING_SPACE) == 0)
        milter_stream_fail(&c->stream, "the filter does not take fields as they are");
}

struct milter_client *milter_client_open(const char *socket, int timeout_ms)
{
    struct milter_client *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    milter_stream_open(&c->stream, socket, timeout_ms);
    if (milter_client_is_open(c))
        milter_client_negotiate(c);
    return c;
}

void milter_client_free(struct milter_client **client)
{
    struct milter_client *c = *client;

    if (c == NULL)
        return;
    /* A filter that is in the middle of a message sees the end of the connection. */
    if (c->is_decided && milter_stream_error(&c->stream) == NULL) {
        milter_client_begin(c, 'Q', 0);
        milter_stream_flush(&c->stream);
    }
    milter_stream_close(&c->stream);
    free(c->replies);
    free(c->edits);
    free(c);
    *client = NULL;
}

struct macro {
    const char *name;
    const char *value; /* NULL: not sent */
};

static void milter_client_macros(
        struct milter_client *c, char command, const struct macro *macros, size_t count)
{
    size_t len = 1;

    for (size_t i = 0; i < count; i++)
        if (macros[i].value != NULL)
            len += strlen(macros[i].name) + strlen(macros[i].value) + 2;
    milter_client_begin(c, 'D', len);
    milter_stream_put(&c->stream, &command, 1);
    for (size_t i = 0; i < count; i++) {
        if (macros[i].value == NULL)
            continue;
        milter_stream_put_string(&c->stream, macros[i].name);
        milter_stream_put_string(&c->stream, macros[i].value);
    }
}

static void milter_client_connection(struct milter_client *c, const struct milter_client_mail *mail)
{
    const char *address = mail->client_address;
    const char *name = mail->client_name;
    const uint16_t port = htons(mail->client_port);

    if (name == NULL)
        name = address != NULL ? address : "localhost";
    if (address == NULL) {
        milter_client_begin(c, 'C', strlen(name) + 2);
        milter_stream_put_string(&c->stream, name);
        milter_stream_put(&c->stream, "U", 1);
        return;
    }
    milter_client_begin(c, 'C', strlen(name) + 1 + 1 + sizeof port + strlen(address) + 1);
    milter_stream_put_string(&c->stream, name);
    milter_stream_put(&c->stream, strchr(address, ':') != NULL ? "6" : "4", 1);
    milter_stream_put(&c->stream, (const char *)&port, sizeof port);
    milter_stream_put_string(&c->stream, address);
}

static void milter_client_path(struct milter_client *c, char command, const char *address)
{
    const size_t len = strlen(address);

    milter_client_begin(c, command, len + 3);
    milter_stream_put(&c->stream, "<", 1);
    milter_stream_put(&c->stream, address, len);
    milter_stream_put(&c->stream, ">", 2);
}

void milter_client_mail(struct milter_client *client, const struct milter_client_mail *mail)
{
    const struct macro connection[] = {{"{daemon_name}", mail->daemon_name}};
    const struct macro macros[] = {
            {"i", mail->queue_id},
            {"{auth_type}", mail->auth_type},
            {"{auth_authen}", mail->login},
            {"{verimail_direction}", mail->direction},
    };

    if (!milter_client_is_open(client))
        return;
    milter_client_macros(client, 'C', connection, 1);
    milter_client_connection(client, mail);
    milter_client_step(client, NO_REPLY_CONNECT);
    if (!milter_client_is_open(client))
        return;
    milter_client_macros(client, 'M', macros, sizeof macros / sizeof *macros);
    milter_client_path(client, 'M', mail->sender);
    milter_client_step(client, 0);
}

void milter_client_recipient(struct milter_client *client, const char *address)
{
    if (!milter_client_is_open(client))
        return;
    milter_client_path(client, 'R', address);
    milter_client_step(client, NO_REPLY_RECIPIENT);
}

void milter_client_field(struct milter_client *client, const char *name, size_t name_len,
        const char *value, size_t value_len)
{
    if (!milter_client_is_open(client))
        return;
    if (name_len + value_len > MILTER_CLIENT_FIELD_MAX)
        milter_stream_fail(
                &client->stream, "a field has more than %u octets", MILTER_CLIENT_FIELD_MAX);
    else if (memchr(name, '\0', name_len) != NULL || memchr(value, '\0', value_len) != NULL)
        milter_stream_fail(&client->stream, "a field has a NUL in it");
    if (!milter_client_is_open(client))
        return;
    milter_client_begin(client, 'L', name_len + value_len + 2);
    milter_stream_put(&client->stream, name, name_len);
    milter_stream_put(&client->stream, "", 1);
    milter_stream_put(&client->stream, value, value_len);
    milter_stream_put(&client->stream, "", 1);
    milter_client_step(client, NO_REPLY_FIELD);
}

void milter_client_header_end(struct milter_client *client)
{
    if (!milter_client_is_open(client))
        return;
    milter_client_begin(client, 'N', 0);
    milter_client_step(client, NO_REPLY_HEADER_END);
}

bool milter_client_body(struct milter_client *client, const char *at, size_t len)
{
    while (len > 0 && milter_client_is_open(client) && !client->skips_body) {
        const size_t part = len < CHUNK_MAX ? len : CHUNK_MAX;
        milter_client_begin(client, 'B', part);
        milter_stream_put(&client->stream, at, part);
        milter_client_step(client, NO_REPLY_BODY);
        at += part;
        len -= part;
    }
    return milter_client_is_open(client) && !client->skips_body;
}

static bool milter_client_is_name(const char *name)
{
    for (const char *at = name; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~' || *at == ':')
            return false;
    return name[0] != '\0';
}

/* No field can be made of more than one field. */
static bool milter_client_is_value(const char *value)
{
    for (const char *at = value; *at != '\0'; at++)
        if (*at == '\r' || (*at == '\n' && at[1] != ' ' && at[1] != '\t'))
            return false;
    return true;
}

static void milter_client_keep_edit(struct milter_client *c, struct edit_position position)
{
    if (c->edits_count == c->edits_size) {
        const size_t size = c->edits_size > 0 ? c->edits_size * 2 : 8;
        struct edit_position *larger = reallocarray(c->edits, size, sizeof *larger);
        if (larger == NULL) {
            milter_stream_fail(&c->stream, "out of memory");
            return;
        }
        c->edits = larger;
        c->edits_size = size;
    }
    c->edits[c->edits_count++] = position;
    c->replies_len += c->last_len + 1;
}

/* Reads an edit, which the filter may ask for when `action` was agreed on. */
static void milter_client_take_edit(
        struct milter_client *c, enum milter_client_edit_type type, uint32_t action)
{
    const char *last = c->replies + c->replies_len;
    const size_t index_len = type == MILTER_CLIENT_ADD ? 0 : sizeof(uint32_t);
    uint32_t index = 0;

    if ((c->actions & action) == 0 || c->last_len < index_len + 3) {
        milter_stream_fail(&c->stream, "an edit that was not agreed on, or is too short");
        return;
    }
    memcpy(&index, last, index_len);
    index = ntohl(index);
    const char *name = last + index_len;
    const char *value = name + strlen(name) + 1;
    /* The value ends the reply, with its NUL. */
    if (value >= last + c->last_len || value + strlen(value) + 1 != last + c->last_len ||
            !milter_client_is_name(name) || !milter_client_is_value(value) ||
            (type == MILTER_CLIENT_CHANGE && index == 0)) {
        milter_stream_fail(&c->stream, "an edit that makes no field");
        return;
    }
    if (type == MILTER_CLIENT_CHANGE && value[0] == '\0')
        type = MILTER_CLIENT_REMOVE;
    milter_client_keep_edit(c, (struct edit_position){
                                       .type = type,
                                       .index = index,
                                       .name = (size_t)(name - c->replies),
                                       .value = (size_t)(value - c->replies),
                               });
}

static void milter_client_take_quarantine(struct milter_client *c)
{
    if ((c->actions & ACTION_QUARANTINE) == 0 || !milter_client_take_text(c, c->reason))
        milter_stream_fail(&c->stream, "a quarantine that was not agreed on, or without a reason");
    c->is_quarantined = true;
}

enum milter_client_verdict milter_client_end(struct milter_client *client)
{
    if (milter_client_is_open(client))
        milter_client_begin(client, 'E', 0);
    while (milter_client_is_open(client)) {
        const char kind = milter_client_next(client);
        switch (kind) {
        case '\0': /* an error */
        case 'p':
            break;
        case 'i':
            milter_client_take_edit(client, MILTER_CLIENT_INSERT, ACTION_ADD);
            break;
        case 'h':
            milter_client_take_edit(client, MILTER_CLIENT_ADD, ACTION_ADD);
            break;
        case 'm':
            milter_client_take_edit(client, MILTER_CLIENT_CHANGE, ACTION_CHANGE);
            break;
        case 'q':
            milter_client_take_quarantine(client);
            break;
        default:
            milter_client_decide(client, kind);
        }
    }
    return milter_client_error(client) != NULL ? MILTER_CLIENT_TEMPFAIL : client->verdict;
}

const char *milter_client_reply(const struct milter_client *client)
{
    return milter_client_error(client) != NULL
                   ? "451 4.7.1 The mail filter (Verimail) is not available; try again later"
                   : client->reply;
}

const char *milter_client_quarantine(const struct milter_client *client)
{
    return client != NULL && client->is_quarantined ? client->reason : NULL;
}

size_t milter_client_edits(const struct milter_client *client)
{
    return client != NULL ? client->edits_count : 0;
}

struct milter_client_edit milter_client_edit(const struct milter_client *client, size_t number)
{
    const struct edit_position *position = &client->edits[number];

    return (struct milter_client_edit){
            .type = position->type,
            .index = position->index,
            .name = client->replies + position->name,
            .value = client->replies + position->value,
    };
}

const char *milter_client_error(const struct milter_client *client)
{
    return client != NULL ? milter_stream_error(&client->stream) : "out of memory";
}
