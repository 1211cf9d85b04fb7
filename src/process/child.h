// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_CHILD_H
#define VERIMAIL_PROCESS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A process that the parent keeps alive, and the socket by which it tells it what to do. Times are
 * milliseconds of one clock. */
struct child {
    const char *name; /* "worker": what the log calls it */
    pid_t pid;        /* 0: not running */
    int control;      /* -1 when it is not running */
    uint64_t started;
    uint64_t restart; /* when, if it is not running */
    unsigned failures;
};

/* One that does not run yet. */
struct child child_of(const char *name);

/* What a process does: it lets go of what is the parent's alone, and returns its exit status.
 * `control`: its end of the socket pair. */
typedef int child_work(void *context, size_t index, int control);

/* Forks it. False with errno. */
bool child_start(struct child *child, uint64_t now, child_work *work, void *context, size_t index);
/* Forks it again, if it does not run and its time has come; true when it did. */
bool child_restart(
        struct child *child, uint64_t now, child_work *work, void *context, size_t index);

/* It ended; `expected`: nobody is to blame, and nothing is logged. One that ended by itself with
 * `renew` makes way for a successor, which starts at once. */
void child_ended(struct child *child, int status, int renew, bool expected, uint64_t now);

/* SOCK_SEQPACKET: a packet. One that cannot be told has died, or will be killed in time. */
void child_tell(const struct child *child, const char *packet, size_t len);
void child_kill(const struct child *child);

#endif
