// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_ARENA_H
#define VERIMAIL_USERS_ARENA_H

#include <stddef.h>

#define BLOCKS_MAX (1UL << 20) /* octets that are kept together */

/* Room for the texts of a million rows, one behind the other. All zero to begin with. */
struct blocks {
    struct block *last;
};

/* Room for so many octets, which stays where it is until blocks_free(). NULL when memory is short,
 * or it is more than BLOCKS_MAX. */
char *blocks_keep(struct blocks *blocks, size_t len);
void blocks_free(struct blocks *blocks);

#endif
