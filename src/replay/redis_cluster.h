// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_CLUSTER_H
#define VERIMAIL_REPLAY_REDIS_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/redis_link.h"
#include "replay/redis_slots.h"

#define REDIS_CLUSTER_NODES_MAX 64  /* that a worker keeps connections to */
#define REDIS_CLUSTER_ASKS_SLOTS 64 /* `what` of the cluster's own requests */

/* Which server counts in which slot (Redis cluster specification): those that the configuration
 * names, and those that they name. A server that is none of a cluster has all slots. */
struct redis_cluster;

/* Looks up the names of `links->address`, and begins to connect. What is looked up later is none:
 * a node that is told by name is found if its address is told too, or the configuration has the
 * name. `links` is borrowed. NULL when out of memory. */
struct redis_cluster *redis_cluster_init(const struct redis_link_setup *links, uint64_t mono_ms);
void redis_cluster_free(struct redis_cluster **cluster);

/* NULL: it is not known who counts in the slot. */
struct redis_link *redis_cluster_route(const struct redis_cluster *cluster, uint16_t slot);
/* Nobody has said yet who counts where, but somebody may soon. */
bool redis_cluster_is_coming(const struct redis_cluster *cluster);
/* Whom `from` means. One that was not known is connected to; after MOVED the slot is its. NULL when
 * it cannot be found. */
struct redis_link *redis_cluster_follow(struct redis_cluster *cluster,
        const struct redis_link *from, const struct redis_redirection *redirection,
        uint64_t mono_ms);
/* Who counts where is no longer what was said. */
void redis_cluster_doubt(struct redis_cluster *cluster);

/* What the links say: on_ready(), and on_reply() to REDIS_CLUSTER_ASKS_SLOTS. */
void redis_cluster_on_ready(struct redis_cluster *cluster, const struct redis_link *link);
void redis_cluster_on_slots(struct redis_cluster *cluster, const struct redis_link *from,
        const redisReply *reply, uint64_t mono_ms);

/* See redis_link_tick(). Links may come and go in it. */
uint64_t redis_cluster_tick(struct redis_cluster *cluster, uint64_t mono_ms);

size_t redis_cluster_count(const struct redis_cluster *cluster);
struct redis_link *redis_cluster_link(const struct redis_cluster *cluster, size_t index);
/* The last moment at which any link was ready, or at which all of them were begun. */
uint64_t redis_cluster_well_at(const struct redis_cluster *cluster);
/* The first link that is in trouble; NULL: none. */
const struct redis_link *redis_cluster_trouble(const struct redis_cluster *cluster);

#endif
