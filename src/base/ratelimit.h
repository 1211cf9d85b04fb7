// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_RATELIMIT_H
#define VERIMAIL_BASE_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* A token bucket: `rate` a second, up to `burst` at once. Zeroed apart from the two it is full. */
struct ratelimit {
    uint32_t rate;
    uint32_t burst;
    uint64_t used;    /* thousandths of a token that are missing */
    uint64_t updated; /* milliseconds */
};

/* Takes one, if there is one. `now`: milliseconds of any clock that does not go back. */
bool ratelimit_take(struct ratelimit *bucket, uint64_t now) __attribute__((warn_unused_result));

#endif
