// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_CALL_H
#define VERIMAIL_CLIENT_CALL_H

#include <pthread.h>

#include "client/budget.h"
#include "client/cache.h"
#include "client/circuit_breaker.h"
#include "client/client.h"
#include "client/client_counts.h"
#include "client/client_key.h"

/* The inside of client.c, and what it shares with call.c: which servers are asked. */

struct client {
    struct discovery *discovery;
    pthread_mutex_t lock; /* of all that follows; never held while waiting for the network */
    pthread_cond_t freed; /* a connection has ended */
    struct cache *cache;
    struct budget *budget;
    struct circuit_breaker *breaker;
    struct client_key *key;       /* has a lock of its own */
    struct client_counts *counts; /* `own`, unless it counts elsewhere */
    struct client_counts own;
};

struct client_early {
    bool is_cached;
    struct cached cached;
    bool is_begun; /* the discovery, at: */
    char domain[DOMAIN_MAX + 1];
    bool is_none; /* it is known that there is no service: */
    struct discovery_answer discovery;
};

/* A question on its way. */
struct call {
    struct client *client;
    const struct client_policy *policy;
    const struct question *question;
    struct client_early *early;    /* NULL: nothing was begun */
    const struct peer *peer;       /* of the author's domain; NULL: none */
    const struct peer *peer_above; /* of its organizational domain; NULL: none */
    struct budget_claim claim;
    uint64_t deadline;
    size_t servers[DISCOVERY_ADDRESSES_MAX]; /* that are asked: indices of the discovery's */
    struct endpoint endpoints[DISCOVERY_ADDRESSES_MAX];
    bool charged[DISCOVERY_ADDRESSES_MAX]; /* to the machine's budget */
    size_t count;
    struct client_outcome *outcome;
};

void call_conclude(struct client_outcome *outcome, enum verdict verdict, enum client_step step);

/* What follows is called with the client's lock. */

/* Chooses the servers that are asked; false when there is none, and the outcome then says why. May
 * wait for a connection to end. */
bool call_choose_servers(struct call *call);
/* Notes what became of an address, and frees its connection. A machine that was not asked owes
 * nothing: the domain that named it does. */
void call_release(struct call *call, size_t i);
/* Releases all addresses but the one that is connected, at once: it may be slow on purpose. */
void call_release_others(struct call *call);
void call_give_back_machine(struct call *call, size_t i);

#endif
