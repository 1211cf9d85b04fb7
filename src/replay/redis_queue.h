// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_QUEUE_H
#define VERIMAIL_REPLAY_REDIS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Requests that a server has been sent, in the order in which it will answer them. */
struct redisrequest {
    int what;
    void *about;    /* NULL: nobody waits for the reply */
    uint64_t since; /* milliseconds */
};

/* All zero: empty. */
struct redisqueue {
    struct redisrequest *ring;
    size_t size; /* a power of 2 */
    uint64_t first;
    uint64_t end;
};

void redisqueue_free(struct redisqueue *queue); /* and leaves it empty */
size_t redisqueue_count(const struct redisqueue *queue);
/* False when it has `most` already, or memory is short. The ticket is for redisqueue_forget(). */
bool redisqueue_push(struct redisqueue *queue, size_t most, const struct redisrequest *request,
        uint64_t *ticket_r) __attribute__((warn_unused_result));
/* Without the newest. Returns false, for its callers. */
bool redisqueue_take_back(struct redisqueue *queue);
/* The oldest; false when there is none. */
bool redisqueue_shift(struct redisqueue *queue, struct redisrequest *request_r)
        __attribute__((warn_unused_result));
const struct redisrequest *redisqueue_oldest(const struct redisqueue *queue);
/* The request stays, and is about nothing. One that is gone is none of it. */
void redisqueue_forget(struct redisqueue *queue, uint64_t ticket);

#endif
