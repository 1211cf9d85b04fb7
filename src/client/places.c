// SPDX-License-Identifier: ISC
#include "client/places.h"

#include <stdlib.h>

#include "client/lru.h"

struct places_holder {
    size_t held;
    size_t places; /* that refer to it, held or waited for */
};

struct places {
    struct lru *holders; /* of struct places_holder */
    size_t count;
    size_t held;
};

struct places *places_init(size_t count)
{
    struct places *places = calloc(1, sizeof *places);

    if (places == NULL)
        return NULL;
    places->count = count;
    places->holders = lru_init(SIZE_MAX, sizeof(struct places_holder));
    if (places->holders == NULL)
        places_free(&places);
    return places;
}

void places_free(struct places **places)
{
    if (*places == NULL)
        return;
    lru_free(&(*places)->holders);
    free(*places);
    *places = NULL;
}

static bool places_has(const struct place *place, const struct places_holder *holder)
{
    for (size_t i = 0; i < PLACES_HOLDERS_MAX; i++)
        if (place->holders[i] == holder)
            return true;
    return false;
}

bool places_want(
        struct places *places, const struct text names[PLACES_HOLDERS_MAX], struct place *place_r)
{
    *place_r = (struct place){.is_held = false};
    for (size_t i = 0; i < PLACES_HOLDERS_MAX; i++) {
        if (names[i].len == 0)
            continue;
        struct places_holder *holder = lru_find(places->holders, names[i]);
        if (holder == NULL)
            holder = lru_add(places->holders, names[i]);
        if (holder == NULL) {
            places_give(places, place_r);
            return false;
        }
        if (places_has(place_r, holder))
            continue;
        holder->places++;
        place_r->holders[i] = holder;
    }
    return true;
}

bool places_take(struct places *places, struct place *place)
{
    if (places->held >= places->count)
        return false;
    for (size_t i = 0; i < PLACES_HOLDERS_MAX; i++)
        if (place->holders[i] != NULL && place->holders[i]->held >= places->count / PLACES_SHARE)
            return false;
    for (size_t i = 0; i < PLACES_HOLDERS_MAX; i++)
        if (place->holders[i] != NULL)
            place->holders[i]->held++;
    places->held++;
    place->is_held = true;
    return true;
}

void places_give(struct places *places, struct place *place)
{
    for (size_t i = 0; i < PLACES_HOLDERS_MAX; i++) {
        struct places_holder *holder = place->holders[i];
        if (holder == NULL)
            continue;
        holder->held -= place->is_held;
        if (--holder->places == 0)
            lru_drop(places->holders, holder);
    }
    places->held -= place->is_held;
    *place = (struct place){.is_held = false};
}
