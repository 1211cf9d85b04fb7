// SPDX-License-Identifier: ISC
#include "events/mail_event.h"

#include <string.h>

#include "events/codec.h"
#include "events/privacy.h"
#include "events/rollup.h"
#include "protocol/sealed.h"

#define HOUR UINT64_C(3600000) /* milliseconds */
#define DAY (24 * HOUR)

#define FORM 1 /* version of the form below */

/* One octet each: version, direction, action, would_be, verdict, source, flags; then the time, 8
 * octets, and the milliseconds, 4; then ten texts. */
#define FLAG_SECURE 1
#define FLAG_LEFT_OUT 2
#define FLAG_SEALED 4
#define FLAG_AUTHENTICATED 8
#define FLAGS (FLAG_SECURE | FLAG_LEFT_OUT | FLAG_SEALED | FLAG_AUTHENTICATED)

const char *mail_direction_name(enum mail_direction direction)
{
    return direction == MAIL_DIRECTION_OUT ? "out" : "in";
}

const char *mail_action_name(enum mail_action action)
{
    static const char *const names[] = {
            [MAIL_ACTION_NONE] = "",
            [MAIL_ACTION_STAMPED] = "stamped",
            [MAIL_ACTION_PASSED] = "passed",
            [MAIL_ACTION_MARKED] = "marked",
            [MAIL_ACTION_REJECTED] = "rejected",
            [MAIL_ACTION_QUARANTINED] = "quarantined",
            [MAIL_ACTION_DEFERRED] = "deferred",
    };

    return names[action];
}

const char *mail_source_name(enum mail_source source)
{
    static const char *const names[] = {
            [MAIL_SOURCE_NONE] = "",
            [MAIL_SOURCE_SERVICE] = "service",
            [MAIL_SOURCE_CACHE] = "cache",
            [MAIL_SOURCE_PEER] = "peer",
    };

    return names[source];
}

bool mail_event_encode(const struct mail_event *event, struct writer *w)
{
    const uint64_t flags =
            (event->secure ? FLAG_SECURE : 0U) | (event->left_out ? FLAG_LEFT_OUT : 0U) |
            (event->sealed ? FLAG_SEALED : 0U) | (event->authenticated ? FLAG_AUTHENTICATED : 0U);

    codec_put_number(w, FORM, 1);
    codec_put_number(w, event->direction, 1);
    codec_put_number(w, event->action, 1);
    codec_put_number(w, event->would_be, 1);
    codec_put_number(w, event->verdict, 1);
    codec_put_number(w, event->source, 1);
    codec_put_number(w, flags, 1);
    codec_put_number(w, event->time, 8);
    codec_put_number(w, event->milliseconds, 4);
    codec_put_foreign(w, event->reason, MAIL_EVENT_REASON_MAX);
    codec_put_foreign(w, event->queue, MAIL_EVENT_QUEUE_MAX);
    codec_put_foreign(w, event->message, MAIL_EVENT_MESSAGE_MAX);
    codec_put_foreign(w, event->author, ADDRESS_MAX);
    codec_put_foreign(w, event->login, MAIL_EVENT_LOGIN_MAX);
    codec_put_foreign(w, event->ip, MAIL_EVENT_IP_MAX);
    codec_put_list(w, event->receiving, MAIL_EVENT_RECEIVING_MAX);
    codec_put_foreign(w, event->service, MAIL_EVENT_SERVICE_MAX);
    codec_put_foreign(w, event->lookup, MAIL_EVENT_LOOKUP_MAX);
    codec_put_foreign(w, event->stamp, MAIL_EVENT_STAMP);
    return !w->failed;
}

