// SPDX-License-Identifier: ISC
#include "verimaild/connection.h"

#include <stdlib.h>
#include <sys/mman.h>

struct connection_pool {
    size_t size;
    size_t used; /* of `all`; those behind were never touched */
    size_t taken;
    size_t held;
    struct connection *all;
    struct connection *free; /* linked by `newer` */
    struct connection *oldest;
    struct connection *newest;
};

struct connection_pool *connection_pool_init(size_t size)
{
    struct connection_pool *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->size = size;
    void *all = mmap(NULL, size * sizeof *p->all, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) {
        free(p);
        return NULL;
    }
    p->all = all;
    return p;
}

void connection_pool_free(struct connection_pool **pool)
{
    if (*pool == NULL)
        return;
    munmap((*pool)->all, (*pool)->size * sizeof *(*pool)->all);
    free(*pool);
    *pool = NULL;
}

struct connection *connection_pool_take(
        struct connection_pool *p, int fd, const struct endpoint *source, uint64_t mono_ms)
{
    struct connection *c = p->free;

    if (c != NULL)
        p->free = c->newer;
    else if (p->used < p->size)
        c = &p->all[p->used++];
    else
        return NULL;
    p->taken++;
    c->fd = fd;
    c->state = CONNECTION_READING;
    c->more = c->limited = c->held = false;
    c->discarded = 0;
    c->since = mono_ms;
    c->source = *source;
    c->used = 0;
    return c;
}

void connection_pool_give(struct connection_pool *p, struct connection *c)
{
    connection_pool_release(p, c);
    c->fd = -1;
    c->newer = p->free;
    p->free = c;
    p->taken--;
}

struct connection *connection_pool_at(struct connection_pool *p, uint32_t index)
{
    return index < p->used && p->all[index].fd >= 0 ? &p->all[index] : NULL;
}

uint32_t connection_pool_index(const struct connection_pool *p, const struct connection *c)
{
    return (uint32_t)(c - p->all);
}

void connection_pool_hold(struct connection_pool *p, struct connection *c)
{
    if (c->held)
        return;
    c->held = true;
    c->older = p->newest;
    c->newer = NULL;
    if (p->newest != NULL)
        p->newest->newer = c;
    else
        p->oldest = c;
    p->newest = c;
    p->held++;
}

void connection_pool_release(struct connection_pool *p, struct connection *c)
{
    if (!c->held)
        return;
    c->held = false;
    if (c->older != NULL)
        c->older->newer = c->newer;
    else
        p->oldest = c->newer;
    if (c->newer != NULL)
        c->newer->older = c->older;
    else
        p->newest = c->older;
    p->held--;
}

struct connection *connection_pool_oldest(struct connection_pool *p)
{
    return p->oldest;
}

size_t connection_pool_taken(const struct connection_pool *p)
{
    return p->taken;
}

size_t connection_pool_held(const struct connection_pool *p)
{
    return p->held;
}
