// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_ARENA_H
#define VERIMAIL_USERS_ARENA_H

#include <stddef.h>

#define ARENA_MAX (1UL << 20) /* octets that are kept together */

/* Room for the texts of a million rows, one behind the other. All zero to begin with. */
struct arena {
    struct block *last;
};

/* Room for so many octets, which stays where it is until arena_free(). NULL when out of memory,
 * or it is more than ARENA_MAX. */
char *arena_keep(struct arena *arena, size_t len);
void arena_free(struct arena *arena);

#endif
