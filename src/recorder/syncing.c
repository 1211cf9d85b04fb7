// SPDX-License-Identifier: ISC
#include "recorder/syncing.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "events/alarm.h"
#include "replay/replay.h"

struct syncing {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool stop; /* protected by the lock, as is the next member */
    bool whole;
    const char *address;      /* borrowed */
    struct replay_sync *sync; /* used by the thread only, as is the next member */
    struct alarm alarm;
};

static void syncing_complain(struct syncing *s)
{
    char error[REPLAY_ERROR_MAX];

    snprintf(error, sizeof error, "%s: cannot be written to the disk: %s", s->address,
            strerror(errno));
    alarm_raise(&s->alarm, COUNTER_ALARM_REPLAY, "", error, mono_ms());
}

/* Waits for a second, or less if it is told to stop. */
static bool syncing_wait(struct syncing *s)
{
    struct timespec until;
    int error = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    pthread_mutex_lock(&s->lock);
    while (!s->stop && error == 0)
        error = pthread_cond_clockwait(&s->told, &s->lock, CLOCK_MONOTONIC, &until);
    const bool stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return !stop;
}

static void *syncing_run(void *context)
{
    struct syncing *s = context;

    while (syncing_wait(s))
        if (!replay_sync_run(s->sync))
            syncing_complain(s);
    /* `whole` does not change any more. */
    if (s->whole ? !replay_sync_finish(s->sync) : !replay_sync_run(s->sync))
        syncing_complain(s);
    return NULL;
}

static void syncing_free_all(struct syncing *s)
{
    pthread_cond_destroy(&s->told);
    pthread_mutex_destroy(&s->lock);
    replay_sync_free(&s->sync);
    free(s);
}

struct syncing *syncing_start(const char *address, struct counters *counters)
{
    struct replay_sync *sync = replay_sync_init(address);

    if (sync == NULL)
        return NULL;
    struct syncing *s = calloc(1, sizeof *s);
    if (s == NULL) {
        replay_sync_free(&sync);
        log_errno(LOG_LEVEL_ERROR, "no-syncing", NULL, NULL);
        return NULL;
    }
    s->address = address;
    s->sync = sync;
    s->alarm.counters = counters;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->told, NULL);
    errno = pthread_create(&s->thread, NULL, syncing_run, s);
    if (errno != 0) {
        log_errno(LOG_LEVEL_ERROR, "no-syncing", NULL, NULL);
        syncing_free_all(s);
        return NULL;
    }
    return s;
}

void syncing_end(struct syncing *s, bool whole)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    s->whole = whole;
    pthread_cond_signal(&s->told);
    pthread_mutex_unlock(&s->lock);
}

void syncing_free(struct syncing **syncing)
{
    if (*syncing == NULL)
        return;
    (void)pthread_join((*syncing)->thread, NULL);
    syncing_free_all(*syncing);
    *syncing = NULL;
}
