// SPDX-License-Identifier: ISC
#include "redis/redisreply.h"

#include <stdlib.h>

struct redisreply_reader {
    redisReader *reader;
    redisReplyObjectFunctions makers; /* hiredis's own, but for arrays */
    redisReplyObjectFunctions theirs;
    size_t octets;   /* since the last reply */
    size_t elements; /* as many */
    const char *error;
};

#if HIREDIS_MAJOR >= 1
typedef size_t array_length;
#else
typedef int array_length;
#endif

/* An array is made when its length is read: before there are any elements. */
static void *make_array(const redisReadTask *task, array_length count)
{
    struct redisreply_reader *r = task->privdata;

    if ((size_t)count > REDISREPLY_ELEMENTS_MAX - r->elements)
        return NULL;
    r->elements += (size_t)count;
    return r->theirs.createArray(task, count);
}

struct redisreply_reader *redisreply_init(void)
{
    struct redisreply_reader *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->reader = redisReaderCreate();
    if (r->reader == NULL) {
        redisreply_free(&r);
        return NULL;
    }
    r->theirs = *r->reader->fn;
    r->makers = r->theirs;
    r->makers.createArray = make_array;
    r->reader->fn = &r->makers;
    r->reader->privdata = r;
    return r;
}

void redisreply_free(struct redisreply_reader **reader)
{
    if (*reader == NULL)
        return;
    if ((*reader)->reader != NULL)
        redisReaderFree((*reader)->reader);
    free(*reader);
    *reader = NULL;
}

void redisreply_feed(struct redisreply_reader *reader, struct text octets)
{
    reader->octets += octets.len;
    if (reader->error == NULL && redisReaderFeed(reader->reader, octets.at, octets.len) != REDIS_OK)
        reader->error = "memory is short";
}

redisReply *redisreply_next(struct redisreply_reader *reader)
{
    void *reply = NULL;

    if (reader->error != NULL)
        return NULL;
    if (redisReaderGetReply(reader->reader, &reply) != REDIS_OK) {
        reader->error = reader->reader->err == REDIS_ERR_OOM ? "said more than it was asked for"
                                                             : "does not speak Redis's protocol";
        return NULL;
    }
    const size_t item = reader->reader->len - reader->reader->pos;
    if (reply == NULL && (reader->octets > REDISREPLY_OCTETS_MAX || item > REDISREPLY_ITEM_MAX))
        reader->error = "said more than it was asked for";
    if (reply != NULL) {
        reader->octets = item;
        reader->elements = 0;
    }
    return reply;
}

const char *redisreply_error(const struct redisreply_reader *reader)
{
    return reader->error;
}

struct text redisreply_text(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS &&
            reply->type != REDIS_REPLY_ERROR)
        return (struct text){NULL, 0};
    return (struct text){reply->str, reply->len};
}
