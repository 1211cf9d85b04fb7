// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_CONNECTION_LIMITS_H
#define VERIMAIL_VERIMAILD_CONNECTION_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "base/ratelimit.h"

/* How many connections each source holds open: per address (IPv4 /32, IPv6 /64) and, for IPv6, per
 * network (/48). Exact counts in a table of fixed size. */
struct connection_limits;

struct connection_limits_limits {
    uint32_t per_address;
    uint32_t per_network;
    uint32_t classic_rate; /* RSA decryptions a second that one address may cause */
};

/* `connections`: how many may be held at once, over all sources. NULL when out of memory. */
struct connection_limits *connection_limits_init(size_t connections,
        const struct connection_limits_limits *limits, const unsigned char seed[16]);
void connection_limits_free(struct connection_limits **sources);

/* Whether this source may open one more. */
bool connection_limits_may_open(
        const struct connection_limits *sources, const struct endpoint *source);
/* Each add is followed by one remove when the connection ends. */
void connection_limits_add(struct connection_limits *sources, const struct endpoint *source);
void connection_limits_remove(struct connection_limits *sources, const struct endpoint *source);

/* Takes one of the source's share of RSA decryptions. Shares are kept by a keyed hash: sources with
 * one hash share one. `mono_ms`: milliseconds. */
bool connection_limits_take_classic(struct connection_limits *sources,
        const struct endpoint *source, uint64_t mono_ms) __attribute__((warn_unused_result));

#endif
