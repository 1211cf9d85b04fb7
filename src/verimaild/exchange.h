// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_EXCHANGE_H
#define VERIMAIL_VERIMAILD_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "verimaild/keyuse.h"
#include "verimaild/service.h"

#define EXCHANGE_DEADLINE 10000 /* milliseconds from accept to close, whatever comes */

/* The exchanges of one worker: a connection is accepted, a question comes, an answer goes, the
 * connection is closed (design, sections 2 and 9). Most are over within one call: the kernel hands
 * over a connection when its question is there. The others are held, within fixed limits and for
 * EXCHANGE_DEADLINE at most. `now`: milliseconds of one clock. */
struct exchange;

struct exchange_setup {
    const struct service *service;
    const struct config_service *config;
    struct keyuse *keyuse;
    struct counters *counters;
    struct ring *ring;
    int epoll; /* where held connections are watched, by their index */
};

/* Opens the store of replay counts and the tables of users as the user that this process is at the
 * moment. NULL with errno. */
struct exchange *exchange_init(const struct exchange_setup *setup);
/* Closes what is still held. */
void exchange_free(struct exchange **exchange);

/* Accepts and answers up to `most` connections. False when no more can be had now. */
bool exchange_accept(struct exchange *exchange, int listener, size_t most, uint64_t now);
/* Something came for a held connection. */
void exchange_continue(struct exchange *exchange, uint32_t index, uint64_t now);
/* Closes those whose time is up. */
void exchange_expire(struct exchange *exchange, uint64_t now);

/* At the end of a turn of the event loop: what waited for its count is counted, in one step. */
void exchange_count(struct exchange *exchange, uint64_t now);
/* To be watched for EPOLLIN, then exchange_count() has something to do; -1: there is none. */
int exchange_store(const struct exchange *exchange);
/* Whether another process, which opens its stores anew, should take over from this one. */
bool exchange_is_stale(const struct exchange *exchange, uint64_t now);

/* Connections that are not done with. */
size_t exchange_held(const struct exchange *exchange);
/* Milliseconds until exchange_expire() has something to do; -1: never. */
int exchange_time_left(const struct exchange *exchange, uint64_t now);

#endif
