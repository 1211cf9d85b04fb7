// SPDX-License-Identifier: ISC
#include "base/backoff.h"

#define DOUBLINGS_MAX 32 /* of a number of 32 bits: 64 hold the product */

static uint64_t backoff_pause(const struct backoff *b)
{
    if (b->failures <= b->free)
        return 0;
    const uint32_t doublings = b->failures - b->free - 1;
    const uint64_t pause = (uint64_t)b->first
                           << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
    return pause < b->max ? pause : b->max;
}

uint64_t backoff_failed(struct backoff *b, uint64_t mono_ms)
{
    if (b->failures < UINT32_MAX)
        b->failures++;
    const uint64_t pause = backoff_pause(b);
    b->until = mono_ms + pause;
    return pause;
}

void backoff_reset(struct backoff *b)
{
    b->failures = 0;
    b->until = 0;
}
