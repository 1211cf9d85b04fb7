// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "replay/redis_reply.h"
#include "replay/redis_slots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static bool lies_in(struct text part, struct text whole)
{
    return part.len == 0 || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

static void on_range(void *context, const struct redis_slots_range *range)
{
    size_t *count = context;

    require(range->first <= range->last && range->last < REDIS_SLOTS);
    if (range->host.len > 0) /* all of it is there */
        require(memchr(range->host.at, '\0', range->host.len + 1) != NULL);
    (*count)++;
}

/* An error can be a redirection, whose parts are parts of it. */
static void check_error(struct text error)
{
    struct redis_redirection redirection;

    if (!redis_slots_redirection(error, &redirection))
        return;
    require(redirection.slot < REDIS_SLOTS && redirection.port > 0);
    require(lies_in(redirection.host, error));
    require(error.at[0] == (redirection.ask ? 'A' : 'M'));
}

static void check_info(struct text t)
{
    struct redis_info info;
    char error[128];

    redis_info_read(t, 0, &info);
    require(memchr(info.policy, '\0', sizeof info.policy) != NULL);
    if (redis_info_is_fit(&info, false, error, sizeof error))
        require(strcmp(info.policy, "noeviction") == 0 && !info.loading);
    else
        require(error[0] != '\0');
}

static void check_reply(const redisReply *reply)
{
    size_t count = 0;

    if (redis_slots_read(reply, on_range, &count))
        require(reply->type == REDIS_REPLY_ARRAY && count == reply->elements);
    if (reply->type == REDIS_REPLY_ERROR)
        check_error(redis_reply_text(reply));
    if (reply->type == REDIS_REPLY_STRING)
        check_info(redis_reply_text(reply));
}

/* Replies come out the same however the stream is cut. */
static size_t read_all(struct text stream, size_t step)
{
    struct redis_reply_reader *reader = redis_reply_init();
    size_t count = 0;

    require(reader != NULL);
    for (size_t i = 0; i < stream.len; i += step) {
        const size_t len = step < stream.len - i ? step : stream.len - i;
        char *part = malloc(len);
        redisReply *reply = NULL;
        require(part != NULL);
        memcpy(part, stream.at + i, len);
        redis_reply_feed(reader, (struct text){part, len});
        free(part);
        while ((reply = redis_reply_next(reader)) != NULL) {
            check_reply(reply);
            freeReplyObject(reply);
            count++;
        }
    }
    redis_reply_free(&reader);
    return count;
}

/* The input is how many octets come at once, and what a server says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct text stream = {(const char *)data + 1, size - 1};
    require(read_all(stream, stream.len) == read_all(stream, (size_t)data[0] + 1));
    check_error(stream);
    check_info(stream);
    return 0;
}
