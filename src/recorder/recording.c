// SPDX-License-Identifier: ISC
#include "recorder/recording.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "events/alarm.h"
#include "events/event.h"
#include "events/mail_event.h"
#include "events/privacy.h"
#include "events/store.h"
#include "recorder/lookout.h"

#define PAUSE_FIRST 200   /* milliseconds after a failure */
#define PAUSE_MAX 10000   /* milliseconds */
#define PURGE_FIRST 10000 /* milliseconds from the start: the clock may be set then */
#define PURGE_EVERY 60000 /* milliseconds */
#define DAY UINT64_C(86400000)
#define GAP_EVERY 60000 /* milliseconds between two counts of what was left out */

/* The memory for the addresses of an event that the option `ip` changes. */
struct recording_addresses {
    char ip[PRIVACY_TEXT_MAX];
    char asker[PRIVACY_TEXT_MAX];
};

struct recording {
    const struct recorder_setup *setup;
    char *address; /* of the store */
    enum privacy privacy;
    struct alarm *alarm;
    const struct record_kind *kind;
    struct lookout *lookout;
    struct eventstore *store; /* NULL: not open */
    bool failing;
    struct backoff backoff;
    uint64_t purge;            /* next purge, in monotonic milliseconds; 0: at once */
    struct eventstore_gap gap; /* not recorded yet */
    uint64_t gap_at; /* when to record events that were left out, monotonic milliseconds */

    /* The batch: events that were read from all rings and not taken yet, but those left out. */
    size_t count;
    bool any;                              /* events were read, also such as are left out */
    void *events;                          /* structs of the kind */
    struct recording_addresses *addresses; /* one for each event */
    char *buffer;                          /* one part for each ring */

    size_t quota;   /* events of each ring in a batch */
    size_t noted[]; /* for each ring: how many of its first events the lookout has seen */
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
    r->kind = recorder_kind(setup->daemon);
    r->events = calloc(most, r->kind->size);
    r->addresses = calloc(most, sizeof *r->addresses);
    r->buffer = malloc(most * r->kind->octets_max);
    r->address = eventstore_address(setup->store, setup->state,
            setup->daemon == RECORDER_MILTER ? EVENTSTORE_MAIL : EVENTSTORE_SERVICE);
    r->lookout = lookout_init(setup, alarm);
    if (r->events == NULL || r->addresses == NULL || r->buffer == NULL || r->address == NULL ||
            r->lookout == NULL)
        return recording_fail(r);
    return r;
}

void recording_free(struct recording **recording)
{
    struct recording *r = *recording;

    if (r == NULL)
        return;
    eventstore_close(&r->store);
    lookout_free(&r->lookout);
    free(r->events);
    free(r->addresses);
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

static void recording_cut(const struct recording *r, struct text *address, char *buffer)
{
    *address = privacy_apply(r->privacy, *address, buffer);
}

static bool recording_add_question(struct recording *r, struct event *event, bool is_new,
        struct recording_addresses *addresses, uint64_t now)
{
    recording_cut(r, &event->ip, addresses->ip);
    recording_cut(r, &event->asker, addresses->asker);
    if (is_new)
        lookout_note(r->lookout, event, now);
    return !event->left_out;
}

static bool recording_add_mail(struct recording *r, struct mail_event *event, bool is_new,
        struct recording_addresses *addresses)
{
    recording_cut(r, &event->ip, addresses->ip);
    if (is_new)
        lookout_note_mail(r->lookout, event);
    return !event->left_out;
}

/* Adds an event to the batch, unless it is left out. It was read at that place of the batch or
 * behind it. `is_new`: it was not in a batch before. */
static void recording_add(struct recording *r, const void *from, bool is_new, uint64_t now)
{
    void *event = (char *)r->events + r->count * r->kind->size;
    struct recording_addresses *addresses = &r->addresses[r->count];

    memmove(event, from, r->kind->size);
    r->count += r->setup->daemon == RECORDER_MILTER
                        ? recording_add_mail(r, event, is_new, addresses)
                        : recording_add_question(r, event, is_new, addresses, now);
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
        char *events = (char *)r->events + r->count * r->kind->size;
        const size_t size = r->quota * r->kind->octets_max;
        const size_t count =
                ring_look(r->setup->rings[i], events, r->quota, r->buffer + i * size, size);
        for (size_t k = 0; k < count; k++)
            recording_add(r, events + k * r->kind->size, k >= r->noted[i], now);
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
    r->store = eventstore_open(r->address, r->kind, EVENTSTORE_RECORD, error);
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
    char sql[64];

    snprintf(sql, sizeof sql, "SELECT coalesce(max(time), 0) FROM %s", r->kind->table);
    if (!eventstore_query(r->store, sql, NULL, 0, recording_take_newest, &newest))
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

enum recording_state recording_turn(struct recording *r)
{
    const bool full = recording_look(r, mono_ms());
    const bool any = r->any || r->gap.lost > 0;

    lookout_tell(r->lookout, mono_ms());
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
