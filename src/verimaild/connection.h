// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_CONNECTION_H
#define VERIMAIL_VERIMAILD_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "protocol/question.h"

/* The connections that a worker holds because their question has not come whole, or because they
 * still send when they have been answered. All rooms are made at the start; none depends on what a
 * peer says. */
struct connection {
    struct endpoint source;
    int fd;
    bool answered;      /* what still comes is thrown away */
    uint32_t used;      /* octets of the question so far */
    uint32_t discarded; /* octets since the answer */
    uint64_t since;     /* milliseconds: when it was accepted */
    uint32_t older;     /* neighbours in age */
    uint32_t newer;
};

struct connections;

/* NULL with errno when there is no memory. `max` at most UINT32_MAX - 1. */
struct connections *connections_init(size_t max);
void connections_free(struct connections **connections);

size_t connections_count(const struct connections *connections);
/* The oldest, or NULL. */
struct connection *connections_oldest(struct connections *connections);
/* The one of this index (connections_index()), or NULL when it was removed. */
struct connection *connections_at(struct connections *connections, uint32_t index);
uint32_t connections_index(
        const struct connections *connections, const struct connection *connection);

/* NULL when all rooms are taken. */
struct connection *connections_add(
        struct connections *connections, int fd, const struct endpoint *source, uint64_t now);
/* Gives the room back; the descriptor stays open. */
void connections_remove(struct connections *connections, struct connection *connection);

/* QUESTION_MAX octets of this connection's own. */
char *connections_room(struct connections *connections, const struct connection *connection);

#endif
