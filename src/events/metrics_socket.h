// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_METRICS_SOCKET_H
#define VERIMAIL_EVENTS_METRICS_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "config/problems.h"
#include "process/identity.h"

/* The socket at which the recorder shows the counters. The supervisor opens it. A new
 * configuration shares it with the one before while its address stays the same. */
struct metrics_socket;

/* `address`: the option `metrics`; without it `metrics_r` becomes NULL. A unix socket is made as
 * `identity`, for its user and group. It replaces one that no process listens at. While another
 * process has the place, the daemon runs without: metrics_socket_try() takes it when it is free.
 * False when it cannot be opened: `problems` then says why. */
bool metrics_socket_open(const struct config_text *address, const struct metrics_socket *before,
        const struct identity *identity, struct metrics_socket **metrics_r,
        struct problems *problems) __attribute__((warn_unused_result));
void metrics_socket_close(struct metrics_socket **metrics);

/* Tries again to open it, once a second. True when it has just been opened. It may be NULL. */
bool metrics_socket_try(struct metrics_socket *metrics, uint64_t mono_ms);
/* When metrics_socket_try() has something to do; UINT64_MAX: never. */
uint64_t metrics_socket_due(const struct metrics_socket *metrics);

/* The descriptor; -1 for NULL, and while another process has the place. */
int metrics_socket_fd(const struct metrics_socket *metrics);
/* Removes a unix socket, unless `after` uses it. Both may be NULL. */
void metrics_socket_end(const struct metrics_socket *metrics, const struct metrics_socket *after);

#endif
