// SPDX-License-Identifier: ISC
#include "filter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BUCKETS 1024u
#define OUTPUT_SIZE (1u << 18)
/* Messages leave so much of the output for answers. */
#define ANSWERS_ROOM (1u << 16)
#define LINES_SIZE (1u << 16)
/* smtpd of protocol 0.6 copies each line to 2,048 octets, with three words in front. */
#define LINE_LIMIT_0_6 (2047u - (sizeof "filter-dataline|0123456789abcdef|0123456789abcdef|" - 1))

#define NOT_JUDGED "451 4.3.0 The message was not judged; try again later"

struct session {
    struct session *next; /* in its bucket */
    uint64_t id;
    char *client_name, *client_address, *listener, *hostname, *login; /* NULL: not known */
    uint16_t client_port;
    /* The message. */
    char *queue_id, *sender;
    char *recipients;
    size_t recipients_len;
    struct mail *mail;                   /* NULL: no line of it came */
    bool is_incomplete;                  /* out of memory: no message passes */
    bool is_accepted;                    /* commit may proceed */
    char reply[MILTER_CLIENT_REPLY_MAX]; /* if it may not; "": it was not judged */
};

static struct {
    struct session *buckets[BUCKETS];
    filter_start *start;
    struct mail *first, **last; /* judged; they are put out in turn */
    char output[OUTPUT_SIZE];
    size_t begin, end;
    char lines[LINES_SIZE];
} filter;

static struct session **filter_place(uint64_t id)
{
    struct session **at = &filter.buckets[(id ^ id >> 32) % BUCKETS];

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

/* NULL: out of memory. */
static struct session *filter_session(uint64_t id)
{
    struct session **at = filter_place(id);

    if (*at == NULL) {
        *at = calloc(1, sizeof **at);
        if (*at != NULL)
            (*at)->id = id;
    }
    return *at;
}

/* Frees the message, unless somebody else has it. */
static void filter_clear_mail(struct session *session)
{
    free(session->queue_id);
    free(session->sender);
    free(session->recipients);
    if (session->mail != NULL && !session->mail->is_handed)
        mail_free(session->mail);
    session->queue_id = session->sender = session->recipients = NULL;
    session->recipients_len = 0;
    session->mail = NULL;
    session->is_accepted = false;
    session->reply[0] = '\0';
}

static void filter_forget(uint64_t id)
{
    struct session **at = filter_place(id), *session = *at;

    if (session == NULL)
        return;
    *at = session->next;
    filter_clear_mail(session);
    free(session->client_name);
    free(session->client_address);
    free(session->listener);
    free(session->hostname);
    free(session->login);
    free(session);
}

/* A copy in `to`; NULL: there is none. */
static void filter_set(struct session *session, char **to, const char *at, size_t len)
{
    free(*to);
    *to = at != NULL ? strndup(at, len) : NULL;
    if (at != NULL && *to == NULL)
        session->is_incomplete = true;
}

struct word {
    const char *at;
    size_t len;
};

/* The next word before a bar, or the rest if there is none. */
static struct word filter_word(struct word *rest)
{
    struct word word = *rest;
    const char *bar = word.len > 0 ? memchr(word.at, '|', word.len) : NULL;

