// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_CLIENT_COUNTS_H
#define VERIMAIL_CLIENT_CLIENT_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "client/client.h"

/* What a client did since its start, where another process can see it too. */
struct client_counts {
    _Atomic uint64_t outcomes[CLIENT_STEPS]; /* questions, by where their outcome is from */
    _Atomic uint64_t budget_spent;           /* questions that a domain's budget paid for */
    _Atomic uint64_t breaker_tripped;        /* see circuit_breaker_counts() */
    _Atomic uint64_t breaker_open;           /* at present */
    _Atomic uint64_t discoveries;            /* questions that wait for the DNS at present */
};

#endif
