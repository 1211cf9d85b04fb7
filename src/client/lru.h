// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_LRU_H
#define VERIMAIL_CLIENT_LRU_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/text.h"

/* A table of values under keys, in the order of their last use. It is bounded: values are dropped
 * to make room for new ones. Strangers may choose the keys: they are hashed with a secret. Not for
 * two threads at once. */
struct lru;

/* At most `size` values, each of `value_size` octets. NULL when out of memory. */
struct lru *lru_init(size_t size, size_t value_size);
void lru_free(struct lru **lru);

/* The value under this key; NULL: there is none. A value stays where it is until it is dropped. */
void *lru_find(struct lru *lru, struct text key);
/* The same, and the value becomes the one used last. */
void *lru_use(struct lru *lru, struct text key);
/* Drops a value when the table is full: of the `most` that were not used for the longest time, the
 * first that may go. `may_go` NULL: each may. False when the table is still full. */
bool lru_make_room(struct lru *lru, size_t most, bool (*may_go)(void *value, const void *context),
        const void *context) __attribute__((warn_unused_result));
/* Adds a zeroed value, used last, under a key that is not there; there must be room. NULL when out
 * of memory. */
void *lru_add(struct lru *lru, struct text key);
void lru_drop(struct lru *lru, void *value);

#endif
