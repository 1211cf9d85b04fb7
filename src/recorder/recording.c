// SPDX-License-Identifier: ISC
#include "recorder/recording.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/log.h"
#include "events/alarm.h"
#include "events/event.h"
#include "events/privacy.h"
#include "events/store.h"
#include "recorder/alarm_history.h"
#include "recorder/forgeries.h"
#include "recorder/texts.h"

#define PAUSE_FIRST 200   /* milliseconds after a failure */
#define PAUSE_MAX 10000   /* milliseconds */
#define PURGE_FIRST 10000 /* milliseconds from the start: the clock may be set then */
#define PURGE_EVERY 60000 /* milliseconds */
#define DAY UINT64_C(86400000)
#define GAP_EVERY 60000 /* milliseconds between two counts of what was left out */

struct recording {
    const struct recorder_setup *setup;
    char *address; /* of the store */
    enum privacy privacy;
    struct alarm *alarm;
    struct forgeries *forgeries; /* NULL: the alarm is off */
    struct texts *texts;         /* NULL: the alarm is off */
    struct eventstore *store;    /* NULL: not open */
    bool failing;
    struct backoff backoff;
    uint64_t purge;            /* next purge, in monotonic milliseconds; 0: at once */
    struct eventstore_gap gap; /* not recorded yet */
    uint64_t gap_at; /* when to record events that were left out, monotonic milliseconds */

    /* The batch: events that were read from all rings and not taken yet, but those left out. */
    size_t count;
    bool any; /* events were read, also such as are left out */
    struct event *events;
    struct privacy_buffer *privacy_buffers; /* one for each event */
    char *buffer;                           /* one part for each ring */

    size_t quota;   /* events of each ring in a batch */
    size_t noted[]; /* for each ring: how many of its first events forgeries_note() has seen */
};

static struct recording *recording_fail(struct recording *r)
{
    recording_free(&r);
    errno = ENOMEM;
    return NULL;
}

struct recording *recording_init(const struct recorder_setup *setup, struct alarm *alarm)
{
    const size_t rings_count = setup->rings_count;
    struct recording *r = calloc(1, sizeof *r + rings_count * sizeof r->noted[0]);

    if (r == NULL)
        return NULL;
    r->setup = setup;
    r->backoff = (struct backoff){.first = PAUSE_FIRST, .max = PAUSE_MAX};
    if (!privacy_find(setup->ip, &r->privacy))
        r->privacy = PRIVACY_NONE; /* cannot happen: the configuration was checked */
    r->alarm = alarm;
    r->purge = mono_ms() + PURGE_FIRST;
    r->quota = rings_count > 0 ? RECORDING_BATCH / rings_count : 0;
    if (r->quota == 0)
        r->quota = 1;
    const size_t most = r->quota * (rings_count > 0 ? rings_count : 1);
    r->events = calloc(most, sizeof *r->events);
    r->privacy_buffers = calloc(most, sizeof *r->privacy_buffers);
    r->buffer = malloc(most * EVENT_OCTETS_MAX);
    r->address = eventstore_address(setup->store, setup->state, EVENTSTORE_SERVICE);
    if (r->events == NULL || r->privacy_buffers == NULL || r->buffer == NULL || r->address == NULL)
        return recording_fail(r);
    if (r->setup->alarm_forgeries > 0) {
        r->forgeries = forgeries_init(r->setup->alarm_forgeries, FORGERIES_USERS);
        if (r->forgeries == NULL)
            return recording_fail(r);
    }
    if (r->setup->alarm_texts > 0) {
        r->texts = texts_init(r->setup->alarm_texts, TEXTS_OCTETS);
        if (r->texts == NULL)
            return recording_fail(r);
    }
    return r;
}

void recording_free(struct recording **recording)
{
    struct recording *r = *recording;

    if (r == NULL)
        return;
    eventstore_close(&r->store);
    forgeries_free(&r->forgeries);
    texts_free(&r->texts);
    free(r->events);
    free(r->privacy_buffers);
    free(r->buffer);
    free(r->address);
    free(r);
    *recording = NULL;
}

void recording_hurry(struct recording *r)
{
    r->backoff.until = 0;
    r->purge = UINT64_MAX;
    r->gap_at = 0;
}

/* Adds an event to the batch, unless it is left out. It was read at that place of the batch or
 * behind it. `is_new`: it was not in a batch before. */
