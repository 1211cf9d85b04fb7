// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_REPLY_H
#define VERIMAIL_REPLAY_REDIS_REPLY_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#include "protocol/text.h"

#define REDISREPLY_OCTETS_MAX (1024UL * 1024) /* of one reply */
#define REDISREPLY_ITEM_MAX 65536             /* of one text or number in it */
#define REDISREPLY_ELEMENTS_MAX 32768         /* of all arrays in one reply */
#define REDISREPLY_DEPTH_MAX 8                /* of arrays in arrays */

/* Replies of RESP2 out of a stream of octets. hiredis reads them; by itself it would hold whatever
 * a server cares to send. */
struct redisreply_reader;

struct redisreply_reader *redisreply_init(void); /* NULL: out of memory */
void redisreply_free(struct redisreply_reader **reader);

/* Takes octets in. */
void redisreply_feed(struct redisreply_reader *reader, struct text octets);
/* The next reply that is whole, which is the caller's to free (freeReplyObject()). NULL: there is
 * none yet, or the stream is not one of replies, or has one that is too large. */
redisReply *redisreply_next(struct redisreply_reader *reader);
/* What is wrong with the stream, for good; NULL: nothing. */
const char *redisreply_error(const struct redisreply_reader *reader);

/* What an error, a string or a status says; empty for others. */
struct text redisreply_text(const redisReply *reply);

#endif