bool mail_event_decode(struct text octets, struct mail_event *event_r)
{
    struct codec_reader r = {.rest = octets};
    const bool known = codec_get_number(&r, 1) == FORM;

    event_r->direction = (enum mail_direction)codec_get_up_to(&r, 1, MAIL_DIRECTION_OUT);
    event_r->action = (enum mail_action)codec_get_up_to(&r, 1, MAIL_ACTION_DEFERRED);
    event_r->would_be = (enum mail_action)codec_get_up_to(&r, 1, MAIL_ACTION_DEFERRED);
    event_r->verdict = (enum verdict)codec_get_up_to(&r, 1, VERDICT_PERMERROR);
    event_r->source = (enum mail_source)codec_get_up_to(&r, 1, MAIL_SOURCE_PEER);
    const uint64_t flags = codec_get_up_to(&r, 1, FLAGS);
    event_r->secure = (flags & FLAG_SECURE) != 0;
    event_r->left_out = (flags & FLAG_LEFT_OUT) != 0;
    event_r->sealed = (flags & FLAG_SEALED) != 0;
    event_r->authenticated = (flags & FLAG_AUTHENTICATED) != 0;
    event_r->time = codec_get_up_to(&r, 8, INT64_MAX);
    event_r->milliseconds = (uint32_t)codec_get_number(&r, 4);
    event_r->reason = codec_get_text(&r, MAIL_EVENT_REASON_MAX);
    event_r->queue = codec_get_text(&r, MAIL_EVENT_QUEUE_MAX);
    event_r->message = codec_get_text(&r, MAIL_EVENT_MESSAGE_MAX);
    event_r->author = codec_get_text(&r, ADDRESS_MAX);
    event_r->login = codec_get_text(&r, MAIL_EVENT_LOGIN_MAX);
    event_r->ip = codec_get_text(&r, MAIL_EVENT_IP_MAX);
    event_r->receiving = codec_get_text(&r, MAIL_EVENT_RECEIVING_MAX);
    event_r->service = codec_get_text(&r, MAIL_EVENT_SERVICE_MAX);
    event_r->lookup = codec_get_text(&r, MAIL_EVENT_LOOKUP_MAX);
    event_r->stamp = codec_get_text(&r, MAIL_EVENT_STAMP);
    return known && event_r->action != MAIL_ACTION_NONE && codec_is_done(&r);
}

static bool mail_event_kind_encode(const void *event, struct writer *w)
{
    return mail_event_encode(event, w);
}

static bool mail_event_kind_decode(struct text octets, void *event_r)
{
    return mail_event_decode(octets, event_r);
}

static bool mail_event_kind_is_left_out(const void *event)
{
    return ((const struct mail_event *)event)->left_out;
}

/* Mail of domains that do not use Verimail is most of what comes from elsewhere. */
static bool mail_event_kind_has_row(const void *event)
{
    const struct mail_event *e = event;

    return e->direction == MAIL_DIRECTION_OUT || e->verdict != VERDICT_NONE;
}

enum mail_event_column {
    MAIL_COLUMN_TIME,
    MAIL_COLUMN_DIRECTION,
    MAIL_COLUMN_ACTION,
    MAIL_COLUMN_WOULD_BE,
    MAIL_COLUMN_VERDICT,
    MAIL_COLUMN_REASON,
    MAIL_COLUMN_QUEUE,
    MAIL_COLUMN_MESSAGE,
    MAIL_COLUMN_AUTHOR,
    MAIL_COLUMN_DOMAIN,
    MAIL_COLUMN_LOGIN,
    MAIL_COLUMN_IP,
    MAIL_COLUMN_RECEIVING,
    MAIL_COLUMN_SERVICE,
    MAIL_COLUMN_SOURCE,
    MAIL_COLUMN_SECURE,
    MAIL_COLUMN_CHANNEL,
    MAIL_COLUMN_AUTHENTICATED,
    MAIL_COLUMN_LOOKUP,
    MAIL_COLUMN_STAMP,
    MAIL_COLUMN_MS,
    MAIL_COLUMNS,
};

