// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_CHILD_H
#define VERIMAIL_PROCESS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/backoff.h"

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
 * `control`: its end of the socket. The signals that the supervisor blocks stay blocked in it. */
typedef int child_work(void *context, size_t index, int control);

/* Forks it. False with errno. */
bool child_start(
        struct child *child, uint64_t mono_ms, child_work *work, void *context, size_t index);
/* Forks it if it does not run and its time has come. True if it did; what prevents it is logged,
 * and tried again later. */
bool child_restart(
        struct child *child, uint64_t mono_ms, child_work *work, void *context, size_t index);
/* When child_restart() has something to do; UINT64_MAX: it runs. */
uint64_t child_due(const struct child *child);

/* It ended with this status of waitpid(2): sets when to start it again. A death that is not
 * `expected` is logged as an error. */
void child_ended(struct child *child, int status, bool expected, uint64_t mono_ms);

/* Sends it a packet (SOCK_SEQPACKET). Never waits; one that has died does not get it. */
void child_tell(const struct child *child, const char *packet, size_t len);
void child_kill(const struct child *child);

#endif
