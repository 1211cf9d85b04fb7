// SPDX-License-Identifier: ISC
#include "command/watch.h"

#include <inttypes.h>
#include <string.h>

#include "base/date.h"
#include "command/json_text.h"
#include "events/event.h"
#include "events/mail_event.h"
#include "report/lines.h"
#include "report/phrase.h"

#define TIME 15 /* columns: `24 Nov 13:05:59` */
#define KIND_AT (TIME + 1)
#define VERDICT_AT (KIND_AT + 6)
#define REASON_AT (VERDICT_AT + 10)
#define USER_AT (REASON_AT + 11)
#define DETAILS_AT (USER_AT + 30)
#define INDENT 22 /* of what continues a line */

static uint64_t watch_line_number(const struct eventstore_value *value)
{
    return value->number > 0 ? (uint64_t)value->number : 0;
}

/* ` 3 Nov 13:05:59` */
static void watch_line_put_time(struct lines *lines, uint64_t milliseconds)
{
    char date[DATE_TEXT_MAX];
    char minute[PHRASE_MAX];
    char text[TIME + 1];

    date_format(milliseconds / 1000, date);
    phrase_minute(text_of(date), minute);
    snprintf(text, sizeof text, "%12.12s:%.2s", minute, strlen(date) > 19 ? date + 17 : "00");
    lines_put_whole(lines, text);
    lines_pad(lines, KIND_AT);
}

/* Adds a text and spaces up to a column; an unknown text is `-`. */
static void watch_line_put(struct lines *lines, struct text t, unsigned column)
{
    char phrase[PHRASE_MAX];

    phrase_fit(t.len > 0 ? t : text_of("-"), PHRASE_MAX - 1, phrase);
    lines_put_whole(lines, phrase);
    lines_pad(lines, column);
}

static void watch_line_put_verdict(
        struct lines *lines, struct text verdict, const struct watch_line_look *look)
{
    const bool good =
            text_equal(verdict, text_of("YES")) || text_equal(verdict, text_of("stamped"));
    const bool bad = text_equal(verdict, text_of("NO")) || text_equal(verdict, text_of("rejected"));
    const char *colour = good ? "\033[32m" : bad ? "\033[31m" : "\033[33m";

    fputs(look->colour ? colour : "", lines->out);
    watch_line_put(lines, verdict, REASON_AT);
    fputs(look->colour ? "\033[0m" : "", lines->out);
}

/* `refused/user`: the reason on the wire, and the cause that the log knows. `testing/forged`: the
 * reason of the NO that it would be. */
static void watch_line_put_reason(struct lines *lines, struct text reason, struct text more)
{
    char both[2 * PHRASE_MAX];
    struct writer w = writer_of(both, sizeof both);

    writer_put(&w, reason);
    if (more.len > 0 && !text_equal(more, reason)) {
        writer_char(&w, '/');
        writer_put(&w, more);
    }
    watch_line_put(lines, w.failed ? reason : writer_text(&w), USER_AT);
}

/* The user, and what follows on a wide terminal in a column of its own. */
static void watch_line_put_user(
        struct lines *lines, struct text user, const struct watch_line_look *look)
{
    char phrase[PHRASE_MAX];

    phrase_fit(user.len > 0 ? user : text_of("-"), PHRASE_MAX - 1, phrase);
    lines_put_whole(lines, phrase);
    if (look->width > DETAILS_AT + DETAILS_AT / 2)
        lines_pad(lines, DETAILS_AT);
}

static void watch_line_put_detail(struct lines *lines, const char *before, struct text t)
{
    char phrase[PHRASE_MAX];
    char detail[PHRASE_MAX + 32];

    if (t.len == 0)
        return;
    phrase_fit(t, PHRASE_MAX - 1, phrase);
    snprintf(detail, sizeof detail, "%s%s", before, phrase);
    lines_put_whole(lines, detail);
}

static void watch_line_end(struct lines *lines, uint64_t milliseconds)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRIu64 "ms", milliseconds);
    lines_put_whole(lines, text);
    lines_end(lines);
}

/* `2026-11-24T13:05:00.123Z` */
static json_t *watch_line_date(uint64_t milliseconds)
{
    char date[DATE_TEXT_MAX];
    char whole[DATE_TEXT_MAX + 8];

    date_format(milliseconds / 1000, date);
    const size_t len = strlen(date);
    snprintf(whole, sizeof whole, "%.*s.%03uZ", (int)(len > 0 ? len - 1 : 0), date,
            (unsigned)(milliseconds % 1000));
    return json_text_string(whole);
}

