// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_LINK_H
#define VERIMAIL_REPLAY_REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "replay/redis_address.h"
#include "replay/redis_reply.h"
#include "replay/redis_tls.h"

#define REDIS_LINK_ENDPOINTS_MAX 8
#define REDIS_LINK_SILENCE 2000     /* milliseconds: who says nothing for so long is not there */
#define REDIS_LINK_CHECK_EVERY 5000 /* milliseconds between two looks at how the server is */
#define REDIS_LINK_QUEUE_MAX 8192   /* requests without a reply */
#define REDIS_LINK_PAUSE_MAX 5000   /* milliseconds between two attempts */
#define REDIS_LINK_ERROR_MAX 192    /* octets of a sentence's end, with a NUL */

/* A connection to one Redis server that makes itself anew when it breaks. Before it is ready it has
 * given its password, and the server has said that it will not forget what it is told: that is
 * asked again now and then. Requests are answered in their order. Nothing waits; `mono_ms` is
 * milliseconds. */
struct redis_link;

/* What all links of a store have in common; borrowed. */
struct redis_link_setup {
    const struct redis_address *address; /* the user, the database */
    const char *password;                /* NULL: none */
    struct redis_tls *tls;               /* NULL: none */
    bool cluster_only;                   /* a server that is none of a cluster is refused */
    int epoll; /* events carry the link as data.ptr, and are for redis_link_on_event() */
    void *context;
    /* What the server said to a request; NULL: the connection broke before. The reply is borrowed.
     * A reply to a request that was forgotten comes with `about` NULL. */
    void (*on_reply)(void *context, struct redis_link *link, int what, void *about,
            const redisReply *reply, uint64_t mono_ms);
    /* It was made, and checked; after later checks as well. */
    void (*on_ready)(void *context, struct redis_link *link, uint64_t mono_ms);
};

/* Where the server is. */
struct redis_link_place {
    const char *label; /* for people: HOST:PORT or a path */
    const char *path;  /* of a unix socket, connected to once and never again; NULL: endpoints */
    const struct endpoint *endpoints; /* tried in turn */
    size_t count;
    const char *const *names; /* that its certificate may have */
    size_t names_count;
};

enum redis_link_state {
    REDIS_LINK_DOWN,   /* until the next attempt */
    REDIS_LINK_COMING, /* being made; not after an attempt that failed */
    REDIS_LINK_READY,
};

/* Begins to connect. Copies the place, but for `names`, which is borrowed. NULL when memory is
 * short. */
struct redis_link *redis_link_init(const struct redis_link_setup *setup,
        const struct redis_link_place *place, uint64_t mono_ms);
/* What has no reply then has none: on_reply() with NULL. */
void redis_link_free(struct redis_link **link);

enum redis_link_state redis_link_state(const struct redis_link *link);
const char *redis_link_label(const struct redis_link *link);
const char *redis_link_error(const struct redis_link *link); /* what is wrong; "" if nothing is */
const struct redis_info *redis_link_info(const struct redis_link *link);
/* Where it is connected to, or was last: of several addresses that its name has, that one alone.
 * Not of a unix socket. */
bool redis_link_is_at(const struct redis_link *link, const struct endpoint *endpoint);
const struct endpoint *redis_link_endpoint(const struct redis_link *link);

/* Puts a command into the queue of one that is ready. `ticket_r` is what redis_link_forget() wants,
 * and may be NULL. False when there is no room: the server takes less than it is given. */
bool redis_link_ask(struct redis_link *link, int what, void *about, struct text command,
        uint64_t *ticket_r, uint64_t mono_ms) __attribute__((warn_unused_result));
/* Nobody waits for that reply any more. */
void redis_link_forget(struct redis_link *link, uint64_t ticket);
/* A mark for whoever owns the link; gone when the connection breaks. */
void redis_link_set_mark(struct redis_link *link, bool mark);
bool redis_link_mark(const struct redis_link *link);
/* Sends what is in the queue. */
void redis_link_flush(struct redis_link *link, uint64_t mono_ms);

void redis_link_on_event(struct redis_link *link, uint32_t events, uint64_t mono_ms);
/* Does what the time has come for, and returns the time of the next such thing; UINT64_MAX: none.
 */
uint64_t redis_link_tick(struct redis_link *link, uint64_t mono_ms);
/* Looks at how the server is before it is time. */
void redis_link_check_soon(struct redis_link *link);
/* Breaks the connection: this server is of no use. Not in on_reply(). */
void redis_link_drop(struct redis_link *link, const char *error, uint64_t mono_ms);

#endif
