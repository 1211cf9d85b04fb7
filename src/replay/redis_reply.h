// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_REPLY_H
#define VERIMAIL_REPLAY_REDIS_REPLY_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

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

#endif
