// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_REQUEST_H
#define VERIMAIL_REPLAY_REDIS_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"
#include "replay/count_request.h"
#include "replay/redis_link.h"

enum rediscall_stage {
    REDISCALL_WAITS,       /* for a server that is coming, or to be asked again */
    REDISCALL_ASKED,       /* the server has yet to answer */
    REDISCALL_UNCONFIRMED, /* it was counted; a replica has yet to have that too */
};

/* An item on its way. */
struct rediscall {
    struct rediscall *next;
    struct rediscall *previous;
    struct count_request *item;
    uint64_t since; /* milliseconds */
    enum rediscall_stage stage;
    struct redis_link *link; /* that is asked, or is to be though the slot is another's */
    uint64_t ticket;
    uint16_t slot;
    unsigned tries;
    bool by_ask;  /* sent there by ASK */
    bool by_text; /* the server does not know the script */
    bool confirm; /* by a replica, once it was counted */
};

/* All that are on their way, in the order in which they came. All zero: none. */
struct redis_request {
    struct rediscall *oldest;
    struct rediscall *newest;
    struct rediscall *spare;
};

/* NULL when out of memory; else it is the newest. */
struct rediscall *redis_request_take(struct redis_request *calls);
void redis_request_give(struct redis_request *calls, struct rediscall *call);
/* When none is on its way. */
void redis_request_free(struct redis_request *calls);

#define SCRIPT_KEY_MAX 64 /* octets of a key */

/* How a payload is counted in Redis. All its counts are one hash, so that they lie in one slot: the
 * key is `verimail:{ISSUED.NONCE}`, a field is the hash of a receiving domain, both in base64url. A
 * script that the server runs in one step looks at all of them, raises all or none, and lets the
 * key live until the payload is of no use any more. It returns 1 if they were raised, else 0. */

struct text script_key(const struct count_request *item, char room_r[SCRIPT_KEY_MAX]);

/* Writes the command that counts the item, as Redis wants it: `known`: the server has the script,
 * and is told its hash only. How long the counts are kept is told in seconds from `today` on: the
 * server's own clock may be another. False when out of memory; else `*command_r` is to be freed
 * with redisFreeCommand(). */
bool script_write(const struct count_request *item, bool known, uint64_t today, char **command_r,
        size_t *len_r) __attribute__((warn_unused_result));

#endif
