// SPDX-License-Identifier: ISC
#include "events/recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "events/alarm.h"
#include "events/privacy.h"
#include "events/store.h"

#define PAUSE_FIRST 200   /* milliseconds after a failure */
#define PAUSE_MAX 10000   /* milliseconds */
#define PURGE_EVERY 60000 /* milliseconds */

struct recording {
    const struct config_service *service;
    const struct config_record *record;
    char *address; /* of the store */
    enum privacy privacy;
    struct alarm *alarm;
    struct forgeries *forgeries; /* NULL: the alarm is off */
    struct eventstore *store;    /* NULL: not open */
    bool failing;
    struct backoff backoff;
    uint64_t purge;   /* next purge, in monotonic milliseconds; 0: at once */
    uint64_t dropped; /* not recorded yet */

    /* The batch: events that were read from all rings and not taken yet. */
    size_t count;
    struct event *events;
    struct privacy_buffer *privacy_buffers; /* one for each event */
    char *buffer;                           /* one part for each ring */

    struct ring *const *rings;
    size_t rings_count;
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
    r->service = setup->service;
    r->record = setup->record;
    r->backoff = (struct backoff){.first = PAUSE_FIRST, .max = PAUSE_MAX};
    if (!privacy_find(setup->record->ip.at, &r->privacy))
        r->privacy = PRIVACY_NONE; /* cannot happen: the configuration was checked */
    r->alarm = alarm;
    r->rings = setup->rings;
    r->rings_count = rings_count;
    r->quota = rings_count > 0 ? RECORDING_BATCH / rings_count : 0;
    if (r->quota == 0)
        r->quota = 1;
    const size_t most = r->quota * (rings_count > 0 ? rings_count : 1);
    r->events = calloc(most, sizeof *r->events);
    r->privacy_buffers = calloc(most, sizeof *r->privacy_buffers);
    r->buffer = malloc(most * EVENT_OCTETS_MAX);
    r->address =
            eventstore_address(setup->record->store.at, r->service->state.at, EVENTSTORE_SERVICE);
    if (r->events == NULL || r->privacy_buffers == NULL || r->buffer == NULL || r->address == NULL)
        return recording_fail(r);
    if (r->service->alarm_forgeries > 0) {
        r->forgeries = forgeries_init(r->service->alarm_forgeries, FORGERIES_USERS);
        if (r->forgeries == NULL)
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
}

/* Reads a batch from the rings. Rings need not take turns, because each has a quota. Returns
 * whether a ring has more than its quota. */
static bool recording_look(struct recording *r, uint64_t now)
{
    bool more = false;

    r->count = 0;
    for (size_t i = 0; i < r->rings_count; i++) {
        struct event *events = &r->events[r->count];
        const size_t size = r->quota * EVENT_OCTETS_MAX;
        const size_t count = ring_look(r->rings[i], events, r->quota, r->buffer + i * size, size);
        for (size_t k = 0; k < count; k++) {
            privacy_apply(r->privacy, &events[k], &r->privacy_buffers[r->count + k]);
            if (r->forgeries != NULL && k >= r->noted[i])
                forgeries_note(r->forgeries, &events[k], now);
        }
        r->noted[i] = count;
        r->count += count;
        more = more || count == r->quota;

        const uint64_t dropped = ring_take_dropped(r->rings[i]);
        counters_add(&r->alarm->counters->events_dropped, dropped);
        r->dropped += dropped;
    }
    return more;
}

static void recording_take(struct recording *r)
{
    for (size_t i = 0; i < r->rings_count; i++) {
        ring_take(r->rings[i]);
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
    r->store = eventstore_open(r->address, EVENTSTORE_RECORD, error);
    if (r->store != NULL)
        return true;
    store_failed(r, error);
    return false;
}

static bool recording_record(struct recording *r)
{
    if (!open_store(r))
        return false;
    if (r->count == 0 && r->dropped == 0)
        return true;
    if (!eventstore_write(r->store, r->events, r->count, r->dropped, unix_ms())) {
        store_failed(r, eventstore_error(r->store));
        return false;
    }
    if (r->failing)
        log_event(LOG_LEVEL_NOTICE, "events-recorded-again", "store", eventstore_backend(r->store));
    r->failing = false;
    backoff_reset(&r->backoff);
    counters_add(&r->alarm->counters->events_recorded, r->count);
    r->dropped = 0;
    recording_take(r);
    return true;
}

/* Does one step, so that new events wait no longer than that. */
static void recording_purge(struct recording *r)
{
    const uint64_t now = mono_ms();
    const uint64_t unix_now = unix_ms();
    const uint64_t keep = r->record->keep * 1000;
    bool more = false;

    if (now < r->purge)
        return;
    if (unix_now < keep) {
        r->purge = now + PURGE_EVERY;
        return;
    }
    if (!eventstore_purge(r->store, unix_now - keep, &more)) {
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
    writer_decimal(&w, r->service->alarm_forgeries);
    writer_string(&w, " forgeries in an hour");
    if (forgery->network != 0) {
        writer_string(&w, ", most from ");
        writer_put(&w, privacy_prefix_text(forgery->network, network));
    }
    because[writer_text(&w).len] = '\0';
    alarm_raise(r->alarm, COUNTER_ALARM_FORGERIES, forgery->user, because, now);
}

/* Whether neither this process nor an earlier one raised the alarm within the hour. */
static bool recording_is_news(const struct recording *r, const struct forgery *forgery)
{
    const char *state = r->service->state.at;

    if (alarm_history_has(state, forgery->user, unix_now()))
        return false;
    if (!alarm_history_add(state, forgery->user, unix_now()))
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
        if (recording_is_news(r, &forgery)) {
            raise_forgery(r, &forgery, now);
            return;
        }
    }
}

enum recording_state recording_turn(struct recording *r)
{
    const bool full = recording_look(r, mono_ms());
    const bool any = r->count > 0 || r->dropped > 0;

    tell_forgeries(r);
    if (!recording_record(r))
        return any ? RECORDING_FAILED : RECORDING_IDLE;
    recording_purge(r);
    if (full || r->purge == 0)
        return RECORDING_MORE;
    return any ? RECORDING_DONE : RECORDING_IDLE;
}

uint64_t recording_give_up(struct recording *r)
{
    uint64_t lost = 0;

    for (;;) {
        (void)recording_look(r, mono_ms());
        if (r->count == 0)
            break;
        lost += r->count;
        recording_take(r);
    }
    counters_add(&r->alarm->counters->events_dropped, lost);
    return lost + r->dropped;
}
