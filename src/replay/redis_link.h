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
#define REDIS_LINK_SILENCE 2000 /* milliseconds of silence after which a server counts as dead */
#define REDIS_LINK_CHECK_EVERY 5000 /* milliseconds between two checks of the server */
#define REDIS_LINK_QUEUE_MAX 8192   /* requests that wait for a reply */
#define REDIS_LINK_PAUSE_MAX 5000   /* milliseconds between two attempts */
#define REDIS_LINK_ERROR_MAX 192    /* octets of an error text, with its NUL */

/* A connection to one Redis server, which reconnects when it breaks. A link is ready after it has
 * sent its password and has checked that the server will not forget counts. That check is repeated.
 * Requests are answered in order. No call blocks. `mono_ms` is monotonic milliseconds. */
struct redis_link;

/* What all links of a store have in common. Links borrow it. */
struct redis_link_setup {
    const struct redis_address *address; /* the user, the database */
    const char *password;                /* NULL: none */
    struct redis_tls *tls;               /* NULL: none */
    bool cluster_only;                   /* refuse a server outside a cluster */
    int epoll; /* its events carry the link in data.ptr; pass them to redis_link_on_event() */
    void *context;
    /* The server's reply to a request, borrowed. NULL: the connection broke before a reply came.
     * The reply to a forgotten request has `about` NULL. */
    void (*on_reply)(void *context, struct redis_link *link, int what, void *about,
            const redisReply *reply, uint64_t mono_ms);
    /* The link is connected and checked. Also called after each later check. */
    void (*on_ready)(void *context, struct redis_link *link, uint64_t mono_ms);
};

/* The server's address. */
struct redis_link_place {
    const char *label; /* for people: HOST:PORT or a path */
    const char *path;  /* of a unix socket, which is connected once only; NULL: endpoints */
    const struct endpoint *endpoints; /* tried in turn */
    size_t count;
    const char *const *names; /* names that its certificate may have */
    size_t names_count;
};

enum redis_link_state {
    REDIS_LINK_DOWN,   /* waiting for the next attempt */
    REDIS_LINK_COMING, /* connecting, and the last attempt did not fail */
    REDIS_LINK_READY,
};

/* Begins to connect. Copies `place`, except `names`, which is borrowed. NULL when out of memory. */
struct redis_link *redis_link_init(const struct redis_link_setup *setup,
        const struct redis_link_place *place, uint64_t mono_ms);
/* Each request without a reply gets on_reply() with NULL. */
void redis_link_free(struct redis_link **link);

enum redis_link_state redis_link_state(const struct redis_link *link);
const char *redis_link_label(const struct redis_link *link);
const char *redis_link_error(const struct redis_link *link); /* the error; "" if there is none */
const struct redis_info *redis_link_info(const struct redis_link *link);
/* Whether `endpoint` is the one that the link uses, or used last. The other addresses of the same
 * name do not count. Always false for a unix socket. */
bool redis_link_is_at(const struct redis_link *link, const struct endpoint *endpoint);
const struct endpoint *redis_link_endpoint(const struct redis_link *link);

/* Queues a command. The link must be ready. `ticket_r` is for redis_link_forget() and may be NULL.
 * False when the queue is full: the server reads more slowly than the caller writes. */
bool redis_link_ask(struct redis_link *link, int what, void *about, struct text command,
        uint64_t *ticket_r, uint64_t mono_ms) __attribute__((warn_unused_result));
/* Forgets a request. Its reply comes with `about` NULL. */
void redis_link_forget(struct redis_link *link, uint64_t ticket);
/* A flag for the link's owner. It is cleared when the connection breaks. */
void redis_link_set_mark(struct redis_link *link, bool mark);
bool redis_link_mark(const struct redis_link *link);
/* Sends the queued commands. */
void redis_link_flush(struct redis_link *link, uint64_t mono_ms);

void redis_link_on_event(struct redis_link *link, uint32_t events, uint64_t mono_ms);
/* Does what is due. Returns the monotonic milliseconds of the next action; UINT64_MAX: none. */
uint64_t redis_link_tick(struct redis_link *link, uint64_t mono_ms);
/* Checks the server earlier than planned. */
void redis_link_check_soon(struct redis_link *link);
/* Closes the connection, because this server cannot be used. Do not call it from on_reply(). */
void redis_link_drop(struct redis_link *link, const char *error, uint64_t mono_ms);

#endif