static json_t *watch_line_list(struct text receiving)
{
    struct reader domains = reader_of(receiving);
    json_t *list = json_text_array();

    while (domains.rest.len > 0)
        json_text_append(list, json_text_of(reader_field(&domains, ',')));
    return list;
}

/* How the column of a row is shown in JSON. */
enum watch_line_form { FORM_TEXT, FORM_NUMBER, FORM_BOOL, FORM_DATE, FORM_LIST };

struct watch_line_member {
    const char *name;
    enum watch_line_form form;
};

static json_t *watch_line_value(const struct eventstore_value *value, enum watch_line_form form)
{
    switch (form) {
    case FORM_TEXT:
        return json_text_of(value->text);
    case FORM_NUMBER:
        return json_text_number(watch_line_number(value));
    case FORM_BOOL:
        return json_boolean(value->number != 0);
    case FORM_DATE:
        return watch_line_date(watch_line_number(value));
    case FORM_LIST:
        return watch_line_list(value->text);
    }
    return NULL;
}

static void watch_line_print_members(const char *record, const struct watch_line_member *members,
        size_t count, const struct eventstore_value *values, FILE *out)
{
    json_t *object = json_text_object();

    json_text_set(object, "record", json_text_string(record));
    for (size_t i = 0; i < count; i++)
        json_text_set(object, members[i].name, watch_line_value(&values[i], members[i].form));
    json_text_print_line(out, object);
}

/* Questions */

enum events_column {
    EVENTS_ID,
    EVENTS_TIME,
    EVENTS_VERDICT,
    EVENTS_REASON,
    EVENTS_WOULD_BE,
    EVENTS_CAUSE,
    EVENTS_USER,
    EVENTS_DOMAIN,
    EVENTS_HOST,
    EVENTS_RECEIVING,
    EVENTS_IP,
    EVENTS_ASKER,
    EVENTS_STAMP,
    EVENTS_ISSUED,
    EVENTS_DIGEST,
    EVENTS_LISTED,
    EVENTS_CHANNEL,
    EVENTS_MS,
    EVENTS_COUNT,
};

static const struct watch_line_member events_members[EVENTS_COUNT] = {{"id", FORM_NUMBER},
        {"time", FORM_DATE}, {"verdict", FORM_TEXT}, {"reason", FORM_TEXT}, {"would_be", FORM_TEXT},
        {"cause", FORM_TEXT}, {"user", FORM_TEXT}, {"domain", FORM_TEXT}, {"host", FORM_TEXT},
        {"receiving", FORM_LIST}, {"ip", FORM_TEXT}, {"asker", FORM_TEXT}, {"stamp", FORM_TEXT},
        {"issued", FORM_NUMBER}, {"digest", FORM_TEXT}, {"listed", FORM_BOOL},
        {"channel", FORM_TEXT}, {"ms", FORM_NUMBER}};

static void events_print(
        const struct eventstore_value *values, const struct watch_line_look *look, FILE *out)
{
    struct lines lines = {.width = look->width, .indent = INDENT, .out = out};
    const struct text would_be = values[EVENTS_WOULD_BE].text;
    const struct text ip = values[EVENTS_IP].text;

    watch_line_put_time(&lines, watch_line_number(&values[EVENTS_TIME]));
    watch_line_put(&lines, text_of("asked"), VERDICT_AT);
    watch_line_put_verdict(&lines, values[EVENTS_VERDICT].text, look);
    watch_line_put_reason(&lines, values[EVENTS_REASON].text,
            would_be.len > 0 ? would_be : values[EVENTS_CAUSE].text);
    watch_line_put_user(&lines, values[EVENTS_USER].text, look);
    watch_line_put_detail(&lines, "to ", values[EVENTS_RECEIVING].text);
    if (ip.len > 0)
        watch_line_put_detail(&lines, "from ", ip);
    else
        watch_line_put_detail(&lines, "asked by ", values[EVENTS_ASKER].text);
    watch_line_put_detail(&lines, "stamped by ", values[EVENTS_HOST].text);
    watch_line_end(&lines, watch_line_number(&values[EVENTS_MS]));
}

static void events_print_json(const struct eventstore_value *values, FILE *out)
{
    watch_line_print_members("service", events_members, EVENTS_COUNT, values, out);
}

const struct watch_line_kind watch_line_events = {
        .kind = &event_kind,
        .columns = "id, time, verdict, reason, would_be, cause, \"user\", domain, host, receiving, "
                   "ip, asker, stamp, issued, digest, listed, channel, ms",
        .count = EVENTS_COUNT,
        .user = "\"user\"",
        .print = events_print,
        .print_json = events_print_json,
};

/* Messages */

