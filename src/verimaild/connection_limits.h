// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_CONNECTION_LIMITS_H
#define VERIMAIL_VERIMAILD_CONNECTION_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ratelimit.h"
#include "base/endpoint.h"

/* How many connections each source holds open: per address (IPv4 /32, IPv6 /64) and, for IPv6, per
 * network (/48). Exact counts in a table of fixed size. */
struct sources;

struct sources_limits {
    uint32_t per_address;
    uint32_t per_network;
    uint32_t classic_rate; /* RSA decryptions a second that one address may cause */
};

/* `connections`: how many may be held at once, over all sources. NULL when memory is short. */
struct sources *sources_init(
        size_t connections, const struct sources_limits *limits, const unsigned char seed[16]);
void sources_free(struct sources **sources);

/* Whether this source may open one more. */
bool sources_may_open(const struct sources *sources, const struct endpoint *source);
/* Each add is followed by one remove when the connection ends. */
void sources_add(struct sources *sources, const struct endpoint *source);
void sources_remove(struct sources *sources, const struct endpoint *source);

/* Draws on the source's share of RSA decryptions. Shares are kept by a keyed hash: sources whose
 * hashes meet have one together. `now`: milliseconds. */
bool sources_take_classic(struct sources *sources, const struct endpoint *source, uint64_t now)
        __attribute__((warn_unused_result));

#endif
