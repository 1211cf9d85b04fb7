// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_CHILD_H
#define VERIMAIL_PROCESS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/backoff.h"
#include "protocol/text.h"

/* A process that a supervisor keeps running, and the socket between the two. Times are
 * milliseconds of one clock. */
struct child {
    const char *name; /* "worker": what the log calls it */
    int type;         /* of the socket: SOCK_SEQPACKET or SOCK_STREAM */
    pid_t pid;        /* 0: not running */
    int control;      /* the supervisor's end; -1 when it is not running */
    uint64_t started;
    struct backoff backoff; /* `until`: when to start it again */
};

/* One that does not run yet. */
struct child child_of(const char *name, int type);

/* What the process does. It closes what is the supervisor's alone, and returns its exit status.
 * `control`: its end of the socket. The signals that the supervisor blocks stay blocked in it.
 *
 * The kernel kills it when the supervisor dies, until child_watches_control(): from then on it sees
 * the end of `control`, and finishes by itself. */
typedef int child_work(void *context, size_t index, int control);
void child_watches_control(void);

/* Forks it. False with errno. */
bool child_start(
        struct child *child, uint64_t mono_ms, child_work *work, void *context, size_t index);
/* Forks it if it does not run and its time has come. True if it did; what prevents it is logged,
 * and tried again later. */
bool child_restart(
        struct child *child, uint64_t mono_ms, child_work *work, void *context, size_t index);
/* When child_restart() has something to do; UINT64_MAX: it runs. */
uint64_t child_due(const struct child *child);

/* A child that ended, and its status; 0: there is none. Does not wait. */
pid_t child_reap(int *status_r);
/* It ended with this status of waitpid(2): sets when to start it again. A death that is not
 * `expected` is logged as an error. */
void child_ended(struct child *child, int status, bool expected, uint64_t mono_ms);

/* After child_ended(), for one that ended on purpose: starts it again when `every` milliseconds
 * have passed since its last start, and forgets how often it died. */
void child_again(struct child *child, uint64_t every, uint64_t mono_ms);

/* Sends it a packet (SOCK_SEQPACKET). Never waits; one that has died does not get it. */
void child_tell(const struct child *child, const char *packet, size_t len);
void child_kill(const struct child *child);

/* What a process does that is forked for one task. It writes what it finds to `report`, and returns
 * its exit status. Signals that can kill a process have their default action. */
typedef int child_task(void *context, int report);

/* How such a process ended. */
struct child_outcome {
    enum child_how {
        CHILD_EXITED,    /* `code`: its exit status */
        CHILD_SIGNALLED, /* `code`: the signal that killed it */
        CHILD_LATE, /* it was killed because its time was over; `code`: that time, in seconds */
        CHILD_NOT_STARTED /* `code`: errno */
    } how;
    int code;
    size_t reported; /* octets of its report */
};

/* Forks a process for `task` and waits until it has ended, for `seconds` at most. Its report goes
 * to `report_r`, cut at `size`. The process dies with this one, and leaves no core. */
struct child_outcome child_run(
        child_task *task, void *context, unsigned seconds, void *report_r, size_t size);

/* Says how it ended, as the rest of a sentence: `was killed by the signal KILL`. */
void child_outcome_write(const struct child_outcome *outcome, struct writer *w);

#endif