    if (bar != NULL)
        word.len = (size_t)(bar - word.at);
    rest->at += word.len + (bar != NULL);
    rest->len -= word.len + (bar != NULL);
    return word;
}

static bool filter_is(struct word word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

static bool filter_number(struct word word, int base, uint64_t max, uint64_t *number_r)
{
    char text[24], *end;

    if (word.len == 0 || word.len >= sizeof text || memchr(word.at, '-', word.len) != NULL)
        return false;
    memcpy(text, word.at, word.len);
    text[word.len] = '\0';
    errno = 0;
    *number_r = strtoull(text, &end, base);
    return *end == '\0' && errno == 0 && *number_r <= max;
}

/* 192.0.2.1:25, [2001:db8::1]:25 or unix:/path, which has neither. */
static bool filter_endpoint(struct word *address, struct word *port_r)
{
    const char *colon = address->len > 0 ? memrchr(address->at, ':', address->len) : NULL;

    if (colon == NULL || (address->len > 4 && memcmp(address->at, "unix", 4) == 0))
        return false;
    *port_r = (struct word){colon + 1, (size_t)(address->at + address->len - colon) - 1};
    address->len = (size_t)(colon - address->at);
    if (address->len >= 2 && address->at[0] == '[') {
        address->at++;
        address->len -= 2;
    }
    if (address->len > 5 && strncasecmp(address->at, "IPv6:", 5) == 0) {
        address->at += 5;
        address->len -= 5;
    }
    return address->len > 0;
}

/* rdns|fcrdns|source|destination */
static void filter_on_connect(struct session *session, struct word rest)
{
    const struct word name = filter_word(&rest), result = filter_word(&rest);
    struct word source = filter_word(&rest), destination = filter_word(&rest), port;
    uint64_t number;

    if (filter_endpoint(&source, &port)) {
        if (filter_is(result, "pass"))
            filter_set(session, &session->client_name, name.at, name.len);
        filter_set(session, &session->client_address, source.at, source.len);
        if (filter_number(port, 10, UINT16_MAX, &number))
            session->client_port = (uint16_t)number;
    }
    if (filter_endpoint(&destination, &port))
        filter_set(session, &session->listener, port.at, port.len);
}

/* username|result; from 0.7 on, result|username, since a name may have a bar. */
static void filter_on_auth(struct session *session, struct word rest, bool is_before_0_7)
{
    struct word name = rest, result;

    if (is_before_0_7) {
        const char *bar = rest.len > 0 ? memrchr(rest.at, '|', rest.len) : NULL;
        if (bar == NULL)
            return;
        name.len = (size_t)(bar - rest.at);
        result = (struct word){bar + 1, rest.len - name.len - 1};
    } else {
        result = filter_word(&name);
    }
    if (filter_is(result, "pass"))
        filter_set(session, &session->login, name.at, name.len);
}

static void filter_on_recipient(struct session *session, struct word address)
{
    char *larger = realloc(session->recipients, session->recipients_len + address.len + 1);

    if (larger == NULL) {
        session->is_incomplete = true;
        return;
    }
    session->recipients = larger;
    memcpy(larger + session->recipients_len, address.at, address.len);
    session->recipients_len += address.len;
    larger[session->recipients_len++] = '\0';
}

/* message-id|result|address */
static void filter_on_envelope(struct session *session, struct word rest, bool is_sender)
{
    (void)filter_word(&rest);
    if (!filter_is(filter_word(&rest), "ok"))
        return;
    if (is_sender)
        filter_set(session, &session->sender, rest.at, rest.len);
    else
        filter_on_recipient(session, rest);
}

static void filter_on_report(struct word event, uint64_t id, struct word rest, bool is_before_0_7)
{
    if (filter_is(event, "link-disconnect")) {
        filter_forget(id);
        return;
    }
    struct session *session = filter_session(id);
    if (session == NULL)
        return;
    if (filter_is(event, "link-connect"))
        filter_on_connect(session, rest);
    else if (filter_is(event, "link-greeting"))
        filter_set(session, &session->hostname, rest.at, rest.len);
    else if (filter_is(event, "link-auth"))
        filter_on_auth(session, rest, is_before_0_7);
    else if (filter_is(event, "tx-begin")) {
        filter_clear_mail(session);
        filter_set(session, &session->queue_id, rest.at, rest.len);
    } else if (filter_is(event, "tx-mail"))
        filter_on_envelope(session, rest, true);
    else if (filter_is(event, "tx-rcpt"))
        filter_on_envelope(session, rest, false);
}

/* Room in the output; what is written already moves away. */
static size_t filter_room(void)
{
    if (filter.begin > 0 && filter.begin == filter.end)
        filter.begin = filter.end = 0;
    if (filter.begin >= OUTPUT_SIZE / 2) {
        memmove(filter.output, filter.output + filter.begin, filter.end - filter.begin);
        filter.end -= filter.begin;
        filter.begin = 0;
    }
    return OUTPUT_SIZE - filter.end;
}

/* An answer that finds no room is lost: filter_has_room() is asked before. */
__attribute__((format(printf, 1, 2))) static void filter_answer(const char *format, ...)
{
    const size_t room = filter_room();
    va_list arguments;

    va_start(arguments, format);
    const int len = vsnprintf(filter.output + filter.end, room, format, arguments);
    va_end(arguments);
    if (len > 0 && (size_t)len < room)
        filter.end += (size_t)len;
}

static void filter_end_of_data(uint64_t id, uint64_t token)
{
    filter_answer("filter-dataline|%016" PRIx64 "|%016" PRIx64 "|.\n", id, token);
}

static void filter_hand(struct session *session)
{
    struct mail *mail = session->mail;
    const struct milter_client_mail envelope = {
            .daemon_name = session->listener,
            .client_name = session->client_name,
            .client_address = session->client_address,
            .client_port = session->client_port,
            .queue_id = session->queue_id,
            .auth_type = session->login != NULL ? "smtpd" : NULL,
            .login = session->login,
            .sender = session->sender,
    };

    mail_set_envelope(
            mail, &envelope, session->hostname, session->recipients, session->recipients_len);
    session->recipients = NULL;
    session->recipients_len = 0;
    if (session->is_incomplete)
        mail->fault = MAIL_NOT_KEPT;
    mail->is_handed = true;
    filter.start(mail);
}

static void filter_on_data(
        uint64_t id, uint64_t token, struct word line, bool is_cut, size_t line_limit)
{
    struct session *session = filter_session(id);

    if (session != NULL && session->mail == NULL)
        session->mail = mail_new(id, token);
    struct mail *mail = session != NULL ? session->mail : NULL;
    if (mail != NULL && mail->is_handed)
        return;
    if (!filter_is(line, ".")) {
        if (mail != NULL)
            mail_put(mail, line.at, line.len);
        else if (session != NULL)
            session->is_incomplete = true; /* lines are missing */
        if (mail != NULL && is_cut)
            mail->line_max = SIZE_MAX;
    } else if (mail != NULL) {
        mail->line_limit = line_limit;
        filter_hand(session);
    } else {
        filter_end_of_data(id, token);
    }
}

/* The end of a message, or a step that should not have been asked about. */
static void filter_on_step(struct word event, uint64_t id, uint64_t token)
{
    const struct session *session = *filter_place(id);
    const bool is_accepted = session != NULL && session->is_accepted;
    const char *reply = session != NULL && session->reply[0] != '\0' ? session->reply : NOT_JUDGED;

    if (is_accepted || !filter_is(event, "commit"))
        filter_answer("filter-result|%016" PRIx64 "|%016" PRIx64 "|proceed\n", id, token);
    else
        filter_answer("filter-result|%016" PRIx64 "|%016" PRIx64 "|reject|%s\n", id, token, reply);
}

static void filter_on_config(struct word rest)
{
    static const char *const wanted[] = {"report|smtp-in|link-connect",
            "report|smtp-in|link-greeting", "report|smtp-in|link-auth",
            "report|smtp-in|link-disconnect", "report|smtp-in|tx-begin", "report|smtp-in|tx-mail",
            "report|smtp-in|tx-rcpt", "filter|smtp-in|data-line", "filter|smtp-in|commit", "ready"};

    if (!filter_is(rest, "ready"))
        return;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        filter_answer("register|%s\n", wanted[i]);
}

static bool filter_is_before_0_7(struct word version)
{
    return version.len == 3 && memcmp(version.at, "0.", 2) == 0 && version.at[2] < '7';
}

void filter_line(const char *line, size_t len, bool is_cut)
{
    struct word rest = {line, len};
    const struct word kind = filter_word(&rest);
    uint64_t id, token;

    if (filter_is(kind, "config")) {
        filter_on_config(rest);
        return;
    }
    const bool is_before_0_7 = filter_is_before_0_7(filter_word(&rest));
    (void)filter_word(&rest); /* time */
    const bool is_in = filter_is(filter_word(&rest), "smtp-in");
    const struct word event = filter_word(&rest);
    if (!is_in || !filter_number(filter_word(&rest), 16, UINT64_MAX, &id))
        return;
    if (filter_is(kind, "report")) {
        filter_on_report(event, id, rest, is_before_0_7);
    } else if (filter_is(kind, "filter") &&
               filter_number(filter_word(&rest), 16, UINT64_MAX, &token)) {
        if (filter_is(event, "data-line"))
            filter_on_data(
                    id, token, rest, is_cut, is_before_0_7 ? LINE_LIMIT_0_6 : FILTER_LINE_MAX);
        else
            filter_on_step(event, id, token);
    }
}

void filter_judged(struct mail *mail)
{
    mail->next = NULL;
    *filter.last = mail;
    filter.last = &mail->next;
}

/* The message is put out, or cannot be; commit is answered by its reply. */
static void filter_end_mail(struct session *session, struct mail *mail)
{
    filter_end_of_data(mail->session, mail->token);
    session->is_accepted = mail->reply[0] == '\0';
    memcpy(session->reply, mail->reply, sizeof session->reply);
    session->mail = NULL;
    mail_free(mail);
}

/* Octets of these whole lines for which there was room. */
static size_t filter_put_lines(const struct mail *mail, const char *lines, size_t len)
{
    const size_t room = filter_room() - ANSWERS_ROOM;
    char *const end = filter.output + filter.end + room;
    char *to = filter.output + filter.end;
    char prefix[64];
    const size_t prefix_len = (size_t)snprintf(prefix, sizeof prefix,
            "filter-dataline|%016" PRIx64 "|%016" PRIx64 "|", mail->session, mail->token);
    size_t taken = 0;

    while (taken < len) {
        const char *line_end = memchr(lines + taken, '\n', len - taken);
        const size_t line_len = (size_t)(line_end - (lines + taken)) + 1;
        if ((size_t)(end - to) < prefix_len + line_len)
            break;
        memcpy(to, prefix, prefix_len);
        memcpy(to + prefix_len, lines + taken, line_len);
        to += prefix_len + line_len;
        taken += line_len;
    }
    filter.end = (size_t)(to - filter.output);
    return taken;
}

/* As much of the first message as there is room for; it goes to the end of the list. */
static void filter_put_first(void)
{
    struct mail *mail = filter.first;
    struct session *session = *filter_place(mail->session);
    size_t len = 0;

    filter.first = mail->next;
    if (filter.first == NULL)
        filter.last = &filter.first;
    if (session == NULL || session->mail != mail) { /* the client has gone */
        mail_free(mail);
        return;
    }
    if (mail->reply[0] == '\0')
        len = mail_next(mail, filter.lines, sizeof filter.lines);
    if (len == 0) {
        filter_end_mail(session, mail);
        return;
    }
    mail_taken(mail, filter_put_lines(mail, filter.lines, len));
    filter_judged(mail);
}

const char *filter_output(size_t *len_r)
{
    while (filter.first != NULL && filter_room() > ANSWERS_ROOM + LINES_SIZE + 64)
        filter_put_first();
    *len_r = filter.end - filter.begin;
    return filter.output + filter.begin;
}

void filter_written(size_t len)
{
    filter.begin += len;
}

bool filter_has_room(void)
{
    return filter_room() >= FILTER_ANSWER_MAX;
}

void filter_open(filter_start *start)
{
    filter.start = start;
    filter.last = &filter.first;
    filter.begin = filter.end = 0;
}

void filter_close(void)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (filter.buckets[i] != NULL)
            filter_forget(filter.buckets[i]->id);
    while (filter.first != NULL) {
        struct mail *mail = filter.first;
        filter.first = mail->next;
        mail_free(mail);
    }
    filter.last = &filter.first;
}
