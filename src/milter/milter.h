// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_MILTER_H
#define VERIMAIL_MILTER_MILTER_H

#include <stdbool.h>

#include "config/config.h"
#include "events/counters.h"
#include "events/ring.h"
#include "milter/bundle.h"
#include "milter/snapshot.h"
#include "process/identity.h"

/* The processes of verimail-milter, and what libmilter calls: supervisor.c, worker.c, callbacks.c.
 */

/* The supervisor, the process that you start. It reads the files and keeps one worker running. At
 * SIGHUP it sends the worker a new configuration (design, section 7); at SIGTERM and SIGINT it
 * stops the worker and itself. It talks to nothing but the worker. */

/* Returns the exit status. */
int milter_run(const char *config_path);

/* What the worker says to the supervisor, a line each: one of these letters, and for a problem its
 * text. */
enum milter_worker_word {
    MILTER_WORKER_READY = 'R',   /* it serves */
    MILTER_WORKER_TAKEN = 'T',   /* it uses the bundle that came */
    MILTER_WORKER_PROBLEM = 'P', /* with the bundle that it is about to refuse */
    MILTER_WORKER_BUSY = 'B',    /* another process answers at its socket: it ends */
    MILTER_WORKER_REFUSED = 'N', /* it goes on with what it had, or ends if it had nothing */
};

/* What all workers of a supervisor have in common, whatever a later configuration says. */
struct milter_worker_place {
    const struct config_milter *milter; /* its socket */
    const struct config_verify *verify; /* its resolver and trust anchors; NULL: nothing is asked */
    struct identity identity;
    int empty_folder; /* -1 when we are not root */
    gid_t socket_group;
    struct counters *counters; /* of all workers, as is the ring */
    struct ring *ring;
};

/* The process that mail servers talk to, after the fork. It opens the socket, becomes another user,
 * enters its sandbox, and serves until SIGTERM. It ends when the supervisor does: at the end of
 * `control`, a socket. Further bundles come over `control`; each is taken or refused. `first` is
 * cleared. Returns the exit status. */
int milter_worker_run(const struct milter_worker_place *place, struct bundle *first, int control);

#define MILTER_SESSIONS_MAX 2000 /* SMTP sessions at once; mail of more is answered 421 */

/* What libmilter calls. It reports the events of each connection to session.h, and does what that
 * decides. A process has one of it, because libmilter has global state. */

/* Call it before socket_open(). `client` is borrowed; NULL: nothing is verified. False when
 * libmilter refuses. */
bool callbacks_register(struct client *client) __attribute__((warn_unused_result));

/* Sets the snapshot for connections that begin from now on, and takes over its count. Call it
 * before callbacks_run(), and later at any time from any thread. */
void callbacks_use(struct snapshot *snapshot);

/* Serves mail servers until SIGTERM, SIGINT or SIGHUP. False when libmilter fails. */
bool callbacks_run(void) __attribute__((warn_unused_result));

#endif