static const struct record_column mail_event_columns[MAIL_COLUMNS] = {
        [MAIL_COLUMN_TIME] = {"time", false},
        [MAIL_COLUMN_DIRECTION] = {"direction", true},
        [MAIL_COLUMN_ACTION] = {"action", true},
        [MAIL_COLUMN_WOULD_BE] = {"would_be", true},
        [MAIL_COLUMN_VERDICT] = {"verdict", true},
        [MAIL_COLUMN_REASON] = {"reason", true},
        [MAIL_COLUMN_QUEUE] = {"queue", true},
        [MAIL_COLUMN_MESSAGE] = {"message", true},
        [MAIL_COLUMN_AUTHOR] = {"author", true},
        [MAIL_COLUMN_DOMAIN] = {"domain", true},
        [MAIL_COLUMN_LOGIN] = {"login", true},
        [MAIL_COLUMN_IP] = {"ip", true},
        [MAIL_COLUMN_RECEIVING] = {"receiving", true},
        [MAIL_COLUMN_SERVICE] = {"service", true},
        [MAIL_COLUMN_SOURCE] = {"source", true},
        [MAIL_COLUMN_SECURE] = {"secure", false},
        [MAIL_COLUMN_CHANNEL] = {"channel", true},
        [MAIL_COLUMN_AUTHENTICATED] = {"authenticated", false},
        [MAIL_COLUMN_LOOKUP] = {"lookup", true},
        [MAIL_COLUMN_STAMP] = {"stamp", true},
        [MAIL_COLUMN_MS] = {"ms", false},
};

/* Empty where there was no answer. */
static struct text mail_event_channel(const struct mail_event *event)
{
    if (event->source == MAIL_SOURCE_NONE)
        return text_of("");
    return text_of(sealed_channel(event->sealed));
}

static void mail_event_values(const void *event, struct eventstore_value *values_r)
{
    const struct mail_event *e = event;
    const bool judged = e->direction == MAIL_DIRECTION_IN;

    values_r[MAIL_COLUMN_TIME] = record_number(e->time);
    values_r[MAIL_COLUMN_DIRECTION] = record_text(text_of(mail_direction_name(e->direction)));
    values_r[MAIL_COLUMN_ACTION] = record_text(text_of(mail_action_name(e->action)));
    values_r[MAIL_COLUMN_WOULD_BE] = record_text(text_of(mail_action_name(e->would_be)));
    values_r[MAIL_COLUMN_VERDICT] = record_text(text_of(judged ? verdict_name(e->verdict) : ""));
    values_r[MAIL_COLUMN_REASON] = record_text(e->reason);
    values_r[MAIL_COLUMN_QUEUE] = record_text(e->queue);
    values_r[MAIL_COLUMN_MESSAGE] = record_text(e->message);
    values_r[MAIL_COLUMN_AUTHOR] = record_text(e->author);
    values_r[MAIL_COLUMN_DOMAIN] = record_text(record_domain(e->author));
    values_r[MAIL_COLUMN_LOGIN] = record_text(e->login);
    values_r[MAIL_COLUMN_IP] = record_text(e->ip);
    values_r[MAIL_COLUMN_RECEIVING] = record_text(e->receiving);
    values_r[MAIL_COLUMN_SERVICE] = record_text(e->service);
    values_r[MAIL_COLUMN_SOURCE] = record_text(text_of(mail_source_name(e->source)));
    values_r[MAIL_COLUMN_SECURE] = record_number(e->secure);
    values_r[MAIL_COLUMN_CHANNEL] = record_text(mail_event_channel(e));
    values_r[MAIL_COLUMN_AUTHENTICATED] = record_number(e->authenticated);
    values_r[MAIL_COLUMN_LOOKUP] = record_text(e->lookup);
    values_r[MAIL_COLUMN_STAMP] = record_text(e->stamp);
    values_r[MAIL_COLUMN_MS] = record_number(e->milliseconds);
}

static const char *const mail_event_sums[] = {"count", "ms", "ms_most"};

static const struct record_column mail_event_hour_keys[] = {
        {"direction", true},
        {"action", true},
        {"would_be", true},
        {"verdict", true},
        {"reason", true},
        {"domain", true},
        {"service", true},
        {"source", true},
};

