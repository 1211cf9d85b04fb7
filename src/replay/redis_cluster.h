// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_CLUSTER_H
#define VERIMAIL_REPLAY_REDIS_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/redis_redirection.h"
#include "replay/redis_link.h"

#define CLUSTER_NODES_MAX 64  /* that a worker keeps connections to */
#define CLUSTER_ASKS_SLOTS 64 /* `what` of the cluster's own requests */

/* Which server counts in which slot (Redis cluster specification): those that the configuration
 * names, and those that they name. A server that is none of a cluster has all slots. */
struct cluster;

/* Looks up the names of `links->address`, and begins to connect. What is looked up later is none:
 * a node that is told by name is found if its address is told too, or the configuration has the
 * name. `links` is borrowed. NULL when memory is short. */
struct cluster *cluster_init(const struct redislink_setup *links, uint64_t now);
void cluster_free(struct cluster **cluster);

/* NULL: it is not known who counts in the slot. */
struct redislink *cluster_route(const struct cluster *cluster, uint16_t slot);
/* Nobody has said yet who counts where, but somebody may soon. */
bool cluster_is_coming(const struct cluster *cluster);
/* Whom `from` means. One that was not known is connected to; after MOVED the slot is its. NULL when
 * it cannot be found. */
struct redislink *cluster_follow(struct cluster *cluster, const struct redislink *from,
        const struct redirection *redirection, uint64_t now);
/* Who counts where is no longer what was said. */
void cluster_doubt(struct cluster *cluster);

/* What the links say: on_ready(), and on_reply() to CLUSTER_ASKS_SLOTS. */
void cluster_on_ready(struct cluster *cluster, const struct redislink *link);
void cluster_on_slots(struct cluster *cluster, const struct redislink *from,
        const redisReply *reply, uint64_t now);

/* See redislink_tick(). Links may come and go in it. */
uint64_t cluster_tick(struct cluster *cluster, uint64_t now);

size_t cluster_count(const struct cluster *cluster);
struct redislink *cluster_link(const struct cluster *cluster, size_t index);
/* The last moment at which any link was ready, or at which all of them were begun. */
uint64_t cluster_well_at(const struct cluster *cluster);
/* The first link that is in trouble; NULL: none. */
const struct redislink *cluster_trouble(const struct cluster *cluster);

#endif
