// SPDX-License-Identifier: ISC
#include "recorder/recorder.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "events/alarm.h"
#include "events/counters.h"
#include "process/sandbox.h"
#include "recorder/metrics.h"
#include "recorder/recording.h"
#include "recorder/syncing.h"

#define WAIT_LEAST 200  /* milliseconds between two looks when events came */
#define WAIT_MOST 1000  /* when none came for a while */
#define WAIT_ORPHAN 500 /* when there is no event to wait for */
#define MORE 1000       /* extra time at the end, for a store that answers at the last moment */
#define QUIET 2         /* looks without events, after which an orphan ends */

/* The first thread hears the supervisor; a second one records, and may wait for its store as long
 * as that takes; others sync the store of replay counts and show the counters. */
struct recorder {
    const struct recorder_setup *setup;
    struct metrics *metrics; /* NULL: the counters are not shown */
    int metrics_fd;          /* where they are shown; -1: nowhere */
    struct syncing *syncing; /* NULL: there is nothing to sync */

    pthread_t thread; /* the recording thread */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* one of the following changed; protected by the lock */
    bool end;               /* tells the recording thread to end */
    char order;
    bool ended; /* the recording thread has ended */

    struct recording *recording; /* used by the recording thread, as is the next member */
    struct alarm alarm;
};

/* Milliseconds to wait after a turn. */
static uint64_t next_wait(enum recording_state state, uint64_t wait)
{
    switch (state) {
    case RECORDING_MORE:
        return 0;
    case RECORDING_DONE:
    case RECORDING_FAILED:
        return WAIT_LEAST;
    case RECORDING_IDLE:
        break;
    }
    if (wait < WAIT_LEAST)
        return WAIT_LEAST;
    return wait * 2 < WAIT_MOST ? wait * 2 : WAIT_MOST;
}

/* Waits until `*it` is true or the time is over. Returns `*it`. */
static bool wait_until(struct recorder *r, const bool *it, uint64_t milliseconds)
{
    const uint64_t at = mono_ms() + milliseconds;
    const struct timespec until = {
            .tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000};
    int error = 0;

    pthread_mutex_lock(&r->lock);
    while (!*it && error == 0 && milliseconds > 0)
        error = pthread_cond_clockwait(&r->changed, &r->lock, CLOCK_MONOTONIC, &until);
    const bool is = *it;
    pthread_mutex_unlock(&r->lock);
    return is;
}

static void recorder_set(struct recorder *r, bool *it)
{
    pthread_mutex_lock(&r->lock);
    *it = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

/* Records what is left. The store is tried once more even if it failed before. */
static void record_the_rest(struct recorder *r)
{
    const uint64_t end = mono_ms() + RECORDER_FINISH;

    recording_hurry(r->recording);
    for (;;) {
        const enum recording_state state = recording_turn(r->recording);
        if (state == RECORDING_IDLE || mono_ms() >= end)
            return;
        if (state == RECORDING_FAILED)
            (void)poll(NULL, 0, WAIT_LEAST);
    }
}

static void record_as_orphan(struct recorder *r)
{
    const uint64_t end = mono_ms() + RECORDER_ORPHAN;
    unsigned quiet = 0;

    while (quiet < QUIET && mono_ms() < end) {
        (void)poll(NULL, 0, WAIT_ORPHAN);
        quiet = recording_turn(r->recording) == RECORDING_IDLE ? quiet + 1 : 0;
    }
}

static bool is_orphan(const struct recorder *r)
{
    return r->order != RECORDER_STOP && r->order != RECORDER_HAND_OVER;
}

/* Gives up what is left when the store failed to the end, or was too slow. */
static void give_up_the_rest(struct recorder *r)
{
    const uint64_t lost = recording_give_up(r->recording);
    struct log_line line;

    if (lost == 0)
        return;
    log_begin(&line, LOG_LEVEL_ERROR, "events-lost");
    log_number(&line, "count", lost);
    log_end(&line);
}

static void *recorder_record(void *context)
{
    struct recorder *r = context;
    uint64_t wait = WAIT_LEAST;

    do {
        wait = next_wait(recording_turn(r->recording), wait);
        log_tick(mono_ms());
    } while (!wait_until(r, &r->end, wait));
    if (is_orphan(r))
        record_as_orphan(r);
    else
        record_the_rest(r);
    give_up_the_rest(r);
    recorder_set(r, &r->ended);
    return NULL;
}

static bool begin_recording(struct recorder *r)
{
    const struct recorder_setup *setup = r->setup;

    r->alarm.counters = setup->counters;
    r->recording = recording_init(setup, &r->alarm);
    if (r->recording == NULL)
        return false;
    errno = pthread_create(&r->thread, NULL, recorder_record, r);
    return errno == 0;
}

/* Shows the counters at a listening socket; -1: there is none. */
static void recorder_show(struct recorder *r, int metrics)
{
    if (metrics < 0 || r->metrics_fd >= 0)
        return;
    r->metrics_fd = metrics;
    r->metrics = metrics_start(metrics, r->setup->daemon, r->setup->counters);
    if (r->metrics == NULL)
        log_errno(LOG_LEVEL_ERROR, "no-metrics", NULL, NULL);
}

static bool recorder_begin(struct recorder *r)
{
    const struct recorder_setup *setup = r->setup;

    /* The supervisor alone says when to stop; a terminal may signal the whole group. */
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->changed, NULL);
    if (!identity_drop(&setup->identity) || !sandbox_enter_recorder() || !begin_recording(r))
        return false;
    r->syncing = syncing_start(setup->replay, setup->counters);
    recorder_show(r, setup->metrics);
    return true;
}

/* Ends the recording thread with a time limit: a hanging store may hang forever. */
static bool end_recording(struct recorder *r)
{
    if (wait_until(r, &r->ended, (is_orphan(r) ? RECORDER_ORPHAN : RECORDER_FINISH) + MORE)) {
        (void)pthread_join(r->thread, NULL);
        recording_free(&r->recording);
        return true;
    }
    log_event(LOG_LEVEL_ERROR, "events-lost", "because", "the store of events does not answer");
    return false;
}

/* The store of replay counts does not wait for that of events. Workers that have lost their
 * supervisor may still count. */
static bool recorder_finish(struct recorder *r, char order)
{
    r->order = order; /* read by the threads after they see the end */
    recorder_set(r, &r->end);
    if (order == RECORDER_STOP)
        syncing_end(r->syncing, true);
    /* The next recorder must be able to use the address. */
    metrics_stop(&r->metrics);
    if (r->metrics_fd >= 0)
        close(r->metrics_fd);
    const bool ended = end_recording(r);
    if (order != RECORDER_STOP)
        syncing_end(r->syncing, false);
    syncing_free(&r->syncing);
    return ended;
}

int recorder_run(const struct recorder_setup *setup)
{
    /* Static, not on the stack: a thread that hangs at the end still uses it. */
    static struct recorder r;

    char order = RECORDER_METRICS;
    int metrics = -1;

    r = (struct recorder){.setup = setup, .metrics_fd = -1};
    if (!recorder_begin(&r)) {
        log_errno(LOG_LEVEL_ERROR, "recorder-failed", NULL, NULL);
        log_flush();
        return EXIT_FAILURE;
    }
    while (order == RECORDER_METRICS) {
        order = recorder_hear(setup->control, &metrics);
        recorder_show(&r, metrics);
    }
    const bool ended = recorder_finish(&r, order);
    log_flush();
    return ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
