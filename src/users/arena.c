// SPDX-License-Identifier: ISC
#include "users/arena.h"

#include <stdlib.h>

struct block {
    struct block *before;
    size_t used;
    char octets[ARENA_MAX];
};

char *arena_keep(struct arena *arena, size_t len)
{
    if (arena->last == NULL || ARENA_MAX - arena->last->used < len) {
        struct block *block = len <= ARENA_MAX ? malloc(sizeof *block) : NULL;
        if (block == NULL)
            return NULL;
        block->before = arena->last;
        block->used = 0;
        arena->last = block;
    }
    arena->last->used += len;
    return arena->last->octets + arena->last->used - len;
}

void arena_free(struct arena *arena)
{
    while (arena->last != NULL) {
        struct block *before = arena->last->before;
        free(arena->last);
        arena->last = before;
    }
}
