// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_MILTER_H
#define VERIMAIL_MILTER_MILTER_H

#include <stdbool.h>

#include "config/config.h"
#include "events/counters.h"
#include "events/ring.h"
#include "milter/bundle.h"
#include "milter/snapshot.h"
#include "process/child.h"
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

/* What all workers of one section have in common, whatever a later configuration says. */
struct milter_worker_place {
    const struct config_milter *milter; /* its socket */
    const struct config_verify *verify; /* its resolver and trust anchors; NULL: nothing is asked */
    const char *state;                  /* the folder */
    struct identity identity;
    int empty_folder; /* -1 when we are not root */
    gid_t socket_group;
    struct counters *counters; /* of all workers */
    size_t slot;               /* of this one among them */
    struct ring *ring;         /* of all workers of the slot, one after the other */
};

/* The process that mail servers talk to, after the fork. It opens the socket, becomes another user,
 * enters its sandbox, and serves until SIGTERM. It ends when the supervisor does: at the end of
 * `control`, a socket. Further bundles come over `control`; each is taken or refused. `first` is
 * cleared. Returns the exit status. */
int milter_worker_run(const struct milter_worker_place *place, struct bundle *first, int control);

/* The supervisor's side of one section and its worker: worker_child.c. Times are monotonic
 * milliseconds. */
#define WORKER_CHILD_ANSWER_TIMEOUT 10000 /* to take a configuration, or refuse it */

enum worker_child_answer {
    WORKER_CHILD_IDLE, /* nothing was offered to it */
    WORKER_CHILD_ASKED,
    WORKER_CHILD_TAKEN,
    WORKER_CHILD_REFUSED,
};

#define WORKER_CHILD_LINE_MAX 8192 /* octets that the worker says in a line; more are cut */
#define WORKER_CHILD_ERROR_MAX 512

struct worker_child {
    struct config *first; /* of its first start; NULL: an unused slot; `place` borrows from it */
    const char *name;     /* of the section; "": none */
    struct milter_worker_place place;
    struct child child;
    enum worker_child_answer answer;
    bool is_ready;
    bool was_ready;     /* one of its workers */
    bool misconfigured; /* it refused what it was started with */
    bool is_busy;       /* another process answers at the socket */
    bool is_late;       /* it was not ready in time */
    bool is_leaving;    /* its section is no longer in the configuration */
    uint64_t ready_by;  /* when it is not ready */
    uint64_t busy_by;   /* when the socket is busy at a start */
    uint64_t kill_at;   /* when it was told to end; 0: it was not */
    char busy[WORKER_CHILD_ERROR_MAX];
    char said[WORKER_CHILD_LINE_MAX]; /* the line that has not ended */
    size_t said_len;
};

/* Sets all of `place` but `milter` and `verify`, which are read from the bundle. */
bool worker_child_init(struct worker_child *worker, const struct bundle *bundle,
        const struct milter_worker_place *place, struct problems *problems)
        __attribute__((warn_unused_result));
/* Removes its socket; the slot is unused then. */
void worker_child_clear(struct worker_child *worker);
/* Starts it if its time has come. `work`: what it does. */
void worker_child_tend(struct worker_child *worker, uint64_t now, child_work *work);
/* Takes what it said. */
void worker_child_listen(struct worker_child *worker);
/* It is ready; `config`: what it uses. */
void worker_child_log_ready(const struct worker_child *worker, const struct config *config);
/* It ended. `is_expected`: because it was told to. */
void worker_child_reaped(struct worker_child *worker, int status, bool is_expected, uint64_t now);
/* Tells it to end; and sees to it that it does. */
void worker_child_stop(struct worker_child *worker, uint64_t now);
void worker_child_tend_stop(struct worker_child *worker, uint64_t now);
/* No process runs, and there has been none that was ready: whether another one is to be started. */
bool worker_child_goes_on(const struct worker_child *worker, uint64_t now);
/* When there is something to do; UINT64_MAX: never. */
uint64_t worker_child_due(const struct worker_child *worker, uint64_t now);

#define MILTER_SESSIONS_MAX 2000 /* SMTP sessions at once; mail of more is answered 421 */

/* What libmilter calls. It reports the events of each connection to session.h, and does what that
 * decides. A process has one of it, because libmilter has global state. */

/* Call it before socket_open(). False when libmilter refuses. */
bool callbacks_register(void) __attribute__((warn_unused_result));
/* Who asks services: borrowed; NULL: nothing is verified. Call it before callbacks_run(). */
void callbacks_verify(struct client *client);

/* Sets the snapshot for connections that begin from now on, and takes over its count. Call it
 * before callbacks_run(), and later at any time from any thread. */
void callbacks_use(struct snapshot *snapshot);

/* Serves mail servers until SIGTERM, SIGINT or SIGHUP. False when libmilter fails. */
bool callbacks_run(void) __attribute__((warn_unused_result));

#endif
