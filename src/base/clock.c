// SPDX-License-Identifier: ISC
#include "base/clock.h"

#include <errno.h>
#include <time.h>

static struct timespec now(clockid_t which)
{
    struct timespec ts;

    clock_gettime(which, &ts);
    return ts;
}

uint64_t unix_now(void)
{
    return (uint64_t)now(CLOCK_REALTIME).tv_sec;
}

uint64_t unix_ms(void)
{
    const struct timespec ts = now(CLOCK_REALTIME);

    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t mono_ms(void)
{
    return mono_us() / 1000;
}

uint64_t mono_us(void)
{
    const struct timespec ts = now(CLOCK_MONOTONIC);

    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void clock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

bool clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t deadline)
{
    const struct timespec until = {(time_t)(deadline / 1000), (long)(deadline % 1000) * 1000000};

    return pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT;
}
