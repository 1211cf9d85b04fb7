// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_SERVER_H
#define VERIMAIL_VERIMAILD_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "verimaild/keyuse.h"
#include "verimaild/service.h"

#define SERVER_DEADLINE 10000 /* milliseconds from accept to close, whatever comes */

/* The connections of one worker (design, sections 2 and 9). One is accepted, its question is read
 * and judged, its payload counted where that decides, the answer sent, and the connection closed.
 * Most are over within one call: the kernel hands over a connection when its question is there. The
 * others are held, within fixed limits and for SERVER_DEADLINE at most. `mono_ms`: milliseconds of
 * one clock. */
struct server;

struct server_setup {
    const struct service *service;
    const struct config_service *config;
    struct keyuse *keyuse;
    struct counters *counters;
    struct ring *ring;
    size_t workers; /* of the service */
    int epoll;      /* where held connections are watched, by their index */
    uint64_t
            stores_alarmed; /* milliseconds: the last alarm that its stores are not open; 0: none */
};

/* Opens the store of replay counts and the tables of users as the user that this process is at the
 * moment. NULL with errno. */
struct server *server_init(const struct server_setup *setup);
/* Closes what is still held. */
void server_free(struct server **server);

/* Accepts and answers up to `most` connections. False when no more can be had now. */
bool server_accept(struct server *server, int listener, size_t most, uint64_t mono_ms);
/* Something came for a held connection. */
void server_on_readable(struct server *server, uint32_t index, uint64_t mono_ms);
/* Closes those whose time is up. */
void server_expire(struct server *server, uint64_t mono_ms);

/* At the end of a turn of the event loop: what waits for its count is counted, in one step. */
void server_commit(struct server *server, uint64_t mono_ms);
/* Whether the store of counts and all tables of users were opened. */
bool server_has_stores(const struct server *server);
/* To be watched for EPOLLIN, then server_commit() has something to do; -1: there is none. */
int server_store(const struct server *server);
/* Whether this process should be replaced by one that opens its stores again. */
bool server_is_stale(const struct server *server, uint64_t mono_ms);

/* Connections that are not done with. */
size_t server_connections(const struct server *server);
/* Milliseconds until server_expire() or server_commit() has something to do; -1: never. */
int server_time_left(const struct server *server, uint64_t mono_ms);

#endif
