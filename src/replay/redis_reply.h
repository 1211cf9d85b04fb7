// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_REPLY_H
#define VERIMAIL_REPLAY_REDIS_REPLY_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/text.h"

#define REDIS_REPLY_OCTETS_MAX (1024UL * 1024) /* in one reply */
#define REDIS_REPLY_ITEM_MAX 65536             /* in one text or number of a reply */
#define REDIS_REPLY_ELEMENTS_MAX 32768         /* in all arrays of one reply */
#define REDIS_REPLY_DEPTH_MAX 8                /* nested arrays */

/* Reads RESP2 replies from a stream of octets. hiredis parses them. The limits are ours: hiredis
 * would store whatever a server sends. */
struct redis_reply_reader;

struct redis_reply_reader *redis_reply_init(void); /* NULL: out of memory */
void redis_reply_free(struct redis_reply_reader **reader);

/* Adds octets to the stream. They are copied. */
void redis_reply_feed(struct redis_reply_reader *reader, struct text octets);
/* The next complete reply; free it with freeReplyObject(). NULL: there is none yet, or
 * redis_reply_error() says what is wrong. */
redisReply *redis_reply_next(struct redis_reply_reader *reader);
/* Why the stream cannot be read any further: it is no RESP2, or a reply is too large. NULL: no
 * error. */
const char *redis_reply_error(const struct redis_reply_reader *reader);

/* The text of an error, a string or a status; empty for other types. */
struct text redis_reply_text(const redisReply *reply);

#define REDIS_INFO_POLICY_MAX 32 /* octets, with a NUL */
#define REDIS_INFO_LAG_MAX 5     /* seconds since a working replica was last heard from */

/* What a server reports in INFO. */
struct redis_info {
    bool cluster;
    bool replica;                       /* of another server */
    bool loading;                       /* from the disk: it cannot count yet */
    char policy[REDIS_INFO_POLICY_MAX]; /* maxmemory-policy; "": it did not say */
    unsigned replicas;                  /* its own replicas that follow it now */
    uint64_t keys;                      /* in our database */
    uint64_t memory;                    /* octets used in total */
};

/* Reads the text of an INFO reply. Unknown lines are ignored. */
void redis_info_read(struct text t, unsigned database, struct redis_info *info_r);

/* Whether the server may be trusted with counts. False with the reason in `error_r`: it may forget
 * counts, or it is not the server that counts. `cluster_only`: refuse a server outside a cluster.
 */
bool redis_info_is_fit(const struct redis_info *info, bool cluster_only, char *error_r, size_t size)
        __attribute__((warn_unused_result));

#endif
