// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_VERIMAILD_H
#define VERIMAIL_VERIMAILD_VERIMAILD_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "events/counters.h"
#include "events/ring.h"
#include "process/identity.h"
#include "verimaild/keyuse.h"
#include "verimaild/service.h"

/* The processes of verimaild: supervisor.c, worker.c. */

/* Runs the service by the configuration at `path` until SIGTERM or SIGINT. SIGHUP reloads it.
 * Returns the exit status. */
int verimaild_run(const char *path);

/* Reads and checks everything that a start would, but the addresses: what is wrong goes to
 * standard error. Returns the exit status. */
int verimaild_check(const char *path);

#define WORKER_GRACE 10000 /* milliseconds to finish the open connections */
#define WORKER_RENEW_EVERY                                                                         \
    1000 /* milliseconds: a worker that renews itself lives at least so long */

/* What the supervisor says to a worker, a packet each (SOCK_SEQPACKET): one octet, and with
 * WORKER_HAND_OVER one more for each of its listeners, in their order. The end of the socket, which
 * is the supervisor's death, means WORKER_STOP. */
enum worker_order {
    WORKER_SERVE = 'a',     /* accept, without what WORKER_READY_WITHOUT says */
    WORKER_STOP = 's',      /* answer what is queued and what is open, then end */
    WORKER_HAND_OVER = 'h', /* the same, but each listener is one of: */
};
enum worker_listener {
    WORKER_LISTENER_KEPT = 'k',  /* the successors have it too: leave what is queued to them */
    WORKER_LISTENER_GOING = 'g', /* no other worker has it: accept while time is left */
};
/* What a worker says once to its supervisor. */
enum worker_word {
    WORKER_READY = 'r',
    /* Without its store of counts, or a table of users: it accepts nothing before WORKER_SERVE. */
    WORKER_READY_WITHOUT = 'w',
};

#define WORKER_RENEW 3 /* exit status: replace this worker by one that opens its stores again */

/* What a worker is given at its fork, all of it borrowed. */
struct worker_setup {
    const struct config_service *config;
    struct service *service;
    struct keyuse *keyuse;
    struct counters *counters;
    struct ring *ring;
    size_t workers; /* of the service */
    const struct identity *identity;
    int empty_folder;
    int control; /* its end of the socket to the supervisor */
    const int *listeners;
    size_t listeners_count;
    bool listeners_shared;   /* other workers wait at the same sockets */
    uint64_t stores_alarmed; /* see struct server_setup */
};

/* Gives up its rights and answers questions until it is told to stop. Returns the exit status. */
int worker_run(const struct worker_setup *setup);

#endif
