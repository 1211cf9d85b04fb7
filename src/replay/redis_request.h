// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_REQUEST_H
#define VERIMAIL_REPLAY_REDIS_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"
#include "replay/count_request.h"
#include "replay/redis_link.h"

enum redis_request_stage {
    REDIS_REQUEST_WAITS,       /* for a server that is coming, or to be asked again */
    REDIS_REQUEST_ASKED,       /* the server has yet to answer */
    REDIS_REQUEST_UNCONFIRMED, /* it was counted; a replica has yet to have that too */
};

/* An item on its way. */
struct redis_request {
    struct redis_request *next;
    struct redis_request *previous;
    struct count_request *count;
    uint64_t since; /* milliseconds */
    enum redis_request_stage stage;
    struct redis_link *link; /* that is asked, or is to be though the slot is another's */
    uint64_t ticket;
    uint16_t slot;
    unsigned tries;
    bool by_ask;  /* sent there by ASK */
    bool by_text; /* the server does not know the script */
    bool confirm; /* by a replica, once it was counted */
};

/* All that are on their way, in the order in which they came. All zero: none. */
struct redis_requests {
    struct redis_request *oldest;
    struct redis_request *newest;
    struct redis_request *spare;
};

/* NULL when out of memory; else it is the newest. */
struct redis_request *redis_request_take(struct redis_requests *requests);
void redis_request_give(struct redis_requests *requests, struct redis_request *request);
/* When none is on its way. */
void redis_request_free(struct redis_requests *requests);

#define REDIS_REQUEST_KEY_MAX 64 /* octets of a key */

/* How a payload is counted in Redis. All its counts are one hash, so that they lie in one slot: the
 * key is `verimail:{ISSUED.NONCE}`, a field is the hash of a receiving domain, both in base64url. A
 * script that the server runs in one step looks at all of them, raises all or none, and lets the
 * key live until the payload is of no use any more. It returns 1 if they were raised, else 0. */

struct text redis_request_key(
        const struct count_request *count, char buffer_r[REDIS_REQUEST_KEY_MAX]);

/* Writes the command that counts the item, as Redis wants it: `known`: the server has the script,
 * and is told its hash only. How long the counts are kept is told in seconds from `unix_now` on:
 * the server's own clock may be another. False when out of memory; else `*command_r` is to be freed
 * with redisFreeCommand(). */
bool redis_request_write(const struct count_request *count, bool known, uint64_t unix_now,
        char **command_r, size_t *len_r) __attribute__((warn_unused_result));

#endif
