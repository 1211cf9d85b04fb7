// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_WORKER_H
#define VERIMAIL_MILTER_WORKER_H

#include "config/config.h"
#include "milter/bundle.h"
#include "process/identity.h"

/* What the worker says to the supervisor, a line each: one of these letters, and for a problem its
 * text. */
enum milter_worker_word {
    MILTER_WORKER_READY = 'R',   /* it serves */
    MILTER_WORKER_TAKEN = 'T',   /* it uses the bundle that came */
    MILTER_WORKER_PROBLEM = 'P', /* with the bundle that it is about to refuse */
    MILTER_WORKER_REFUSED = 'N', /* it goes on with what it had, or ends if it had nothing */
};

/* What all workers of a supervisor have in common, whatever a later configuration says. */
struct milter_worker_place {
    const struct config_milter *milter; /* its socket */
    const struct config_verify *verify; /* its resolver and trust anchors; NULL: nothing is asked */
    struct identity identity;
    int empty_folder; /* -1 when we are not root */
    gid_t socket_group;
};

/* The process that mail servers talk to, after the fork. It opens the socket, becomes another user,
 * enters its sandbox, and serves until SIGTERM. It ends when the supervisor does: at the end of
 * `control`, a socket. Further bundles come over `control`; each is taken or refused. `first` is
 * cleared. Returns the exit status. */
int milter_worker_run(const struct milter_worker_place *place, struct bundle *first, int control);

#endif
