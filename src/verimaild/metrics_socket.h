// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_METRICS_SOCKET_H
#define VERIMAIL_VERIMAILD_METRICS_SOCKET_H

#include <stdbool.h>

#include "config/option_type.h"
#include "config/problems.h"
#include "process/identity.h"

/* The socket at which the recorder shows the counters, opened by the parent. A generation shares it
 * with the one before as long as its address stays the same. */
struct showing;

/* `address`: the option `metrics`; where it is not given `showing_r` is NULL. A unix socket is made
 * as `identity`, for its user and group; one that nobody answers at any more is replaced. False
 * when it cannot be opened: `problems` then says why. */
bool showing_open(const struct config_text *address, const struct showing *before,
        const struct identity *identity, struct showing **showing_r, struct problems *problems)
        __attribute__((warn_unused_result));
void showing_close(struct showing **showing);

/* The descriptor; -1 for NULL. */
int showing_socket(const struct showing *showing);
/* Nobody shows anything there any more, unless `after` does: removes a unix socket. Both may be
 * NULL. */
void showing_end(const struct showing *showing, const struct showing *after);

#endif
