// SPDX-License-Identifier: ISC
#include "recorder/recorder.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "process/sandbox.h"
#include "recorder/metrics.h"
#include "recorder/recording.h"
#include "recorder/syncing.h"

#define WAIT_LEAST 200  /* milliseconds between two looks, when something came */
#define WAIT_MOST 1000  /* when nothing did for a while */
#define WAIT_ORPHAN 500 /* when nothing can be waited for any more */
#define QUIET 2         /* looks that found nothing, after which an orphan ends */

struct recorder {
    const struct recorder_setup *setup;
    struct alarm alarm;
    struct recording *recording;
    struct metrics *metrics; /* NULL: nobody wants them */
    struct syncing *syncing; /* NULL: there is nothing to sync */
};

/* The parent alone says when to stop: a terminal or a supervisor may signal the whole group. */
static void set_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};

    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
}

static bool begin(struct recorder *r)
{
    const struct recorder_setup *setup = r->setup;

    set_signals();
    if (!identity_drop(setup->identity) || !sandbox_enter_recorder())
        return false;
    r->recording = recording_init(setup->service, setup->rings, setup->rings_count, &r->alarm);
    if (r->recording == NULL)
        return false;
    r->syncing = syncing_start(setup->service->replay.at, setup->counters);
    if (setup->metrics >= 0) {
        r->metrics = metrics_start(setup->metrics, setup->counters);
        if (r->metrics == NULL)
            log_errno(LOG_LEVEL_ERROR, "no-metrics", NULL, NULL);
    }
    return true;
}

/* A successor of the parent must find the address free. */
static void close_metrics(struct recorder *r)
{
    metrics_stop(&r->metrics);
    if (r->setup->metrics >= 0)
        close(r->setup->metrics);
}

static int earlier(int a, int b)
{
    return b < 0 || a < b ? a : b;
}

/* Waits for an order. Returns whether there is one, or none can come any more. */
static bool wait_for_order(const struct recorder *r, int milliseconds, char *order_r)
{
    struct pollfd fd = {.fd = r->setup->control, .events = POLLIN};

    if (poll(&fd, 1, earlier(milliseconds, log_pending())) <= 0)
        return false;
    const ssize_t len = recv(r->setup->control, order_r, 1, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (len <= 0)
        *order_r = '\0';
    return true;
}

/* How long to wait after a turn. */
static int next_wait(enum recording_state state, int wait)
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

static char record_until_told(struct recorder *r)
{
    int wait = WAIT_LEAST;
    char order;

    do {
        wait = next_wait(recording_turn(r->recording), wait);
        log_tick(clock_milliseconds());
    } while (!wait_for_order(r, wait, &order));
    return order;
}

/* Whatever happened before, the store is tried once more. */
static void record_the_rest(struct recorder *r)
{
    const uint64_t end = clock_milliseconds() + RECORDER_FINISH;

    recording_hurry(r->recording);
    for (;;) {
        const enum recording_state state = recording_turn(r->recording);
        if (state == RECORDING_IDLE || clock_milliseconds() >= end)
            return;
        if (state == RECORDING_FAILED)
            (void)poll(NULL, 0, WAIT_LEAST);
    }
}

static void record_as_orphan(struct recorder *r)
{
    const uint64_t end = clock_milliseconds() + RECORDER_ORPHAN;
    unsigned quiet = 0;

    while (quiet < QUIET && clock_milliseconds() < end) {
        (void)poll(NULL, 0, WAIT_ORPHAN);
        quiet = recording_turn(r->recording) == RECORDING_IDLE ? quiet + 1 : 0;
    }
}

/* When the store failed to the end, or was too slow. */
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

/* The store of replay counts does not wait for that of events. */
static void finish(struct recorder *r, char order)
{
    close_metrics(r);
    if (order == RECORDER_STOP)
        syncing_end(r->syncing, true);
    if (order == RECORDER_STOP || order == RECORDER_HAND_OVER)
        record_the_rest(r);
    else
        record_as_orphan(r);
    give_up_the_rest(r);
    if (order != RECORDER_STOP)
        syncing_end(r->syncing, false);
    syncing_free(&r->syncing);
    recording_free(&r->recording);
}

int recorder_run(const struct recorder_setup *setup)
{
    struct recorder r = {.setup = setup, .alarm = {.counters = setup->counters}};

    if (!begin(&r)) {
        log_errno(LOG_LEVEL_ERROR, "recorder-failed", NULL, NULL);
        log_flush();
        return EXIT_FAILURE;
    }
    finish(&r, record_until_told(&r));
    log_flush();
    return EXIT_SUCCESS;
}