static void mail_event_hour_add(const struct eventstore_value *values, struct rollup_tally *tally)
{
    const int64_t ms = values[MAIL_COLUMN_MS].number;
    const int64_t sums[ROLLUP_SUMS_MAX] = {1, ms, ms};
    const struct eventstore_value keys[ROLLUP_KEYS_MAX] = {
            values[MAIL_COLUMN_DIRECTION],
            values[MAIL_COLUMN_ACTION],
            values[MAIL_COLUMN_WOULD_BE],
            values[MAIL_COLUMN_VERDICT],
            values[MAIL_COLUMN_REASON],
            values[MAIL_COLUMN_DOMAIN],
            values[MAIL_COLUMN_SERVICE],
            values[MAIL_COLUMN_SOURCE],
    };

    rollup_add(tally, keys, sums);
}

static const struct rollup mail_event_hour = {
        .suffix = "hour",
        .span = HOUR,
        .keys = mail_event_hour_keys,
        .keys_count = sizeof mail_event_hour_keys / sizeof *mail_event_hour_keys,
        .sums = mail_event_sums,
        .sums_count = 3,
        .has_most = true,
        .add = mail_event_hour_add,
};

static const struct record_column mail_event_day_keys[] = {
        {"what", true},
        {"name", true},
        {"direction", true},
        {"action", true},
        {"would_be", true},
        {"verdict", true},
        {"reason", true},
        {"domain", true},
};

static void mail_event_day_add_one(const struct eventstore_value *values, const char *what,
        struct text name, struct rollup_tally *tally)
{
    static const int64_t one[ROLLUP_SUMS_MAX] = {1};
    const struct eventstore_value keys[ROLLUP_KEYS_MAX] = {
            record_text(text_of(what)),
            record_text(name),
            values[MAIL_COLUMN_DIRECTION],
            values[MAIL_COLUMN_ACTION],
            values[MAIL_COLUMN_WOULD_BE],
            values[MAIL_COLUMN_VERDICT],
            values[MAIL_COLUMN_REASON],
            values[MAIL_COLUMN_DOMAIN],
    };

    rollup_add(tally, keys, one);
}

/* What is unusual, and has a row. */
static void mail_event_day_add(const struct eventstore_value *values, struct rollup_tally *tally)
{
    const struct text verdict = values[MAIL_COLUMN_VERDICT].text;
    const struct text login = values[MAIL_COLUMN_LOGIN].text;
    char network[PRIVACY_TEXT_MAX];

    if (text_equal(verdict, text_of(verdict_name(VERDICT_YES))) ||
            text_equal(verdict, text_of(verdict_name(VERDICT_NONE))) ||
            text_equal(values[MAIL_COLUMN_ACTION].text,
                    text_of(mail_action_name(MAIL_ACTION_STAMPED))))
        return;
    mail_event_day_add_one(values, "author", values[MAIL_COLUMN_AUTHOR].text, tally);
    if (login.len > 0)
        mail_event_day_add_one(values, "login", login, tally);
    if (text_equal(verdict, text_of(verdict_name(VERDICT_NO))))
        mail_event_day_add_one(values, "network",
                privacy_prefix_text(privacy_network(values[MAIL_COLUMN_IP].text), network), tally);
}

static const struct rollup mail_event_day = {
        .suffix = "day",
        .span = DAY,
        .keys = mail_event_day_keys,
        .keys_count = sizeof mail_event_day_keys / sizeof *mail_event_day_keys,
        .sums = mail_event_sums,
        .sums_count = 1,
        .add = mail_event_day_add,
};

static const struct rollup *const mail_event_rollups[] = {&mail_event_hour, &mail_event_day, NULL};

const struct record_kind mail_event_kind = {
        .table = "mail",
        .size = sizeof(struct mail_event),
        .octets_max = MAIL_EVENT_OCTETS_MAX,
        .encode = mail_event_kind_encode,
        .decode = mail_event_kind_decode,
        .is_left_out = mail_event_kind_is_left_out,
        .has_row = mail_event_kind_has_row,
        .columns = mail_event_columns,
        .columns_count = MAIL_COLUMNS,
        .values = mail_event_values,
        .unusual = MAIL_EVENT_UNUSUAL,
        .unusual_with = "",
        .rollups = mail_event_rollups,
};
