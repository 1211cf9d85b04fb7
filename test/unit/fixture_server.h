// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_SERVER_H
#define VERIMAIL_TEST_FIXTURE_SERVER_H

#include "base/endpoint.h"
#include "capture.h"
#include "events/counters.h"
#include "events/ring.h"
#include "fixture_service.h"
#include "verimaild/server.h"

/* A worker's server without the worker: clients are real ones, the clock is the test's. It serves
 * example.org, where bob is a user with allow_unauthorized, and which has a key of 2013 with
 * FIXTURE_SERVER_CLASSIC_BITS. What cannot be done ends the test program. */
#define FIXTURE_SERVER_CLASSIC_BITS 2048
struct fixture_server {
    struct capture capture; /* what is logged */
    struct fixture_service service;
    struct keyuse *keyuse;
    struct counters *counters;
    struct ring *ring;
    struct server *server;
    int epoll;
    int listener;
    struct endpoint at;
};

/* `replay`: the store of counts; "none": nothing waits for its count. */
struct fixture_server fixture_server_open(
        const char *replay, uint64_t connections, uint64_t per_address);
/* Frees the server first. Returns what was logged, until the next call. */
const char *fixture_server_close(struct fixture_server *fixture);

/* A listening socket without TCP_DEFER_ACCEPT, so that silent clients can be accepted. */
int fixture_server_listen(struct endpoint *at_r);

/* A client that has sent this, from 127.0.0.1 or from 127.0.0.SOURCE. */
int fixture_server_connect(const struct fixture_server *fixture, const char *octets);
int fixture_server_connect_from(
        const struct fixture_server *fixture, unsigned char source, const char *octets);
void fixture_server_accept(struct fixture_server *fixture, uint64_t mono_ms);
/* Lets every held connection that has something come on, once there is one. Returns how many
 * did. */
int fixture_server_go_on(struct fixture_server *fixture, uint64_t mono_ms);

/* What the client gets until the other side closes; it ends in "reset" when it was cut. */
const char *fixture_server_received(int client);
bool fixture_server_has_closed(int client);

#endif
