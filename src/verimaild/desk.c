// SPDX-License-Identifier: ISC
#include "verimaild/desk.h"

#include <stdlib.h>

struct desk {
    size_t places;
    size_t used; /* of the array; those behind were never touched */
    size_t taken;
    struct asked *free;
    struct asked *all;
};

struct desk *desk_init(size_t places)
{
    struct desk *desk = calloc(1, sizeof *desk);

    if (desk == NULL)
        return NULL;
    desk->places = places;
    desk->all = calloc(places, sizeof *desk->all);
    if (desk->all == NULL)
        desk_free(&desk);
    return desk;
}

void desk_free(struct desk **desk)
{
    if (*desk == NULL)
        return;
    free((*desk)->all);
    free(*desk);
    *desk = NULL;
}

struct asked *desk_take(struct desk *desk)
{
    struct asked *asked = desk->free;

    if (asked != NULL)
        desk->free = asked->next;
    else if (desk->used < desk->places)
        asked = &desk->all[desk->used++];
    if (asked != NULL)
        desk->taken++;
    return asked;
}

void desk_give(struct desk *desk, struct asked *asked)
{
    asked->next = desk->free;
    desk->free = asked;
    desk->taken--;
}

size_t desk_count(const struct desk *desk)
{
    return desk->taken;
}
