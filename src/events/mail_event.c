// SPDX-License-Identifier: ISC
#include "events/mail_event.h"

#include <string.h>

#include "events/codec.h"

#define FORM 1 /* version of the form below */

/* One octet each: version, direction, action, would_be, verdict, source, flags; then the time, 8
 * octets, and the milliseconds, 4; then ten texts. */
#define FLAG_SECURE 1
#define FLAG_LEFT_OUT 2
#define FLAGS (FLAG_SECURE | FLAG_LEFT_OUT)

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
            (event->secure ? FLAG_SECURE : 0U) | (event->left_out ? FLAG_LEFT_OUT : 0U);

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

static const struct record_column mail_event_columns[] = {
        {"time", false},
        {"direction", true},
        {"action", true},
        {"would_be", true},
        {"verdict", true},
        {"reason", true},
        {"queue", true},
        {"message", true},
        {"author", true},
        {"domain", true},
        {"login", true},
        {"ip", true},
        {"receiving", true},
        {"service", true},
        {"source", true},
        {"secure", false},
        {"lookup", true},
        {"stamp", true},
        {"ms", false},
};

static void mail_event_values(const void *event, struct eventstore_value *values_r)
{
    const struct mail_event *e = event;
    const bool judged = e->direction == MAIL_DIRECTION_IN;
    struct eventstore_value *value = values_r;

    *value++ = record_number(e->time);
    *value++ = record_text(text_of(mail_direction_name(e->direction)));
    *value++ = record_text(text_of(mail_action_name(e->action)));
    *value++ = record_text(text_of(mail_action_name(e->would_be)));
    *value++ = record_text(text_of(judged ? verdict_name(e->verdict) : ""));
    *value++ = record_text(e->reason);
    *value++ = record_text(e->queue);
    *value++ = record_text(e->message);
    *value++ = record_text(e->author);
    *value++ = record_text(record_domain(e->author));
    *value++ = record_text(e->login);
    *value++ = record_text(e->ip);
    *value++ = record_text(e->receiving);
    *value++ = record_text(e->service);
    *value++ = record_text(text_of(mail_source_name(e->source)));
    *value++ = record_number(e->secure);
    *value++ = record_text(e->lookup);
    *value++ = record_text(e->stamp);
    *value++ = record_number(e->milliseconds);
}

const struct record_kind mail_event_kind = {
        .table = "mail",
        .size = sizeof(struct mail_event),
        .octets_max = MAIL_EVENT_OCTETS_MAX,
        .encode = mail_event_kind_encode,
        .decode = mail_event_kind_decode,
        .is_left_out = mail_event_kind_is_left_out,
        .columns = mail_event_columns,
        .columns_count = sizeof mail_event_columns / sizeof *mail_event_columns,
        .values = mail_event_values,
        .unusual = MAIL_EVENT_UNUSUAL,
};
