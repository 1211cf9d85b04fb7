// SPDX-License-Identifier: ISC
#include "base/clock.h"

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
