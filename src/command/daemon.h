// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_DAEMON_H
#define VERIMAIL_COMMAND_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DAEMON_SERVICE "verimaild"
#define DAEMON_MILTER "verimail-milter"

/* The supervisor of the daemon `program` that runs on this machine by the configuration at `path`,
 * as /proc shows it; 0: none is seen. */
pid_t daemon_find(const char *program, const char *path);

enum daemon_result {
    DAEMON_RELOADED, /* it was told to; whether it could is in its log */
    DAEMON_ABSENT,   /* none runs here */
    DAEMON_DENIED,   /* this process may not tell it: errno */
};

#define DAEMON_WORKERS_MAX 256

/* A reload that was asked for, and the workers from before it. */
struct daemon_reload {
    pid_t workers[DAEMON_WORKERS_MAX];
    size_t count;
};

enum daemon_result daemon_reload(const char *program, const char *path,
        struct daemon_reload *reload_r) __attribute__((warn_unused_result));
/* Waits until no worker from before the reload is left: from then on each answer of the service is
 * one by the new configuration. False if one is still there after so many milliseconds. The worker
 * of the milter stays the same one: this is for the service. */
bool daemon_has_reloaded(const struct daemon_reload *reload, uint64_t timeout)
        __attribute__((warn_unused_result));

#endif
