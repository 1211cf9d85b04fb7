// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_QUEUE_H
#define VERIMAIL_REPLAY_REDIS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Requests that a server has been sent, in the order in which it will answer them. */
struct redis_queued {
    int what;
    void *about;    /* NULL: nobody waits for the reply */
    uint64_t since; /* milliseconds */
};

/* All zero: empty. */
struct redis_queue {
    struct redis_queued *ring;
    size_t size; /* a power of 2 */
    uint64_t first;
    uint64_t end;
};

void redis_queue_free(struct redis_queue *queue); /* and leaves it empty */
size_t redis_queue_count(const struct redis_queue *queue);
/* False when it has `most` already, or out of memory. The ticket is for redis_queue_forget(). */
bool redis_queue_push(struct redis_queue *queue, size_t most, const struct redis_queued *request,
        uint64_t *ticket_r) __attribute__((warn_unused_result));
/* Without the newest. Returns false, for its callers. */
bool redis_queue_take_back(struct redis_queue *queue);
/* The oldest; false when there is none. */
bool redis_queue_shift(struct redis_queue *queue, struct redis_queued *request_r)
        __attribute__((warn_unused_result));
const struct redis_queued *redis_queue_oldest(const struct redis_queue *queue);
/* The request stays, and is about nothing. One that is gone is none of it. */
void redis_queue_forget(struct redis_queue *queue, uint64_t ticket);

#endif
