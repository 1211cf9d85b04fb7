// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_LINK_H
#define VERIMAIL_REPLAY_REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "replay/redis_address.h"
#include "replay/redis_info.h"
#include "replay/redis_reply.h"
#include "replay/redis_tls.h"

#define REDISLINK_ENDPOINTS_MAX 8
#define REDISLINK_SILENCE 2000     /* milliseconds: who says nothing for so long is not there */
#define REDISLINK_CHECK_EVERY 5000 /* milliseconds between two looks at how the server is */
#define REDISLINK_QUEUE_MAX 8192   /* requests without a reply */
#define REDISLINK_PAUSE_MAX 5000   /* milliseconds between two attempts */
#define REDISLINK_WHY_MAX 192      /* octets of a sentence's end, with a NUL */

/* A connection to one Redis server that makes itself anew when it breaks. Before it is ready it has
 * given its password, and the server has said that it will not forget what it is told: that is
 * asked again now and then. Requests are answered in their order. Nothing waits; `now` is
 * milliseconds. */
struct redislink;

/* What all links of a store have in common; borrowed. */
struct redislink_setup {
    const struct redisaddress *address; /* the user, the database */
    const char *password;               /* NULL: none */
    struct redistls *tls;               /* NULL: none */
    bool cluster_only;                  /* a server that is none of a cluster is refused */
    int epoll; /* events carry the link as data.ptr, and are for redislink_on_event() */
    void *context;
    /* What the server said to a request; NULL: the connection broke before. The reply is borrowed.
     * A reply to a request that was forgotten comes with `about` NULL. */
    void (*on_reply)(void *context, struct redislink *link, int what, void *about,
            const redisReply *reply, uint64_t now);
    /* It was made, and checked; after later checks as well. */
    void (*on_ready)(void *context, struct redislink *link, uint64_t now);
};

/* Where the server is. */
struct redislink_place {
    const char *label; /* for people: HOST:PORT or a path */
    const char *path;  /* of a unix socket, connected to once and never again; NULL: endpoints */
    const struct endpoint *endpoints; /* tried in turn */
    size_t count;
    const char *const *names; /* that its certificate may have */
    size_t names_count;
};

enum redislink_state {
    REDISLINK_DOWN,   /* until the next attempt */
    REDISLINK_COMING, /* being made; not after an attempt that failed */
    REDISLINK_READY,
};

/* Begins to connect. Copies the place, but for `names`, which is borrowed. NULL when memory is
 * short. */
struct redislink *redislink_init(
        const struct redislink_setup *setup, const struct redislink_place *place, uint64_t now);
/* What has no reply then has none: on_reply() with NULL. */
void redislink_free(struct redislink **link);

enum redislink_state redislink_state(const struct redislink *link);
const char *redislink_label(const struct redislink *link);
const char *redislink_why(const struct redislink *link); /* what is wrong; "" if nothing is */
const struct redisinfo *redislink_info(const struct redislink *link);
/* Where it is connected to, or was last: of several addresses that its name has, that one alone.
 * Not of a unix socket. */
bool redislink_is_at(const struct redislink *link, const struct endpoint *endpoint);
const struct endpoint *redislink_endpoint(const struct redislink *link);

/* Puts a command into the queue of one that is ready. `ticket_r` is what redislink_forget() wants,
 * and may be NULL. False when there is no room: the server takes less than it is given. */
bool redislink_ask(struct redislink *link, int what, void *about, struct text command,
        uint64_t *ticket_r, uint64_t now) __attribute__((warn_unused_result));
/* Nobody waits for that reply any more. */
void redislink_forget(struct redislink *link, uint64_t ticket);
/* A mark for whoever owns the link; gone when the connection breaks. */
void redislink_set_mark(struct redislink *link, bool mark);
bool redislink_mark(const struct redislink *link);
/* Sends what is in the queue. */
void redislink_flush(struct redislink *link, uint64_t now);

void redislink_on_event(struct redislink *link, uint32_t events, uint64_t now);
/* Does what the time has come for, and returns the time of the next such thing; UINT64_MAX: none.
 */
uint64_t redislink_tick(struct redislink *link, uint64_t now);
/* Looks at how the server is before it is time. */
void redislink_check_soon(struct redislink *link);
/* Breaks the connection: this server is of no use. Not in on_reply(). */
void redislink_drop(struct redislink *link, const char *why, uint64_t now);

#endif
