// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_KEYED_RATELIMIT_H
#define VERIMAIL_CLIENT_KEYED_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"

/* A rate limit for each of many keys (a domain, an address): so many questions a minute, and as
 * many at once. A question that is answered YES is given back. At most `size` keys are known; one
 * whose limit is unused again is forgotten first. When there is none, a new key shares one limit
 * with all others that came late: a flood of keys frees no other key. Not for two threads at once.
 */
struct keyed_ratelimit;

struct keyed_ratelimit *keyed_ratelimit_init(size_t size); /* NULL when out of memory */
void keyed_ratelimit_free(struct keyed_ratelimit **limits);
/* Takes a question before it is asked. False: there is none left. `now`: milliseconds. */
bool keyed_ratelimit_take(struct keyed_ratelimit *limits, struct text key, uint32_t per_minute,
        uint64_t now) __attribute__((warn_unused_result));
/* Gives it back: the answer was YES, or no question was asked. */
void keyed_ratelimit_give_back(struct keyed_ratelimit *limits, struct text key);

#endif
