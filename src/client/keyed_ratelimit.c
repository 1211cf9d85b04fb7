// SPDX-License-Identifier: ISC
#include "client/keyed_ratelimit.h"

#include <stdlib.h>

#include "base/ratelimit.h"
#include "client/lru.h"

#define SECONDS 60 /* tokens that a question takes: a minute's allowance comes back each second */
#define EXAMINED_MAX 32 /* values that are examined for one that is no longer needed */

struct keyed_ratelimit {
    struct lru *buckets;   /* of struct ratelimit */
    struct ratelimit late; /* of all keys that came late */
};

struct keyed_ratelimit *keyed_ratelimit_init(size_t size)
{
    struct keyed_ratelimit *limits = calloc(1, sizeof *limits);

    if (limits == NULL)
        return NULL;
    limits->buckets = lru_init(size, sizeof(struct ratelimit));
    if (limits->buckets == NULL)
        keyed_ratelimit_free(&limits);
    return limits;
}

void keyed_ratelimit_free(struct keyed_ratelimit **limits)
{
    if (*limits == NULL)
        return;
    lru_free(&(*limits)->buckets);
    free(*limits);
    *limits = NULL;
}

static bool keyed_ratelimit_may_go(void *value, const void *context)
{
    const uint64_t *now = context;

    return ratelimit_is_full(value, *now);
}

/* The values that were not used for the longest time are the first to be full again. One that was
 * used up takes its minute, so several are examined. */
static struct ratelimit *keyed_ratelimit_add(
        struct keyed_ratelimit *limits, struct text key, uint64_t now)
{
    struct ratelimit *bucket = NULL;

    if (lru_make_room(limits->buckets, EXAMINED_MAX, keyed_ratelimit_may_go, &now))
        bucket = lru_add(limits->buckets, key);
    return bucket != NULL ? bucket : &limits->late;
}

bool keyed_ratelimit_take(
        struct keyed_ratelimit *limits, struct text key, uint32_t per_minute, uint64_t now)
{
    struct ratelimit *bucket = lru_use(limits->buckets, key);

    if (bucket == NULL)
        bucket = keyed_ratelimit_add(limits, key, now);
    bucket->rate = per_minute;
    bucket->burst = (uint64_t)per_minute * SECONDS;
    return ratelimit_take_many(bucket, SECONDS, now);
}

void keyed_ratelimit_give_back(struct keyed_ratelimit *limits, struct text key)
{
    struct ratelimit *bucket = lru_find(limits->buckets, key);

    ratelimit_give_back(bucket != NULL ? bucket : &limits->late, SECONDS);
}
