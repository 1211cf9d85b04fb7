// SPDX-License-Identifier: ISC
#include "events/event.h"

#include <string.h>

#include "events/codec.h"

#define FORM 1 /* version of the form below */
#define IP_MAX 48

/* One octet each: version, verdict, reason, would_be, flags; then the time and `issued`, 8 octets
 * each, and the milliseconds, 4; then eight texts. */
#define FLAG_LISTED 1
#define FLAG_CHANGED 2
#define FLAG_LEFT_OUT 4
#define FLAGS (FLAG_LISTED | FLAG_CHANGED | FLAG_LEFT_OUT)

bool event_encode(const struct event *event, struct writer *w)
{
    const uint64_t flags = (event->listed ? FLAG_LISTED : 0U) |
                           (event->changed ? FLAG_CHANGED : 0U) |
                           (event->left_out ? FLAG_LEFT_OUT : 0U);

    codec_put_number(w, FORM, 1);
    codec_put_number(w, event->verdict, 1);
    codec_put_number(w, event->reason, 1);
    codec_put_number(w, event->would_be, 1);
    codec_put_number(w, flags, 1);
    codec_put_number(w, event->time, 8);
    codec_put_number(w, event->issued, 8);
    codec_put_number(w, event->milliseconds, 4);
    codec_put_text(w, event->cause, EVENT_CAUSE_MAX);
    codec_put_text(w, event->user, ADDRESS_MAX);
    codec_put_text(w, event->host, DOMAIN_MAX);
    codec_put_list(w, event->receiving, EVENT_RECEIVING_MAX);
    codec_put_text(w, event->ip, IP_MAX);
    codec_put_text(w, event->asker, IP_MAX);
    codec_put_text(w, event->stamp, EVENT_STAMP);
    codec_put_text(w, event->digest, DIGEST_TEXT);
    return !w->failed;
}

struct text event_domain(const struct event *event)
{
    return record_domain(event->user);
}

bool event_decode(struct text octets, struct event *event_r)
{
    struct codec_reader r = {.rest = octets};
    const bool known = codec_get_number(&r, 1) == FORM;

    event_r->verdict = (enum verdict)codec_get_up_to(&r, 1, VERDICT_ALLOW);
    event_r->reason = (enum reason)codec_get_up_to(&r, 1, REASON_REFUSED);
    event_r->would_be = (enum reason)codec_get_up_to(&r, 1, REASON_REFUSED);
    const uint64_t flags = codec_get_up_to(&r, 1, FLAGS);
    event_r->listed = (flags & FLAG_LISTED) != 0;
    event_r->changed = (flags & FLAG_CHANGED) != 0;
    event_r->left_out = (flags & FLAG_LEFT_OUT) != 0;
    event_r->time = codec_get_up_to(&r, 8, INT64_MAX);
    event_r->issued = codec_get_up_to(&r, 8, INT64_MAX);
    event_r->milliseconds = (uint32_t)codec_get_number(&r, 4);
    event_r->cause = codec_get_text(&r, EVENT_CAUSE_MAX);
    event_r->user = codec_get_text(&r, ADDRESS_MAX);
    event_r->host = codec_get_text(&r, DOMAIN_MAX);
    event_r->receiving = codec_get_text(&r, EVENT_RECEIVING_MAX);
    event_r->ip = codec_get_text(&r, IP_MAX);
    event_r->asker = codec_get_text(&r, IP_MAX);
    event_r->stamp = codec_get_text(&r, EVENT_STAMP);
    event_r->digest = codec_get_text(&r, DIGEST_TEXT);
    return known && codec_is_done(&r);
}

static bool event_kind_encode(const void *event, struct writer *w)
{
    return event_encode(event, w);
}

static bool event_kind_decode(struct text octets, void *event_r)
{
    return event_decode(octets, event_r);
}

static bool event_kind_is_left_out(const void *event)
{
    return ((const struct event *)event)->left_out;
}

static const struct record_column event_columns[] = {
        {"time", false},
        {"verdict", true},
        {"reason", true},
        {"would_be", true},
        {"cause", true},
        {"user", true},
        {"domain", true},
        {"host", true},
        {"receiving", true},
        {"ip", true},
        {"asker", true},
        {"stamp", true},
        {"issued", false},
        {"digest", true},
        {"listed", false},
        {"ms", false},
};

static void event_values(const void *event, struct eventstore_value *values_r)
{
    const struct event *e = event;
    struct eventstore_value *value = values_r;

    *value++ = record_number(e->time);
    *value++ = record_text(text_of(verdict_name(e->verdict)));
    *value++ = record_text(text_of(reason_name(e->reason)));
    *value++ = record_text(text_of(reason_name(e->would_be)));
    *value++ = record_text(e->cause);
    *value++ = record_text(e->user);
    *value++ = record_text(event_domain(e));
    *value++ = record_text(e->host);
    *value++ = record_text(e->receiving);
    *value++ = record_text(e->ip);
    *value++ = record_text(e->asker);
    *value++ = record_text(e->stamp);
    *value++ = record_number(e->issued);
    *value++ = record_text(e->digest);
    *value++ = record_number(e->listed);
    *value++ = record_number(e->milliseconds);
}

const struct record_kind event_kind = {
        .table = "event",
        .size = sizeof(struct event),
        .octets_max = EVENT_OCTETS_MAX,
        .encode = event_kind_encode,
        .decode = event_kind_decode,
        .is_left_out = event_kind_is_left_out,
        .columns = event_columns,
        .columns_count = sizeof event_columns / sizeof *event_columns,
        .values = event_values,
        .unusual = EVENT_UNUSUAL,
};
