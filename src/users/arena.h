// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_ARENA_H
#define VERIMAIL_USERS_ARENA_H

#include <stddef.h>

#define ARENA_MAX (1UL << 20) /* octets of the largest text */

/* Memory for the texts of a million rows, one after the other. All zero to begin with. */
struct arena {
    struct block *last;
};

/* Returns `len` octets, which stay at their address until arena_free(). NULL when out of memory, or
 * when `len` is more than ARENA_MAX. */
char *arena_keep(struct arena *arena, size_t len);
void arena_free(struct arena *arena);

#endif
