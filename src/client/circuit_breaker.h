// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_CIRCUIT_BREAKER_H
#define VERIMAIL_CLIENT_CIRCUIT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/endpoint.h"

#define BREAKER_FAILURES 3     /* in a row */
#define BREAKER_REST 60000     /* milliseconds; then one question at a time tries it again */
#define BREAKER_CONNECTIONS 50 /* at once to one address: half of the service's cap per source */

/* What is known of the places that questions go to (design, section 6): which of them to leave
 * alone, since connects failed or timed out, and how many connections each has. At most `size`
 * endpoints are known. Not for two threads at once. */
struct breaker;

enum breaker_result {
    BREAKER_GO, /* and one connection more is counted: breaker_done() must follow */
    BREAKER_REST_NOW,
    BREAKER_FULL, /* BREAKER_CONNECTIONS are open: wait for one to end */
};

struct breaker *breaker_init(size_t size); /* NULL when memory is short */
void breaker_free(struct breaker **breaker);
/* `now`: milliseconds. */
enum breaker_result breaker_enter(struct breaker *breaker, const struct endpoint *endpoint,
        uint64_t now) __attribute__((warn_unused_result));
/* `tried`: there was an attempt to connect; `failed`: it, or the wait for the answer, failed. */
void breaker_done(struct breaker *breaker, const struct endpoint *endpoint, bool tried, bool failed,
        uint64_t now);

#endif
