// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_SLOTS_H
#define VERIMAIL_REPLAY_REDIS_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"
#include "replay/redis_reply.h"

#define REDIS_SLOTS 16384

/* The slot of a key (Redis cluster specification, "Key distribution model" and "Hash tags"). The
 * text between the first `{` and the next `}` decides. If there is no such text, or it is empty,
 * the whole key does. */
uint16_t redis_slots_key(struct text key);

/* CRC-16/XMODEM. The value for "123456789" is 0x31C3. */
uint16_t redis_slots_crc16(struct text t);

/* A range of slots and the node that owns them, from CLUSTER SLOTS. Texts are borrowed from the
 * reply. */
struct redis_slots_range {
    uint16_t first;
    uint16_t last;
    struct text host;    /* an address or a name; empty: that of the node that was asked */
    struct text address; /* of a host that is a name, if the node reported it; else empty */
    uint16_t port;       /* 0: the node has no port for this type of connection */
};

/* Calls `found` for each range, in the reply's order. False when the reply is not one to CLUSTER
 * SLOTS; ranges that were found until then are not valid. */
bool redis_slots_read(const redisReply *reply,
        void (*found)(void *context, const struct redis_slots_range *range), void *context)
        __attribute__((warn_unused_result));

/* A node's redirection to another node (Redis cluster specification, "MOVED redirection" and "ASK
 * redirection"). */
struct redis_redirection {
    bool ask; /* ASK: for one request, after ASKING; false: MOVED, for all later requests */
    uint16_t slot;
    struct text host; /* an address or a name; empty: that of the node that replied; borrowed */
    uint16_t port;
};

/* Reads `MOVED 3999 192.0.2.1:6381`, or the same with ASK. An IPv6 address has no brackets. */
bool redis_slots_redirection(struct text error, struct redis_redirection *redirection_r)
        __attribute__((warn_unused_result));

#endif
