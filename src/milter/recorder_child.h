// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_RECORDER_CHILD_H
#define VERIMAIL_MILTER_RECORDER_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "config/problems.h"
#include "events/counters.h"
#include "events/metrics_socket.h"
#include "events/recorder_setup.h"
#include "events/ring.h"
#include "process/child.h"
#include "process/identity.h"

/* The recorder of the supervisor, and what it shares with the worker. No message waits for it.
 * `now`: monotonic milliseconds. */
struct recorder_child {
    char program[RECORDER_PATH_MAX];
    struct counters *counters;
    int counters_fd;
    struct ring *rings[COUNTERS_MILTERS_MAX]; /* each from one worker after the other; NULL: none */
    struct metrics_socket *metrics;
    const struct config *config; /* borrowed */
    struct identity identity;
    int signals;      /* the supervisor's, which is closed in the child */
    bool wanted;      /* there is something to record, or counters to show */
    bool leaving;     /* it was told to make way for one with another configuration, or for none */
    uint64_t kill_at; /* when it is leaving */
    struct child child;
};

/* The memory. Call it before the worker is forked. False with errno. */
bool recorder_child_init(struct recorder_child *recorder) __attribute__((warn_unused_result));
/* The ring of a worker's slot. A recorder has it from the next recorder_child_use() on. NULL with
 * errno. */
struct ring *recorder_child_ring(struct recorder_child *recorder, size_t slot);
/* Finds the program, if `config` needs it, and opens the socket for the counters. False when one of
 * them cannot be: `problems` then says which, and nothing is changed. */
bool recorder_child_open(struct recorder_child *recorder, const struct config *config,
        const struct identity *identity, struct metrics_socket **metrics_r,
        struct problems *problems) __attribute__((warn_unused_result));
/* Uses that from now on. A recorder that runs makes way. Both are borrowed, but `metrics`, which is
 * taken over. */
void recorder_child_use(struct recorder_child *recorder, const struct config *config,
        const struct identity *identity, struct metrics_socket *metrics, uint64_t now);

/* Starts it, starts it again, kills it if it does not make way. */
void recorder_child_tend(struct recorder_child *recorder, uint64_t now);
/* When recorder_child_tend() has something to do; UINT64_MAX: never. */
uint64_t recorder_child_due(const struct recorder_child *recorder);
/* False when it is not the recorder that ended. */
bool recorder_child_reaped(struct recorder_child *recorder, pid_t pid, int status, uint64_t now);
/* The worker has ended, and there will be no other: waits until the rest is recorded, or too long.
 */
void recorder_child_end(struct recorder_child *recorder);

/* In the worker: lets go of all but the memory. */
void recorder_child_forget(struct recorder_child *recorder);

/* Whether this configuration has a recorder: a record, or counters to show. */
bool recorder_child_is_wanted(const struct config *config);

#endif
