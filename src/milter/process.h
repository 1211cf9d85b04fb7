// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_PROCESS_H
#define VERIMAIL_MILTER_PROCESS_H

#include "milter/material.h"
#include "process/identity.h"

/* What the milter process says on the socket pair, an octet each. */
enum process_word {
    PROCESS_READY = 'R',  /* it serves */
    PROCESS_TOOK = 'T',   /* it uses the material that came */
    PROCESS_REFUSED = 'N' /* it goes on with what it had */
};

/* The process that mail servers talk to, after the fork: opens the socket, becomes `identity`,
 * shuts itself in, and serves until SIGTERM. New material comes over `control`, a socket; at its
 * end the supervisor is gone, and so is the process. `material` is cleared. Returns the exit
 * status. */
int process_run(struct material *material, const struct identity *identity, int empty_folder,
        gid_t socket_group, int control);

#endif
