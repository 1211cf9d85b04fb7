// SPDX-License-Identifier: ISC
#include "replay/redis_queue.h"

#include <stdlib.h>

#define SIZE_FIRST 64

void redisqueue_free(struct redisqueue *queue)
{
    free(queue->ring);
    *queue = (struct redisqueue){.ring = NULL};
}

size_t redisqueue_count(const struct redisqueue *queue)
{
    return (size_t)(queue->end - queue->first);
}

static struct redisrequest *at(const struct redisqueue *queue, uint64_t ticket)
{
    return &queue->ring[ticket & (queue->size - 1)];
}

static bool grow(struct redisqueue *queue)
{
    struct redisqueue larger = *queue;

    larger.size = queue->size > 0 ? queue->size * 2 : SIZE_FIRST;
    larger.ring = calloc(larger.size, sizeof *larger.ring);
    if (larger.ring == NULL)
        return false;
    for (uint64_t ticket = queue->first; ticket < queue->end; ticket++)
        *at(&larger, ticket) = *at(queue, ticket);
    free(queue->ring);
    *queue = larger;
    return true;
}

bool redisqueue_push(struct redisqueue *queue, size_t most, const struct redisrequest *request,
        uint64_t *ticket_r)
{
    const size_t count = redisqueue_count(queue);

    if (count >= most || (count == queue->size && !grow(queue)))
        return false;
    *ticket_r = queue->end++;
    *at(queue, *ticket_r) = *request;
    return true;
}

bool redisqueue_take_back(struct redisqueue *queue)
{
    queue->end--;
    return false;
}

bool redisqueue_shift(struct redisqueue *queue, struct redisrequest *request_r)
{
    if (redisqueue_count(queue) == 0)
        return false;
    *request_r = *at(queue, queue->first++);
    return true;
}

const struct redisrequest *redisqueue_oldest(const struct redisqueue *queue)
{
    return redisqueue_count(queue) > 0 ? at(queue, queue->first) : NULL;
}

void redisqueue_forget(struct redisqueue *queue, uint64_t ticket)
{
    if (ticket >= queue->first && ticket < queue->end)
        at(queue, ticket)->about = NULL;
}
