// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_REQUEST_H
#define VERIMAIL_REPLAY_REDIS_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

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

#endif
