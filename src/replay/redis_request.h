// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_REQUEST_H
#define VERIMAIL_REPLAY_REDIS_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"
#include "replay/count_request.h"
#include "replay/redis_link.h"

enum redis_request_stage {
    REDIS_REQUEST_WAITS,       /* waits for a server to connect, or for the next try */
    REDIS_REQUEST_ASKED,       /* sent; no reply yet */
    REDIS_REQUEST_UNCONFIRMED, /* counted; waits until a replica has the count too */
};

/* A count request that is in progress. */
struct redis_request {
    struct redis_request *next;
    struct redis_request *previous;
    struct count_request *count;
    uint64_t since; /* monotonic milliseconds */
    enum redis_request_stage stage;
    struct redis_link *link; /* the server that was asked, or that a redirection names */
    uint64_t ticket;
    uint16_t slot;
    unsigned tries;
    bool by_ask;  /* ASK redirected it to `link` */
    bool by_text; /* send the script's text, because the server does not know its hash */
    bool confirm; /* a replica must confirm the count */
};

/* All requests in progress, oldest first. All zero: none. */
struct redis_requests {
    struct redis_request *oldest;
    struct redis_request *newest;
    struct redis_request *spare;
};

/* Adds a request as the newest. NULL when out of memory. */
struct redis_request *redis_request_take(struct redis_requests *requests);
void redis_request_give(struct redis_requests *requests, struct redis_request *request);
/* Frees the spare memory. Call it when no request is in progress. */
void redis_request_free(struct redis_requests *requests);

#define REDIS_REQUEST_KEY_MAX 64 /* octets of a key */

/* How Redis counts a payload. All its counts are fields of one hash, so that they share one slot.
 * The key is `verimail:{ISSUED.NONCE}`. A field is the hash of a receiving domain. Both are in
 * base64url.
 *
 * A script, which the server runs in one step, checks all counts and raises all or none. It sets
 * the key to expire when the payload does. It returns 1 if the counts were raised, else 0. */

struct text redis_request_key(
        const struct count_request *count, char buffer_r[REDIS_REQUEST_KEY_MAX]);

/* Writes the command that counts the request, in the Redis protocol. `known`: the server has the
 * script, so only its hash is sent. The command gives the time to keep the counts in seconds after
 * `unix_now`, because the server's clock may differ. False when out of memory. Free `*command_r`
 * with redisFreeCommand(). */
bool redis_request_write(const struct count_request *count, bool known, uint64_t unix_now,
        char **command_r, size_t *len_r) __attribute__((warn_unused_result));

#endif
