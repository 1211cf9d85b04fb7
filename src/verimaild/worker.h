// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_WORKER_H
#define VERIMAIL_VERIMAILD_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "events/counters.h"
#include "events/ring.h"
#include "process/identity.h"
#include "verimaild/keyuse.h"
#include "verimaild/service.h"

#define WORKER_GRACE 10000 /* milliseconds to finish what is in hand */

/* What the parent says to a worker, a packet each (SOCK_SEQPACKET): an octet that says what, and
 * with WORKER_HAND_OVER one octet for each of its listeners, in their order. The end of the
 * socket, the parent's death, means WORKER_STOP. */
enum worker_order {
    WORKER_STOP = 's',      /* answer what is queued and in hand, then end */
    WORKER_HAND_OVER = 'h', /* the same, but leave what is queued to the successors ... */
};
enum worker_listener {
    WORKER_LISTENER_KEPT = 'k',  /* ... at this listener: they have it too; */
    WORKER_LISTENER_GOING = 'g', /* this one goes away: accept on it as long as time is left */
};
#define WORKER_READY 'r' /* what a worker says, once, to its parent */

#define WORKER_RENEW 3 /* exit status: a successor should open its stores anew */

/* Everything a worker is given at its fork. All of it is borrowed. */
struct worker_setup {
    const struct config_service *config;
    struct service *service;
    struct keyuse *keyuse;
    struct counters *counters;
    struct ring *ring;
    const struct identity *identity;
    int empty_folder;
    int control; /* our end of the socket pair */
    const int *listeners;
    size_t listeners_count;
    bool listeners_shared; /* other workers wait at the same sockets */
};

/* Shuts itself in and answers questions until it is told to stop. Returns the exit status. */
int worker_run(const struct worker_setup *setup);

#endif
