// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_CIRCUIT_BREAKER_H
#define VERIMAIL_CLIENT_CIRCUIT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/endpoint.h"

#define CIRCUIT_BREAKER_FAILURES 3 /* in a row */
#define CIRCUIT_BREAKER_REST 60000 /* milliseconds; then one question at a time tries it again */
#define CIRCUIT_BREAKER_CONNECTIONS                                                                \
    50 /* at once to one address: half of the service's cap per source */

/* What is known of the endpoints that questions go to (design, section 6): which of them rest,
 * since connects failed or timed out, and how many connections each has. At most `size` endpoints
 * are known. Not for two threads at once. */
struct circuit_breaker;

enum circuit_breaker_result {
    CIRCUIT_BREAKER_GO, /* and one connection more is counted: circuit_breaker_done() must follow */
    CIRCUIT_BREAKER_REST_NOW,
    CIRCUIT_BREAKER_FULL, /* CIRCUIT_BREAKER_CONNECTIONS are open: wait for one to end */
};

struct circuit_breaker *circuit_breaker_init(size_t size); /* NULL when out of memory */
void circuit_breaker_free(struct circuit_breaker **breaker);
/* `now`: milliseconds. */
enum circuit_breaker_result circuit_breaker_enter(struct circuit_breaker *breaker,
        const struct endpoint *endpoint, uint64_t now) __attribute__((warn_unused_result));
/* `tried`: there was an attempt to connect; `failed`: it, or the wait for the answer, failed. */
void circuit_breaker_done(struct circuit_breaker *breaker, const struct endpoint *endpoint,
        bool tried, bool failed, uint64_t now);

struct circuit_breaker_counts {
    uint64_t tripped; /* how often an endpoint was given a rest, because of failures in a row */
    uint64_t open;    /* endpoints that have one, or are tried after it, at present */
};

struct circuit_breaker_counts circuit_breaker_counts(const struct circuit_breaker *breaker);

#endif