enum mail_column {
    MAIL_ID,
    MAIL_TIME,
    MAIL_DIRECTION,
    MAIL_ACTION,
    MAIL_WOULD_BE,
    MAIL_VERDICT,
    MAIL_REASON,
    MAIL_QUEUE,
    MAIL_MESSAGE,
    MAIL_AUTHOR,
    MAIL_DOMAIN,
    MAIL_LOGIN,
    MAIL_IP,
    MAIL_RECEIVING,
    MAIL_SERVICE,
    MAIL_SOURCE,
    MAIL_SECURE,
    MAIL_CHANNEL,
    MAIL_AUTHENTICATED,
    MAIL_LOOKUP,
    MAIL_STAMP,
    MAIL_MS,
    MAIL_COUNT,
};

static const struct watch_line_member mail_members[MAIL_COUNT] = {{"id", FORM_NUMBER},
        {"time", FORM_DATE}, {"direction", FORM_TEXT}, {"action", FORM_TEXT},
        {"would_be", FORM_TEXT}, {"verdict", FORM_TEXT}, {"reason", FORM_TEXT},
        {"queue", FORM_TEXT}, {"message", FORM_TEXT}, {"author", FORM_TEXT}, {"domain", FORM_TEXT},
        {"login", FORM_TEXT}, {"ip", FORM_TEXT}, {"receiving", FORM_LIST}, {"service", FORM_TEXT},
        {"source", FORM_TEXT}, {"secure", FORM_BOOL}, {"channel", FORM_TEXT},
        {"authenticated", FORM_BOOL}, {"lookup", FORM_TEXT}, {"stamp", FORM_TEXT},
        {"ms", FORM_NUMBER}};

static void mail_put_in(struct lines *lines, const struct eventstore_value *values)
{
    const bool is_passed = text_equal(values[MAIL_ACTION].text, text_of("passed"));

    if (values[MAIL_WOULD_BE].text.len > 0)
        watch_line_put_detail(lines, "would be ", values[MAIL_WOULD_BE].text);
    else if (!is_passed)
        watch_line_put_detail(lines, "", values[MAIL_ACTION].text);
    watch_line_put_detail(lines, "queue ", values[MAIL_QUEUE].text);
    watch_line_put_detail(lines, "from ", values[MAIL_IP].text);
    if (text_equal(values[MAIL_SOURCE].text, text_of("cache")))
        watch_line_put_detail(lines, "by ", text_of("cache"));
    else
        watch_line_put_detail(lines, "by ", values[MAIL_SERVICE].text);
}

static void mail_put_out(struct lines *lines, const struct eventstore_value *values)
{
    watch_line_put_detail(lines, "to ", values[MAIL_RECEIVING].text);
    watch_line_put_detail(lines, "queue ", values[MAIL_QUEUE].text);
    watch_line_put_detail(lines, "login ", values[MAIL_LOGIN].text);
    watch_line_put_detail(lines, "from ", values[MAIL_IP].text);
}

static void mail_print(
        const struct eventstore_value *values, const struct watch_line_look *look, FILE *out)
{
    struct lines lines = {.width = look->width, .indent = INDENT, .out = out};
    const bool is_in = text_equal(values[MAIL_DIRECTION].text, text_of("in"));

    watch_line_put_time(&lines, watch_line_number(&values[MAIL_TIME]));
    watch_line_put(&lines, values[MAIL_DIRECTION].text, VERDICT_AT);
    watch_line_put_verdict(&lines, values[is_in ? MAIL_VERDICT : MAIL_ACTION].text, look);
    watch_line_put_reason(&lines, values[MAIL_REASON].text, text_of(""));
    watch_line_put_user(&lines, values[MAIL_AUTHOR].text, look);
    if (is_in)
        mail_put_in(&lines, values);
    else
        mail_put_out(&lines, values);
    watch_line_end(&lines, watch_line_number(&values[MAIL_MS]));
}

static void mail_print_json(const struct eventstore_value *values, FILE *out)
{
    watch_line_print_members("mail", mail_members, MAIL_COUNT, values, out);
}

const struct watch_line_kind watch_line_mail = {
        .kind = &mail_event_kind,
        .columns =
                "id, time, direction, action, would_be, verdict, reason, queue, message, author, "
                "domain, login, ip, receiving, service, source, secure, channel, authenticated, "
                "lookup, stamp, ms",
        .count = MAIL_COUNT,
        .user = "author",
        .print = mail_print,
        .print_json = mail_print_json,
};

void watch_line_print(const struct watch_line_kind *kind, const struct eventstore_value *values,
        const struct watch_line_look *look, FILE *out)
{
    if (look->as_json)
        kind->print_json(values, out);
    else
        kind->print(values, look, out);
}
