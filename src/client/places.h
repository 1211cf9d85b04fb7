// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_PLACES_H
#define VERIMAIL_CLIENT_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/text.h"

#define PLACES_SHARE 8       /* a holder has at most 1/8 of all places */
#define PLACES_HOLDERS_MAX 3 /* of one place */

/* The places for look-ups that are on their way (design, section 6). Each is held in the name of a
 * client network and of the registrable domains that are behind it. None of these holders has more
 * than 1/PLACES_SHARE of the places. Not for two threads at once. */
struct places;
struct places_holder;

struct places *places_init(size_t count); /* NULL when out of memory */
/* Nobody may hold a place, or wait for one. */
void places_free(struct places **places);

/* A place, held or waited for. */
struct place {
    struct places_holder *holders[PLACES_HOLDERS_MAX];
    bool is_held;
};

/* Begins to wait for a place, in the name of these holders; empty and equal names are left out. It
 * lasts until places_give(). False when out of memory. */
bool places_want(struct places *places, const struct text names[PLACES_HOLDERS_MAX],
        struct place *place_r) __attribute__((warn_unused_result));
/* Takes the place, if there is one and each holder may have one more. */
bool places_take(struct places *places, struct place *place) __attribute__((warn_unused_result));
/* Gives it back, or ends the wait. */
void places_give(struct places *places, struct place *place);

#endif
