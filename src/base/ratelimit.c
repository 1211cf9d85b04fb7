// SPDX-License-Identifier: ISC
#include "base/ratelimit.h"

bool ratelimit_take(struct ratelimit *bucket, uint64_t now)
{
    const uint64_t passed = now > bucket->updated ? now - bucket->updated : 0;
    const uint64_t full_after = bucket->rate > 0 ? bucket->used / bucket->rate : UINT64_MAX;

    bucket->used = passed > full_after ? 0 : bucket->used - passed * bucket->rate;
    bucket->updated = now;
    if (bucket->used + 1000 > (uint64_t)bucket->burst * 1000)
        return false;
    bucket->used += 1000;
    return true;
}
