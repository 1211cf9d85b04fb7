// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_CACHE_H
#define VERIMAIL_CLIENT_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/address.h"
#include "protocol/answer.h"

/* Seconds, at most, for which an answer for a whole domain is kept that was not authenticated. A
 * single forged one would open the domain for so long. */
#define CACHE_SCOPE_TTL_MAX 300

/* Answers with a ttl about mail without a stamp (design, section 2), for the same user or, with
 * `scope=domain`, for every user of exactly this domain. At most `size` of them; the one that was
 * not used for the longest time goes first. Not for two threads at once: client.h has the lock. */
struct cache;

struct cached {
    struct answer answer; /* its ttl as it came */
    bool secure;          /* of the discovery that led to it */
    bool is_peer;         /* it is a peer's */
    bool sealed;          /* as the outcome has both */
    bool authenticated;
};

struct cache *cache_init(size_t size); /* NULL when out of memory */
void cache_free(struct cache **cache);
/* `now`: milliseconds of a clock that does not go back. An answer without a ttl is not kept. When
 * out of memory nothing is. */
void cache_put(
        struct cache *cache, const struct address *user, const struct cached *cached, uint64_t now);
bool cache_get(struct cache *cache, const struct address *user, uint64_t now,
        struct cached *cached_r) __attribute__((warn_unused_result));

#endif