static void recording_add(struct recording *r, const struct event *from, bool is_new, uint64_t now)
{
    struct event *event = &r->events[r->count];

    *event = *from;
    privacy_apply(r->privacy, event, &r->privacy_buffers[r->count]);
    if (is_new && r->forgeries != NULL)
        forgeries_note(r->forgeries, event, now);
    if (is_new && r->texts != NULL)
        texts_note(r->texts, event, now);
    r->count += !event->left_out;
}

/* Reads a batch from the rings. Rings need not take turns, because each has a quota. Returns
 * whether a ring has more than its quota. */
static bool recording_look(struct recording *r, uint64_t now)
{
    struct counters *counters = r->alarm->counters;
    bool more = false;

    r->count = 0;
    r->any = false;
    for (size_t i = 0; i < r->setup->rings_count; i++) {
        const struct event *events = &r->events[r->count];
        const size_t size = r->quota * EVENT_OCTETS_MAX;
        const size_t count = ring_look(
                r->setup->rings[i], &r->events[r->count], r->quota, r->buffer + i * size, size);
        for (size_t k = 0; k < count; k++)
            recording_add(r, &events[k], k >= r->noted[i], now);
        r->noted[i] = count;
        more = more || count == r->quota;
        r->any = r->any || count > 0;

        const uint64_t dropped = ring_take_dropped(r->setup->rings[i]);
        counters_add(&counters->events_dropped, dropped);
        r->gap.lost += dropped;
        r->gap.left_out += ring_take_left_out(r->setup->rings[i]);
    }
    r->gap.lost += atomic_exchange(&counters->gap_lost, 0);
    r->gap.left_out += atomic_exchange(&counters->gap_left_out, 0);
    return more;
}

static void recording_take(struct recording *r)
{
    for (size_t i = 0; i < r->setup->rings_count; i++) {
        ring_take(r->setup->rings[i]);
        r->noted[i] = 0;
    }
    r->count = 0;
}

/* Closes the store; the next attempt opens it again. That also helps if the file was replaced. */
static void store_failed(struct recording *r, const char *error)
{
    const uint64_t now = mono_ms();

    alarm_raise(r->alarm, COUNTER_ALARM_EVENTS, "", error, now);
    eventstore_close(&r->store);
    backoff_failed(&r->backoff, now);
    r->failing = true;
}

/* Opens the store before there are events, so that an error shows at once. */
static bool open_store(struct recording *r)
{
    char error[EVENTSTORE_ERROR_MAX] = "";

    if (r->store != NULL)
        return true;
    if (mono_ms() < r->backoff.until)
        return false;
    r->store = eventstore_open(r->address, &event_kind, EVENTSTORE_RECORD, error);
    if (r->store != NULL) {
        eventstore_set_size(r->store, r->setup->size);
        return true;
    }
    store_failed(r, error);
    return false;
}

static bool recording_record(struct recording *r)
{
    if (!open_store(r))
        return false;
    const uint64_t now = mono_ms();
    const bool has_gap = r->gap.lost > 0 || (r->gap.left_out > 0 && now >= r->gap_at);
    if (r->count == 0 && !has_gap) {
        recording_take(r);
        return true;
    }
    r->gap.time = unix_ms();
    if (!eventstore_write(r->store, r->events, r->count, has_gap ? &r->gap : NULL)) {
        store_failed(r, eventstore_error(r->store));
        return false;
    }
    if (r->failing)
        log_event(LOG_LEVEL_NOTICE, "events-recorded-again", "store", eventstore_backend(r->store));
    r->failing = false;
    backoff_reset(&r->backoff);
    counters_add(&r->alarm->counters->events_recorded, r->count);
    if (has_gap) {
        r->gap = (struct eventstore_gap){0};
        r->gap_at = now + GAP_EVERY;
    }
    recording_take(r);
    return true;
}

static bool recording_take_newest(
        void *context, const struct eventstore_value *values, size_t count)
{
    int64_t *newest = context;

    if (count > 0)
        *newest = values[0].number;
    return false;
}

/* Before which time events are too old. The clock may be wrong: it is believed until a day after
 * the newest event. */
static bool recording_horizon(struct recording *r, uint64_t *horizon_r)
{
    const uint64_t keep = r->setup->keep * 1000;
    uint64_t now = unix_ms();
    int64_t newest = 0;

    if (!eventstore_query(r->store, "SELECT coalesce(max(time), 0) FROM event", NULL, 0,
                recording_take_newest, &newest))
        return false;
    if (newest >= 0 && now > (uint64_t)newest + DAY)
        now = (uint64_t)newest + DAY;
    *horizon_r = now > keep ? now - keep : 0;
    return true;
}

