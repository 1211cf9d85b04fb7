// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_SLOTS_H
#define VERIMAIL_REPLAY_REDIS_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"
#include "replay/redis_reply.h"

#define REDIS_SLOTS 16384

/* Where a key lies in a cluster (Redis cluster specification, "Key distribution model" and "Hash
 * tags"): what stands between the first `{` and the next `}` decides, unless that is nothing or
 * there is none; else the whole key. */
uint16_t redis_slots_key(struct text key);

/* CRC-16/XMODEM: of "123456789" it is 0x31C3. */
uint16_t redis_slots_crc16(struct text t);

/* A range of slots with the node that counts in them, as CLUSTER SLOTS says it. Texts are borrowed
 * from the reply. */
struct redis_slots_range {
    uint16_t first;
    uint16_t last;
    struct text host;    /* an address or a name; empty: that of the node that was asked */
    struct text address; /* where the host is a name, its address if the node told it; else empty */
    uint16_t port;       /* 0: it has none for such as us */
};

/* Calls `found` for each range, in the reply's order. False, and what was found then means nothing,
 * when this is no reply to CLUSTER SLOTS. */
bool redis_slots_read(const redisReply *reply,
        void (*found)(void *context, const struct redis_slots_range *range), void *context)
        __attribute__((warn_unused_result));

/* A node's answer that another one should be asked (Redis cluster specification, "MOVED
 * redirection" and "ASK redirection"). */
struct redis_redirection {
    bool ask; /* this once, after ASKING; else from now on */
    uint16_t slot;
    struct text host; /* an address or a name; empty: that of the node that said it; borrowed */
    uint16_t port;
};

/* Reads `MOVED 3999 192.0.2.1:6381`, or the same with ASK. An IPv6 address has no brackets. */
bool redis_slots_redirection(struct text error, struct redis_redirection *redirection_r)
        __attribute__((warn_unused_result));

#endif
