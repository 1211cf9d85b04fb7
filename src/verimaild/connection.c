// SPDX-License-Identifier: ISC
#include "verimaild/connection.h"

#include <stdlib.h>
#include <sys/mman.h>

#define NOBODY UINT32_MAX

struct connections {
    size_t max;
    size_t count;
    uint32_t oldest;
    uint32_t newest;
    uint32_t free; /* the first free room; they are linked by `newer` */
    char *rooms;   /* pages that cost nothing until a slow sender touches one */
    struct connection at[];
};

struct connections *connections_init(size_t max)
{
    struct connections *c = calloc(1, sizeof *c + max * sizeof c->at[0]);

    if (c == NULL)
        return NULL;
    c->rooms = mmap(NULL, max * QUESTION_MAX, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (c->rooms == MAP_FAILED) {
        free(c);
        return NULL;
    }
    c->max = max;
    c->oldest = NOBODY;
    c->newest = NOBODY;
    for (size_t i = 0; i < max; i++) {
        c->at[i].fd = -1;
        c->at[i].newer = i + 1 < max ? (uint32_t)(i + 1) : NOBODY;
    }
    return c;
}

void connections_free(struct connections **connections)
{
    if (*connections == NULL)
        return;
    munmap((*connections)->rooms, (*connections)->max * QUESTION_MAX);
    free(*connections);
    *connections = NULL;
}

size_t connections_count(const struct connections *c)
{
    return c->count;
}

struct connection *connections_oldest(struct connections *c)
{
    return c->oldest != NOBODY ? &c->at[c->oldest] : NULL;
}

struct connection *connections_at(struct connections *c, uint32_t index)
{
    return index < c->max && c->at[index].fd >= 0 ? &c->at[index] : NULL;
}

uint32_t connections_index(const struct connections *c, const struct connection *connection)
{
    return (uint32_t)(connection - c->at);
}

struct connection *connections_add(
        struct connections *c, int fd, const struct endpoint *source, uint64_t now)
{
    const uint32_t index = c->free;

    if (c->count == c->max)
        return NULL;
    struct connection *connection = &c->at[index];
    c->free = connection->newer;
    *connection = (struct connection){
            .source = *source, .fd = fd, .since = now, .older = c->newest, .newer = NOBODY};
    if (c->newest != NOBODY)
        c->at[c->newest].newer = index;
    else
        c->oldest = index;
    c->newest = index;
    c->count++;
    return connection;
}

void connections_remove(struct connections *c, struct connection *connection)
{
    if (connection->older != NOBODY)
        c->at[connection->older].newer = connection->newer;
    else
        c->oldest = connection->newer;
    if (connection->newer != NOBODY)
        c->at[connection->newer].older = connection->older;
    else
        c->newest = connection->older;
    connection->fd = -1;
    connection->newer = c->free;
    c->free = connections_index(c, connection);
    c->count--;
}

char *connections_room(struct connections *c, const struct connection *connection)
{
    return c->rooms + (size_t)connections_index(c, connection) * QUESTION_MAX;
}
