// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_RESOLVER_H
#define VERIMAIL_CLIENT_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unbound.h>

#include "client/discovery.h"

#define RESOLVER_QUERIES_MAX 8 /* at once, in one call */

/* Record types, by IANA. */
enum resolver_type {
    RESOLVER_A = 1,
    RESOLVER_AAAA = 28,
    RESOLVER_SRV = 33,
};

/* One libunbound context for all threads, and a thread that hands out its answers. The first three
 * calls are as discovery.h has them. */
struct resolver;

struct resolver *resolver_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX]);
bool resolver_start(struct resolver *resolver) __attribute__((warn_unused_result));
void resolver_free(struct resolver **resolver);

enum resolver_result {
    RESOLVER_DATA,
    RESOLVER_NO_DATA, /* NXDOMAIN, or no such record */
    RESOLVER_FAILED,  /* SERVFAIL or another error */
    RESOLVER_BOGUS,   /* DNSSEC says that it is forged */
    RESOLVER_LATE,
    RESOLVER_SHORTAGE, /* too many queries wait for an answer, or out of memory */
};

/* A question and what came of it. */
struct resolver_query {
    const char *name;
    enum resolver_type type;
    enum resolver_result result;
    bool secure;
    struct ub_result *answer; /* when RESOLVER_DATA; ub_resolve_free() it */
};

/* Asks them all at once, and waits until each is answered or `deadline` (mono_ms()) has passed. */
void resolver_ask(
        struct resolver *resolver, struct resolver_query *queries, size_t count, uint64_t deadline);

#endif
