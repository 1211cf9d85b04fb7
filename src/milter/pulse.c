// SPDX-License-Identifier: ISC
#include "milter/pulse.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "milter/socket.h"

#define CONNECTIONS 4   /* one of them may itself wait for a thread */
#define EVERY 100       /* milliseconds */
#define ALIVE_AFTER 600 /* pauses; libmilter drops a session that is silent for two hours */
#define CHAIN (UINT64_C(2) * EVERY) /* milliseconds */

static struct pulse {
    int fds[CONNECTIONS];
    size_t count;
    atomic_uint turn;
    atomic_uint running;          /* waits that have not ended */
    atomic_uint finished;         /* those that have */
    _Atomic uint64_t chain_until; /* mono_ms() */
} pulse;

/* What a mail server says first: version 6, and that it can do everything. */
static const char hello[] = "\0\0\0\15O\0\0\0\6\0\0\1\377\0\37\377\377";
/* No macros for the step CONNECT: there is no reply to it. */
static const char nothing[] = "\0\0\0\2DC";

void pulse_open(const struct config_milter *milter)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        const int fd = socket_connect(milter);
        if (fd >= 0)
            pulse.fds[pulse.count++] = fd;
    }
}

static void pulse_send(const char *packet, size_t len)
{
    const unsigned turn = atomic_fetch_add(&pulse.turn, 1);

    if (pulse.count > 0)
        (void)send(pulse.fds[turn % pulse.count], packet, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void pulse_pause(void)
{
    const struct timespec pause = {.tv_nsec = EVERY * 1000000L};

    (void)nanosleep(&pause, NULL);
}

/* While waits go on and none ends, each that begins looks after the next one. */
static void *pulse_run(void *context)
{
    unsigned finished_before = 0;

    (void)context;
    for (size_t i = 0; i < pulse.count; i++)
        pulse_send(hello, sizeof hello - 1);
    for (unsigned pauses = 1;; pauses++) {
        pulse_pause();
        const unsigned finished = atomic_load(&pulse.finished);
        const bool all_wait = atomic_load(&pulse.running) > 0 && finished == finished_before;
        finished_before = finished;
        if (all_wait)
            atomic_store(&pulse.chain_until, mono_ms() + CHAIN);
        if (all_wait || pauses % ALIVE_AFTER == 0)
            pulse_send(nothing, sizeof nothing - 1);
    }
    return NULL;
}

bool pulse_start(void)
{
    pthread_t thread;

    errno = pthread_create(&thread, NULL, pulse_run, NULL);
    return errno == 0;
}

void pulse_begin(void)
{
    atomic_fetch_add(&pulse.running, 1);
    if (mono_ms() < atomic_load(&pulse.chain_until))
        pulse_send(nothing, sizeof nothing - 1);
}

void pulse_end(void)
{
    atomic_fetch_add(&pulse.finished, 1);
    atomic_fetch_sub(&pulse.running, 1);
}
