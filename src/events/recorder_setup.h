// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_RECORDER_SETUP_H
#define VERIMAIL_EVENTS_RECORDER_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "events/counters.h"
#include "events/ring.h"
#include "process/identity.h"

/* The recorder, verimail-recorder, is a program of its own: it needs libraries that are too large
 * to share a process with keys or with strangers. A supervisor starts it and hands it what is
 * below. The descriptors are inherited. Nothing of it is in the arguments or the environment. */

#define RECORDER_FINISH 5000  /* milliseconds for what is left; the store may take longer */
#define RECORDER_ORPHAN 11000 /* milliseconds that workers may go on without a supervisor */

/* What the supervisor sends to a recorder, one octet each. The end of the socket means that the
 * supervisor is dead. Workers may go on for a while: as long as events come, they are recorded. */
enum recorder_order {
    /* All workers have ended: record the rest, mark the store of replay counts as clean, and end.
     */
    RECORDER_STOP = 's',
    /* The same, but others go on counting. */
    RECORDER_HAND_OVER = 'h',
    /* With a descriptor: the listening socket for the counters. */
    RECORDER_METRICS = 'm',
};

/* Sends a recorder the listening socket for the counters. `control`: the supervisor's end. */
void recorder_give_metrics(int control, int metrics);
/* In the recorder: waits for the next order; '\0' when none can come any more. `fd_r`: a descriptor
 * that came with it, or -1. */
char recorder_hear(int control, int *fd_r);

enum recorder_daemon {
    RECORDER_SERVICE, /* verimaild: questions and answers */
    RECORDER_MILTER,  /* verimail-milter: messages */
};

/* What the daemon's workers put into their rings. */
const struct record_kind *recorder_kind(enum recorder_daemon daemon);

/* What a recorder gets, all borrowed. */
struct recorder_setup {
    enum recorder_daemon daemon; /* that starts it */
    const char *state;           /* a folder */
    const char *store;           /* the options of the section `record` */
    const char *ip;
    const char *replay; /* the store of replay counts; "none" */
    uint64_t keep;      /* seconds */
    uint64_t size;      /* octets */
    uint64_t alarm_forgeries;
    uint64_t alarm_sending;
    uint64_t alarm_texts;
    enum log_level log_level;
    enum log_format log_format;
    struct identity identity;
    int control;
    int metrics; /* a listening socket, or -1 */
    int counters_fd;
    struct counters *counters;
    struct ring *const *rings; /* of the workers */
    size_t rings_count;
};

#define RECORDER_PATH_MAX 4096

/* The program: beside the executable of this process, or else where it is installed. Call it at the
 * start, because an upgrade may replace both later. False when there is none. `path_r` is then
 * where it should be. */
#define RECORDER_MISSING "no recorder at"
#define RECORDER_EXPECTED "the program verimail-recorder of the same package: install it again"
bool recorder_find(char path_r[RECORDER_PATH_MAX]) __attribute__((warn_unused_result));

/* In a child: becomes that program. Returns only when that failed, which is logged, with the exit
 * status. */
int recorder_exec(const char *path, const struct recorder_setup *setup);

/* In that program: takes the setup from the descriptor that is its argument. What the setup borrows
 * stays until the process ends. False with a sentence. */
#define RECORDER_ERROR_MAX 256
bool recorder_take_setup(const char *argument, struct recorder_setup *setup_r,
        char error_r[RECORDER_ERROR_MAX]) __attribute__((warn_unused_result));

#endif
