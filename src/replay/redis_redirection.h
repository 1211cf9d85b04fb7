// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_REDIRECTION_H
#define VERIMAIL_REPLAY_REDIS_REDIRECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"
#include "replay/redis_slot.h"

/* A node's answer that another one should be asked (Redis cluster specification, "MOVED
 * redirection" and "ASK redirection"). */
struct redis_redirection {
    bool ask; /* this once, after ASKING; else from now on */
    uint16_t slot;
    struct text host; /* an address or a name; empty: that of the node that said it; borrowed */
    uint16_t port;
};

/* Reads `MOVED 3999 192.0.2.1:6381`, or the same with ASK. An IPv6 address has no brackets. */
bool redis_redirection_parse(struct text error, struct redis_redirection *redirection_r)
        __attribute__((warn_unused_result));

#endif
