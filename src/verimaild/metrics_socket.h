// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_METRICS_SOCKET_H
#define VERIMAIL_VERIMAILD_METRICS_SOCKET_H

#include <stdbool.h>

#include "config/config.h"
#include "config/problems.h"
#include "process/identity.h"

/* The socket at which the recorder shows the counters, opened by the parent. A generation shares it
 * with the one before as long as its address stays the same. */
struct metrics_socket;

/* `address`: the option `metrics`; where it is not given `showing_r` is NULL. A unix socket is made
 * as `identity`, for its user and group; one that nobody answers at any more is replaced. False
 * when it cannot be opened: `problems` then says why. */
bool metrics_socket_open(const struct config_text *address, const struct metrics_socket *before,
        const struct identity *identity, struct metrics_socket **showing_r,
        struct problems *problems) __attribute__((warn_unused_result));
void metrics_socket_close(struct metrics_socket **showing);

/* The descriptor; -1 for NULL. */
int metrics_socket_socket(const struct metrics_socket *showing);
/* Nobody shows anything there any more, unless `after` does: removes a unix socket. Both may be
 * NULL. */
void metrics_socket_end(const struct metrics_socket *showing, const struct metrics_socket *after);

#endif
