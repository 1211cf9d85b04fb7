// SPDX-License-Identifier: ISC
#include "users/arena.h"

#include <stdlib.h>

struct block {
    struct block *before;
    size_t used;
    char octets[ARENA_MAX];
};

char *arena_keep(struct arena *blocks, size_t len)
{
    if (blocks->last == NULL || ARENA_MAX - blocks->last->used < len) {
        struct block *block = len <= ARENA_MAX ? malloc(sizeof *block) : NULL;
        if (block == NULL)
            return NULL;
        block->before = blocks->last;
        block->used = 0;
        blocks->last = block;
    }
    blocks->last->used += len;
    return blocks->last->octets + blocks->last->used - len;
}

void arena_free(struct arena *blocks)
{
    while (blocks->last != NULL) {
        struct block *before = blocks->last->before;
        free(blocks->last);
        blocks->last = before;
    }
}
