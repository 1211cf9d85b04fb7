// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_RESOLVER_H
#define VERIMAIL_CLIENT_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unbound.h>

#include "client/discovery.h"

/* At most so many look-ups are on their way; fewer where the process may have few descriptors. It
 * is twice what the milter has sessions. */
#define RESOLVER_PLACES_MAX 4096

/* Record types, by IANA. */
enum resolver_type {
    RESOLVER_A = 1,
    RESOLVER_TXT = 16,
    RESOLVER_AAAA = 28,
    RESOLVER_SRV = 33,
};

/* Looks up names for all threads, with one libunbound context and a thread for it. Equal look-ups
 * share a place; an answer is kept for its TTL and then takes none. Should libunbound stop to
 * answer, another context and thread take its place.
 *
 * The first three calls are as discovery.h has them. */
struct resolver;

struct resolver *resolver_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX]);
bool resolver_start(struct resolver *resolver) __attribute__((warn_unused_result));
/* Waits for libunbound for a second at most. What a thread that hangs may still use is not freed.
 */
void resolver_free(struct resolver **resolver);

enum resolver_result {
    RESOLVER_DATA,
    RESOLVER_NO_DATA, /* NXDOMAIN, or no such record */
    RESOLVER_FAILED,  /* SERVFAIL or another error */
    RESOLVER_BOGUS,   /* DNSSEC says that it is forged */
    RESOLVER_LATE,
    RESOLVER_SHORTAGE, /* no place was free in time, out of memory, or libunbound does not answer */
};

/* In whose name a place is held (places.h). Empty: nobody's. */
struct resolver_asker {
    struct text network; /* the SMTP client's */
    struct text domain;  /* registrable; of the author */
};

/* A question and what came of it. */
struct resolver_query {
    const char *name;
    enum resolver_type type;
    enum resolver_result result;
    bool secure;
    const struct ub_result *answer; /* when RESOLVER_DATA */
    struct lookup *lookup;          /* holds `answer` */
};

/* Asks them all at once, and waits until each is answered or `deadline` (mono_ms()) has passed. */
void resolver_ask(struct resolver *resolver, const struct resolver_asker *asker,
        struct resolver_query *queries, size_t count, uint64_t deadline);
/* Begins to ask them all, without waiting: holds each until it is released. */
void resolver_hold(struct resolver *resolver, const struct resolver_asker *asker,
        struct resolver_query *queries, size_t count);
/* Waits for queries that are held, as resolver_ask() does. */
void resolver_await(
        struct resolver *resolver, struct resolver_query *queries, size_t count, uint64_t deadline);
/* The same, and holds nothing: the answers are there for others as long as their TTL lasts. */
void resolver_prefetch(struct resolver *resolver, const struct resolver_asker *asker,
        struct resolver_query *queries, size_t count);
/* The answer that is there already; else RESOLVER_LATE. It is held until it is released. */
void resolver_peek(struct resolver *resolver, struct resolver_query *query);
/* Lets go of the answers. */
void resolver_release(struct resolver *resolver, struct resolver_query *queries, size_t count);

#endif
