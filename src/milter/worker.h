// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_WORKER_H
#define VERIMAIL_MILTER_WORKER_H

#include "config/config.h"
#include "milter/bundle.h"
#include "process/identity.h"

/* What the milter process says on the socket pair, an octet each. */
enum milter_worker_word {
    MILTER_WORKER_READY = 'R',  /* it serves */
    MILTER_WORKER_TOOK = 'T',   /* it uses the material that came */
    MILTER_WORKER_REFUSED = 'N' /* it goes on with what it had */
};

/* What stays as it is for as long as the supervisor lives, whatever a new configuration says. */
struct milter_worker_place {
    const struct config_milter *milter; /* its socket */
    const struct config_verify *verify; /* its resolver and trust anchors; NULL: nothing is asked */
    struct identity identity;
    int empty_folder; /* -1 when we are not root */
    gid_t socket_group;
};

/* The process that mail servers talk to, after the fork: opens the socket, becomes somebody else,
 * shuts itself in, and serves until SIGTERM. New material comes over `control`, a socket; at its
 * end the supervisor is gone, and so is the process. `material` is cleared. Returns the exit
 * status. */
int milter_worker_run(
        const struct milter_worker_place *place, struct bundle *material, int control);

#endif
