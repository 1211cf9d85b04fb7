// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_RATELIMIT_H
#define VERIMAIL_BASE_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* A token bucket: `rate` tokens a second, up to `burst` at once. When `used` and `updated` are 0 it
 * is full. */
struct ratelimit {
    uint32_t rate;
    uint64_t burst;   /* at most UINT32_MAX * 60 */
    uint64_t used;    /* thousandths of a token that are missing */
    uint64_t updated; /* milliseconds */
};

/* `now`: milliseconds of any clock that does not go back. Takes a token, if there is one. */
bool ratelimit_take(struct ratelimit *bucket, uint64_t now) __attribute__((warn_unused_result));
/* Takes this many tokens, or none. */
bool ratelimit_take_many(struct ratelimit *bucket, uint32_t count, uint64_t now)
        __attribute__((warn_unused_result));
/* Puts tokens back. More than are missing are lost. */
void ratelimit_give_back(struct ratelimit *bucket, uint32_t count);
bool ratelimit_is_full(struct ratelimit *bucket, uint64_t now);

#endif
