// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_SLOTMAP_H
#define VERIMAIL_REPLAY_REDIS_SLOTMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "replay/redis_reply.h"
#include "replay/redis_slot.h"

/* A range of slots with the node that counts in them, as CLUSTER SLOTS says it. Texts are borrowed
 * from the reply. */
struct redis_slotmap_range {
    uint16_t first;
    uint16_t last;
    struct text host;    /* an address or a name; empty: that of the node that was asked */
    struct text address; /* where the host is a name, its address if the node told it; else empty */
    uint16_t port;       /* 0: it has none for such as us */
};

/* Calls `found` for each range, in the reply's order. False, and what was found then means nothing,
 * when this is no reply to CLUSTER SLOTS. */
bool redis_slotmap_read(const redisReply *reply,
        void (*found)(void *context, const struct redis_slotmap_range *range), void *context)
        __attribute__((warn_unused_result));

#endif
