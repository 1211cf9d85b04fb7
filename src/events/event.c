// SPDX-License-Identifier: ISC
#include "events/event.h"

#include <string.h>

#include "events/codec.h"
#include "events/privacy.h"
#include "events/rollup.h"
#include "protocol/sealed.h"

#define HOUR UINT64_C(3600000) /* milliseconds */
#define DAY (24 * HOUR)

#define FORM 1 /* version of the form below */
#define IP_MAX 48

/* One octet each: version, verdict, reason, would_be, flags; then the time and `issued`, 8 octets
 * each, and the milliseconds, 4; then eight texts. */
#define FLAG_LISTED 1
#define FLAG_CHANGED 2
#define FLAG_LEFT_OUT 4
#define FLAG_SEALED 8
#define FLAGS (FLAG_LISTED | FLAG_CHANGED | FLAG_LEFT_OUT | FLAG_SEALED)

bool event_encode(const struct event *event, struct writer *w)
{
    const uint64_t flags =
            (event->listed ? FLAG_LISTED : 0U) | (event->changed ? FLAG_CHANGED : 0U) |
            (event->left_out ? FLAG_LEFT_OUT : 0U) | (event->sealed ? FLAG_SEALED : 0U);

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
    event_r->sealed = (flags & FLAG_SEALED) != 0;
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

static bool event_kind_has_row(const void *event)
{
    (void)event;
    return true;
}

enum event_column {
    EVENT_TIME,
    EVENT_VERDICT,
    EVENT_REASON,
    EVENT_WOULD_BE,
    EVENT_CAUSE,
    EVENT_USER,
    EVENT_DOMAIN,
    EVENT_HOST,
    EVENT_RECEIVING,
    EVENT_IP,
    EVENT_ASKER,
    EVENT_STAMP_NAME,
    EVENT_ISSUED,
    EVENT_DIGEST,
    EVENT_LISTED,
    EVENT_CHANNEL,
    EVENT_MS,
    EVENT_COLUMNS,
};

static const struct record_column event_columns[EVENT_COLUMNS] = {
        [EVENT_TIME] = {"time", false},
        [EVENT_VERDICT] = {"verdict", true},
        [EVENT_REASON] = {"reason", true},
        [EVENT_WOULD_BE] = {"would_be", true},
        [EVENT_CAUSE] = {"cause", true},
        [EVENT_USER] = {"user", true},
        [EVENT_DOMAIN] = {"domain", true},
        [EVENT_HOST] = {"host", true},
        [EVENT_RECEIVING] = {"receiving", true},
        [EVENT_IP] = {"ip", true},
        [EVENT_ASKER] = {"asker", true},
        [EVENT_STAMP_NAME] = {"stamp", true},
        [EVENT_ISSUED] = {"issued", false},
        [EVENT_DIGEST] = {"digest", true},
        [EVENT_LISTED] = {"listed", false},
        [EVENT_CHANNEL] = {"channel", true},
        [EVENT_MS] = {"ms", false},
};

static void event_values(const void *event, struct eventstore_value *values_r)
{
    const struct event *e = event;

    values_r[EVENT_TIME] = record_number(e->time);
    values_r[EVENT_VERDICT] = record_text(text_of(verdict_name(e->verdict)));
    values_r[EVENT_REASON] = record_text(text_of(reason_name(e->reason)));
    values_r[EVENT_WOULD_BE] = record_text(text_of(reason_name(e->would_be)));
    values_r[EVENT_CAUSE] = record_text(e->cause);
    values_r[EVENT_USER] = record_text(e->user);
    values_r[EVENT_DOMAIN] = record_text(event_domain(e));
    values_r[EVENT_HOST] = record_text(e->host);
    values_r[EVENT_RECEIVING] = record_text(e->receiving);
    values_r[EVENT_IP] = record_text(e->ip);
    values_r[EVENT_ASKER] = record_text(e->asker);
    values_r[EVENT_STAMP_NAME] = record_text(e->stamp);
    values_r[EVENT_ISSUED] = record_number(e->issued);
    values_r[EVENT_DIGEST] = record_text(e->digest);
    values_r[EVENT_LISTED] = record_number(e->listed);
    values_r[EVENT_CHANNEL] = record_text(text_of(sealed_channel(e->sealed)));
    values_r[EVENT_MS] = record_number(e->milliseconds);
}

static const char *const event_sums[] = {"count"};

static const struct record_column event_hour_keys[] = {
        {"verdict", true},
        {"reason", true},
        {"would_be", true},
        {"domain", true},
        {"host", true},
        {"listed", false},
        {"network", true},
};

/* Of the address that the mail came from, as the asker reports it. Where it does not, the asker's
 * own network would say nothing: mail does not come from there. */
static struct text event_network(
        const struct eventstore_value *values, char buffer_r[PRIVACY_TEXT_MAX])
{
    return privacy_prefix_text(privacy_network(values[EVENT_IP].text), buffer_r);
}

/* The network is that of genuine mail. Forgeries come from so many that an hour has as many rows as
 * events. */
static void event_hour_add(const struct eventstore_value *values, struct rollup_tally *tally)
{
    static const int64_t one[ROLLUP_SUMS_MAX] = {1};
    const bool is_yes = text_equal(values[EVENT_VERDICT].text, text_of("YES"));
    char network[PRIVACY_TEXT_MAX];
    const struct eventstore_value keys[ROLLUP_KEYS_MAX] = {
            values[EVENT_VERDICT],
            values[EVENT_REASON],
            values[EVENT_WOULD_BE],
            values[EVENT_DOMAIN],
            values[EVENT_HOST],
            values[EVENT_LISTED],
            record_text(is_yes ? event_network(values, network) : text_of("")),
    };

    rollup_add(tally, keys, one);
}

static const struct rollup event_hour = {
        .suffix = "hour",
        .span = HOUR,
        .keys = event_hour_keys,
        .keys_count = sizeof event_hour_keys / sizeof *event_hour_keys,
        .sums = event_sums,
        .sums_count = 1,
        .add = event_hour_add,
};

static const struct record_column event_day_keys[] = {
        {"what", true},
        {"name", true},
        {"verdict", true},
        {"reason", true},
        {"would_be", true},
        {"domain", true},
        {"host", true},
        {"listed", false},
};

static void event_day_add_one(const struct eventstore_value *values, const char *what,
        struct text name, struct rollup_tally *tally)
{
    static const int64_t one[ROLLUP_SUMS_MAX] = {1};
    const bool is_replayed = text_equal(values[EVENT_REASON].text, text_of("replayed"));
    const struct eventstore_value keys[ROLLUP_KEYS_MAX] = {
            record_text(text_of(what)),
            record_text(name),
            values[EVENT_VERDICT],
            values[EVENT_REASON],
            values[EVENT_WOULD_BE],
            values[EVENT_DOMAIN],
            is_replayed ? values[EVENT_HOST] : record_text(text_of("")),
            values[EVENT_LISTED],
    };

    rollup_add(tally, keys, one);
}

static void event_day_add(const struct eventstore_value *values, struct rollup_tally *tally)
{
    const struct text verdict = values[EVENT_VERDICT].text;
    const bool is_no = text_equal(verdict, text_of("NO"));
    struct reader receiving = reader_of(values[EVENT_RECEIVING].text);
    char network[PRIVACY_TEXT_MAX];

    if (!text_equal(verdict, text_of("YES")) || values[EVENT_LISTED].number == 0)
        event_day_add_one(values, "user", values[EVENT_USER].text, tally);
    if (!is_no && values[EVENT_WOULD_BE].text.len == 0)
        return;
    event_day_add_one(values, "network", event_network(values, network), tally);
    while (receiving.rest.len > 0)
        event_day_add_one(values, "receiving", reader_field(&receiving, ','), tally);
}

static const struct rollup event_day = {
        .suffix = "day",
        .span = DAY,
        .keys = event_day_keys,
        .keys_count = sizeof event_day_keys / sizeof *event_day_keys,
        .sums = event_sums,
        .sums_count = 1,
        .add = event_day_add,
};

static const struct rollup *const event_rollups[] = {&event_hour, &event_day, NULL};

const struct record_kind event_kind = {
        .table = "event",
        .size = sizeof(struct event),
        .octets_max = EVENT_OCTETS_MAX,
        .encode = event_kind_encode,
        .decode = event_kind_decode,
        .is_left_out = event_kind_is_left_out,
        .has_row = event_kind_has_row,
        .columns = event_columns,
        .columns_count = EVENT_COLUMNS,
        .values = event_values,
        .unusual = EVENT_UNUSUAL,
        .unusual_with = ", verdict, would_be, host, ip, reason, cause",
        .rollups = event_rollups,
};
