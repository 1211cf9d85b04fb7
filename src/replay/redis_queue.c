// SPDX-License-Identifier: ISC
#include "replay/redis_queue.h"

#include <stdlib.h>

#define SIZE_FIRST 64

void redis_queue_free(struct redis_queue *queue)
{
    free(queue->ring);
    *queue = (struct redis_queue){.ring = NULL};
}

size_t redis_queue_count(const struct redis_queue *queue)
{
    return (size_t)(queue->end - queue->first);
}

static struct redis_queued *at(const struct redis_queue *queue, uint64_t ticket)
{
    return &queue->ring[ticket & (queue->size - 1)];
}

static bool redis_queue_grow(struct redis_queue *queue)
{
    struct redis_queue larger = *queue;

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

bool redis_queue_push(struct redis_queue *queue, size_t most, const struct redis_queued *request,
        uint64_t *ticket_r)
{
    const size_t count = redis_queue_count(queue);

    if (count >= most || (count == queue->size && !redis_queue_grow(queue)))
        return false;
    *ticket_r = queue->end++;
    *at(queue, *ticket_r) = *request;
    return true;
}

bool redis_queue_take_back(struct redis_queue *queue)
{
    queue->end--;
    return false;
}

bool redis_queue_shift(struct redis_queue *queue, struct redis_queued *request_r)
{
    if (redis_queue_count(queue) == 0)
        return false;
    *request_r = *at(queue, queue->first++);
    return true;
}

const struct redis_queued *redis_queue_oldest(const struct redis_queue *queue)
{
    return redis_queue_count(queue) > 0 ? at(queue, queue->first) : NULL;
}

void redis_queue_forget(struct redis_queue *queue, uint64_t ticket)
{
    if (ticket >= queue->first && ticket < queue->end)
        at(queue, ticket)->about = NULL;
}
