// SPDX-License-Identifier: ISC
#include "base/clock.h"

#include <time.h>

static struct timespec now(clockid_t which)
{
    struct timespec ts;

    clock_gettime(which, &ts);
    return ts;
}

uint64_t clock_unix(void)
{
    return (uint64_t)now(CLOCK_REALTIME).tv_sec;
}

uint64_t clock_unix_milliseconds(void)
{
    const struct timespec ts = now(CLOCK_REALTIME);

    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t clock_milliseconds(void)
{
    return clock_microseconds() / 1000;
}

uint64_t clock_microseconds(void)
{
    const struct timespec ts = now(CLOCK_MONOTONIC);

    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
