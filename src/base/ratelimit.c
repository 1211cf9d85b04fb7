// SPDX-License-Identifier: ISC
#include "base/ratelimit.h"

#define TOKEN 1000 /* its thousandths */

static void ratelimit_refill(struct ratelimit *bucket, uint64_t now)
{
    const uint64_t passed = now > bucket->updated ? now - bucket->updated : 0;
    const uint64_t full_after = bucket->rate > 0 ? bucket->used / bucket->rate : UINT64_MAX;

    bucket->used = passed > full_after ? 0 : bucket->used - passed * bucket->rate;
    bucket->updated = now;
}

bool ratelimit_take(struct ratelimit *bucket, uint64_t now)
{
    return ratelimit_take_many(bucket, 1, now);
}

bool ratelimit_take_many(struct ratelimit *bucket, uint32_t count, uint64_t now)
{
    const uint64_t wanted = (uint64_t)count * TOKEN;

    ratelimit_refill(bucket, now);
    if (bucket->used + wanted > bucket->burst * TOKEN)
        return false;
    bucket->used += wanted;
    return true;
}

void ratelimit_give_back(struct ratelimit *bucket, uint32_t count)
{
    const uint64_t given = (uint64_t)count * TOKEN;

    bucket->used = bucket->used > given ? bucket->used - given : 0;
}

bool ratelimit_is_full(struct ratelimit *bucket, uint64_t now)
{
    ratelimit_refill(bucket, now);
    return bucket->used == 0;
}
