// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_DESK_H
#define VERIMAIL_VERIMAILD_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "replay/count_request.h"
#include "verimaild/query.h"

/* A question that came whole, from its line to its answer. */
struct asked {
    struct count_request item; /* the first member: it is what the store of counts hands back */
    struct query inquiry;      /* borrows from the line */
    struct endpoint source;
    int fd;
    uint64_t since; /* milliseconds: when the connection was accepted */
    bool must_count;
    bool more; /* the peer sent more than its line */
    struct asked *next;
    char line[QUESTION_MAX + 1]; /* one octet more than a question may have */
};

/* The questions that a worker has in hand: one, and those whose counts it waits for. A place is
 * memory only once it was used. */
struct desk;

/* NULL when out of memory. */
struct desk *desk_init(size_t places);
void desk_free(struct desk **desk);
/* NULL when all places are taken. What is in it is from before. */
struct asked *desk_take(struct desk *desk);
void desk_give(struct desk *desk, struct asked *asked);
size_t desk_count(const struct desk *desk);

#endif
