// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_CONNECTION_H
#define VERIMAIL_VERIMAILD_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "base/ratelimit.h"
#include "replay/count_request.h"
#include "verimaild/query.h"

enum connection_state {
    CONNECTION_READING,  /* its question has not come whole */
    CONNECTION_COUNTING, /* the store of counts has its request */
    CONNECTION_DRAINING, /* it was answered; what still comes is thrown away */
};

/* A client's connection, from accept to close. What every connection needs comes first, so that a
 * slow sender touches one page. */
struct connection {
    int fd; /* -1: free */
    enum connection_state state;
    bool more;    /* the peer sent more than its question */
    bool limited; /* it counts in the limits of its source */
    bool held;
    uint32_t discarded; /* octets since the answer */
    uint64_t since;     /* milliseconds: when its time began */
    struct connection *older;
    struct connection *newer;
    struct endpoint source;
    size_t used;                        /* octets of the line so far */
    char line[SEALED_QUESTION_MAX + 1]; /* one more than a question may have */
    struct query query;                 /* borrows from the line */
    struct count_request request;
};

/* A fixed number of connections, made at the start: none depends on what a peer says. One is memory
 * only once it was used. Those that are held stand in a list, in the order in which they came to
 * it. */
struct connection_pool;

/* NULL with errno when there is no memory. `size` at most UINT32_MAX. */
struct connection_pool *connection_pool_init(size_t size);
void connection_pool_free(struct connection_pool **pool);

/* A connection that reads; NULL when all are taken. Its line, query and request hold what they held
 * before. */
struct connection *connection_pool_take(
        struct connection_pool *pool, int fd, const struct endpoint *source, uint64_t mono_ms);
/* Gives it back, and takes it off the list. The descriptor stays open. */
void connection_pool_give(struct connection_pool *pool, struct connection *connection);

/* The one of this index (connection_pool_index()); NULL: it is free. */
struct connection *connection_pool_at(struct connection_pool *pool, uint32_t index);
uint32_t connection_pool_index(
        const struct connection_pool *pool, const struct connection *connection);

/* Puts it at the end of the list of the held, unless it is there; takes it off, if it is there. */
void connection_pool_hold(struct connection_pool *pool, struct connection *connection);
void connection_pool_release(struct connection_pool *pool, struct connection *connection);
/* The first of the list, or NULL. */
struct connection *connection_pool_oldest(struct connection_pool *pool);

size_t connection_pool_taken(const struct connection_pool *pool);
size_t connection_pool_held(const struct connection_pool *pool);

/* How many connections each source holds open: per address (IPv4 /32, IPv6 /64) and, for IPv6, per
 * network (/48). Exact counts in a table of fixed size. */
struct connection_limits;

struct connection_limits_setup {
    uint32_t per_address;
    uint32_t per_network;
    uint32_t classic_rate; /* RSA decryptions a second that one address may cause */
};

/* `connections`: how many may be held at once, over all sources. NULL when out of memory. */
struct connection_limits *connection_limits_init(size_t connections,
        const struct connection_limits_setup *limits, const unsigned char seed[16]);
void connection_limits_free(struct connection_limits **limits);

/* Whether this source may open one more. */
bool connection_limits_may_open(
        const struct connection_limits *limits, const struct endpoint *source);
/* Each add is followed by one remove when the connection ends. */
void connection_limits_add(struct connection_limits *limits, const struct endpoint *source);
void connection_limits_remove(struct connection_limits *limits, const struct endpoint *source);

/* Takes one of the source's share of RSA decryptions. Shares are kept by a keyed hash: sources with
 * one hash share one. `mono_ms`: milliseconds. */
bool connection_limits_take_classic(struct connection_limits *limits, const struct endpoint *source,
        uint64_t mono_ms) __attribute__((warn_unused_result));

#endif
