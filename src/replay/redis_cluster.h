// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_CLUSTER_H
#define VERIMAIL_REPLAY_REDIS_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/redis_link.h"
#include "replay/redis_slots.h"

#define REDIS_CLUSTER_NODES_MAX 64  /* a worker keeps at most so many connections */
#define REDIS_CLUSTER_ASKS_SLOTS 64 /* `what` of the cluster's own requests */

/* Maps slots to servers (Redis cluster specification). Servers come from the configuration and from
 * what those servers report. A server outside a cluster owns all slots. */
struct redis_cluster;

/* Looks up the names of `links->address` and begins to connect. Later no name is looked up. A node
 * that is reported by name is found only if its address is reported too, or the configuration has
 * the name. `links` is borrowed. NULL when out of memory. */
struct redis_cluster *redis_cluster_init(const struct redis_link_setup *links, uint64_t mono_ms);
void redis_cluster_free(struct redis_cluster **cluster);

/* The link to the slot's owner. NULL: the owner is not known. */
struct redis_link *redis_cluster_route(const struct redis_cluster *cluster, uint16_t slot);
/* No server has reported the slots yet, but one still may. */
bool redis_cluster_is_coming(const struct redis_cluster *cluster);
/* The link to the node that `from` redirects to. An unknown node is added and connected to. After
 * MOVED the node owns the slot. NULL when the node cannot be found. */
struct redis_link *redis_cluster_follow(struct redis_cluster *cluster,
        const struct redis_link *from, const struct redis_redirection *redirection,
        uint64_t mono_ms);
/* The slot map is out of date: ask for a new one. */
void redis_cluster_doubt(struct redis_cluster *cluster);

/* Callbacks of the links: on_ready(), and on_reply() to REDIS_CLUSTER_ASKS_SLOTS. */
void redis_cluster_on_ready(struct redis_cluster *cluster, const struct redis_link *link);
void redis_cluster_on_slots(struct redis_cluster *cluster, const struct redis_link *from,
        const redisReply *reply, uint64_t mono_ms);

/* See redis_link_tick(). This call may add and remove links. */
uint64_t redis_cluster_tick(struct redis_cluster *cluster, uint64_t mono_ms);

size_t redis_cluster_count(const struct redis_cluster *cluster);
struct redis_link *redis_cluster_link(const struct redis_cluster *cluster, size_t index);
/* Monotonic milliseconds: when any link was last ready, or else when all of them were begun. */
uint64_t redis_cluster_well_at(const struct redis_cluster *cluster);
/* The first link that has an error; NULL: none. */
const struct redis_link *redis_cluster_trouble(const struct redis_cluster *cluster);

#endif
