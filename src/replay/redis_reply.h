// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_REPLY_H
#define VERIMAIL_REPLAY_REDIS_REPLY_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/text.h"

#define REDIS_REPLY_OCTETS_MAX (1024UL * 1024) /* of one reply */
#define REDIS_REPLY_ITEM_MAX 65536             /* of one text or number in it */
#define REDIS_REPLY_ELEMENTS_MAX 32768         /* of all arrays in one reply */
#define REDIS_REPLY_DEPTH_MAX 8                /* of arrays in arrays */

/* Replies of RESP2 out of a stream of octets. hiredis reads them; by itself it would hold whatever
 * a server cares to send. */
struct redis_reply_reader;

struct redis_reply_reader *redis_reply_init(void); /* NULL: out of memory */
void redis_reply_free(struct redis_reply_reader **reader);

/* Takes octets in. */
void redis_reply_feed(struct redis_reply_reader *reader, struct text octets);
/* The next reply that is whole, which is the caller's to free (freeReplyObject()). NULL: there is
 * none yet, or the stream is not one of replies, or has one that is too large. */
redisReply *redis_reply_next(struct redis_reply_reader *reader);
/* What is wrong with the stream, for good; NULL: nothing. */
const char *redis_reply_error(const struct redis_reply_reader *reader);

/* What an error, a string or a status says; empty for others. */
struct text redis_reply_text(const redisReply *reply);

#define REDIS_INFO_POLICY_MAX 32 /* octets, with a NUL */
#define REDIS_INFO_LAG_MAX 5     /* seconds since a replica that works was heard of */

/* What a server says of itself to INFO. */
struct redis_info {
    bool cluster;
    bool replica;                       /* of another server */
    bool loading;                       /* from the disk: it cannot count yet */
    char policy[REDIS_INFO_POLICY_MAX]; /* maxmemory-policy; "": it did not say */
    unsigned replicas;                  /* of its own, that follow it now */
    uint64_t keys;                      /* in our database */
    uint64_t memory;                    /* octets, all in all */
};

/* Lines that are not understood are passed over. */
void redis_info_read(struct text t, unsigned database, struct redis_info *info_r);

/* Whether it can be trusted with counts. False with a reason: it may forget them, or is not the one
 * that counts. `cluster_only`: one that is none of a cluster will not do. */
bool redis_info_is_fit(const struct redis_info *info, bool cluster_only, char *error_r, size_t size)
        __attribute__((warn_unused_result));

#endif