/* Does one step, so that new events wait no longer than that. */
static void recording_purge(struct recording *r)
{
    const uint64_t now = mono_ms();
    uint64_t horizon = 0;
    bool more = false;

    if (now < r->purge)
        return;
    if (!recording_horizon(r, &horizon) || !eventstore_purge(r->store, horizon, &more)) {
        store_failed(r, eventstore_error(r->store));
        more = false;
    }
    r->purge = more ? 0 : now + PURGE_EVERY;
}

static void raise_forgery(struct recording *r, const struct forgery *forgery, uint64_t now)
{
    char because[128];
    char network[PRIVACY_TEXT_MAX];
    struct writer w = writer_of(because, sizeof because - 1);

    writer_string(&w, "more than ");
    writer_decimal(&w, r->setup->alarm_forgeries);
    writer_string(&w, " forgeries in an hour");
    if (forgery->network != 0) {
        writer_string(&w, ", most from ");
        writer_put(&w, privacy_prefix_text(forgery->network, network));
    }
    because[writer_text(&w).len] = '\0';
    alarm_raise(r->alarm, COUNTER_ALARM_FORGERIES, forgery->user, because, now);
}

/* Whether no earlier process raised the alarm, too. */
static bool recording_is_news(const struct recording *r, const char *subject, uint64_t keep)
{
    const char *state = r->setup->state;

    if (alarm_history_has(state, subject, unix_now()))
        return false;
    if (!alarm_history_add(state, subject, keep, unix_now()))
        log_errno(LOG_LEVEL_WARNING, "state-not-written", "folder", state);
    return true;
}

/* Reports forgeries. An alarm is logged at most once a minute, so further users wait. */
static void tell_forgeries(struct recording *r)
{
    const uint64_t now = mono_ms();
    const uint64_t said = r->alarm->said[COUNTER_ALARM_FORGERIES];
    struct forgery forgery;

    if (r->forgeries == NULL || (said != 0 && now - said < ALARM_EVERY))
        return;
    while (forgeries_next(r->forgeries, &forgery)) {
        if (recording_is_news(r, forgery.user, ALARM_HISTORY_KEEP)) {
            raise_forgery(r, &forgery, now);
            return;
        }
    }
}

static void raise_texts(struct recording *r, const struct texts_alarm *texts, uint64_t now)
{
    char because[160];
    char remedy[ADDRESS_MAX + 96];
    char issued[DATE_TEXT_MAX];
    char after[DATE_TEXT_MAX];

    date_format(texts->issued, issued);
    date_format(texts->issued + 1, after);
    snprintf(because, sizeof because,
            "more than %llu different texts came with one stamp, %s, issued at %s",
            (unsigned long long)r->setup->alarm_texts, texts->stamp, issued);
    snprintf(remedy, sizeof remedy, "not_before = %s in the rule of %s", after, texts->user);
    alarm_raise_with_remedy(r->alarm, COUNTER_ALARM_TEXTS, texts->user, because, remedy, now);
}

/* Reports payloads with too many texts, one a minute, too. */
static void tell_texts(struct recording *r)
{
    const uint64_t now = mono_ms();
    const uint64_t said = r->alarm->said[COUNTER_ALARM_TEXTS];
    struct texts_alarm texts;

    if (r->texts == NULL || (said != 0 && now - said < ALARM_EVERY))
        return;
    while (texts_next(r->texts, &texts)) {
        if (recording_is_news(r, texts.stamp, ALARM_HISTORY_KEEP_TEXTS)) {
            raise_texts(r, &texts, now);
            return;
        }
    }
}

enum recording_state recording_turn(struct recording *r)
{
    const bool full = recording_look(r, mono_ms());
    const bool any = r->any || r->gap.lost > 0;

    tell_forgeries(r);
    tell_texts(r);
    if (!recording_record(r))
        return any ? RECORDING_FAILED : RECORDING_IDLE;
    recording_purge(r);
    if (full || r->purge == 0)
        return RECORDING_MORE;
    return any ? RECORDING_DONE : RECORDING_IDLE;
}

uint64_t recording_give_up(struct recording *r)
{
    struct counters *counters = r->alarm->counters;
    uint64_t lost = 0;

    (void)recording_look(r, mono_ms());
    for (size_t i = 0; i < r->setup->rings_count; i++)
        lost += ring_discard(r->setup->rings[i]);
    r->count = 0;
    counters_add(&counters->events_dropped, lost);
    counters_add(&counters->gap_lost, r->gap.lost + lost);
    counters_add(&counters->gap_left_out, r->gap.left_out);
    return lost + r->gap.lost;
}
