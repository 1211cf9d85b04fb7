// SPDX-License-Identifier: ISC
#include "client/budget.h"

#include <stdlib.h>
#include <string.h>

#include "client/hash.h"

#define MINUTE 60000 /* milliseconds */
#define LOOKED_AT 32 /* entries, for one that is no longer needed */

/* How much of a budget is used. Each question weighs a minute's milliseconds, so that the allowance
 * of a minute comes back in whole numbers each millisecond. */
struct entry {
    UT_hash_handle hh;
    uint64_t used;    /* questions times MINUTE */
    uint64_t updated; /* milliseconds */
    size_t len;
    char key[]; /* empty: all that came late */
};

struct budget {
    struct entry *entries; /* the one used last at the end */
    size_t size;
    struct entry late;
};

struct budget *budget_init(size_t size)
{
    struct budget *budget = calloc(1, sizeof *budget);

    if (budget != NULL)
        budget->size = size;
    return budget;
}

static void budget_drop(struct budget *budget, struct entry *entry)
{
    HASH_DEL(budget->entries, entry);
    free(entry);
}

void budget_free(struct budget **budget)
{
    struct entry *entry;
    struct entry *next;

    if (*budget == NULL)
        return;
    HASH_ITER(hh, (*budget)->entries, entry, next)
    {
        budget_drop(*budget, entry);
    }
    free(*budget);
    *budget = NULL;
}

static void refill(struct entry *entry, uint32_t per_minute, uint64_t now)
{
    const uint64_t elapsed = now > entry->updated ? now - entry->updated : 0;
    const uint64_t back = elapsed > MINUTE ? (uint64_t)per_minute * MINUTE : elapsed * per_minute;

    entry->used = entry->used > back ? entry->used - back : 0;
    if (now > entry->updated)
        entry->updated = now;
}

static struct entry *budget_find(struct budget *budget, struct text key)
{
    struct entry *entry = NULL;

    HASH_FIND(hh, budget->entries, key.at, key.len, entry);
    return entry;
}

/* At the end, where those stand that were used last; the shared one when out of memory. */
/* NOLINTNEXTLINE(readability-function-size): what uthash expands to is not ours */
static struct entry *budget_add(struct budget *budget, struct entry *entry)
{
    HASH_ADD_KEYPTR(hh, budget->entries, entry->key, entry->len, entry);
    if (entry->hh.tbl != NULL)
        return entry;
    free(entry);
    return &budget->late;
}

static struct entry *budget_make(struct budget *budget, struct text key)
{
    struct entry *entry = calloc(1, sizeof *entry + key.len);

    if (entry == NULL)
        return &budget->late;
    memcpy(entry->key, key.at, key.len);
    entry->len = key.len;
    return budget_add(budget, entry);
}

/* Whether there is room for one more. Those not used for the longest time are the first to be full
 * again; but one whose budget was spent takes its minute, so several are looked at. */
static bool budget_has_room(struct budget *budget, uint32_t per_minute, uint64_t now)
{
    struct entry *entry = budget->entries;

    if (HASH_COUNT(budget->entries) < budget->size)
        return true;
    for (unsigned i = 0; i < LOOKED_AT && entry != NULL; i++, entry = entry->hh.next) {
        refill(entry, per_minute, now);
        if (entry->used == 0) {
            budget_drop(budget, entry);
            return true;
        }
    }
    return false;
}

bool budget_take(struct budget *budget, struct text key, uint32_t per_minute, uint64_t now)
{
    struct entry *entry = budget_find(budget, key);

    if (entry != NULL) {
        HASH_DEL(budget->entries, entry);
        entry = budget_add(budget, entry);
    } else {
        entry = budget_has_room(budget, per_minute, now) ? budget_make(budget, key) : &budget->late;
    }
    refill(entry, per_minute, now);
    const bool good = entry->used + MINUTE <= (uint64_t)per_minute * MINUTE;
    if (good)
        entry->used += MINUTE;
    return good;
}

void budget_give_back(struct budget *budget, struct text key)
{
    struct entry *entry = budget_find(budget, key);

    if (entry == NULL)
        entry = &budget->late;
    entry->used = entry->used > MINUTE ? entry->used - MINUTE : 0;
}
