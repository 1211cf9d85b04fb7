// SPDX-License-Identifier: ISC
#include "client/lru.h"

#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* An entry that could not be added, for lack of memory, has hh.tbl == NULL. */
#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, len, value) ((value) = lru_hash((key), (len)))

static unsigned lru_hash(const void *key, size_t len);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include <uthash.h>
#include <utlist.h>
#pragma GCC diagnostic pop

struct entry {
    UT_hash_handle hh;
    struct entry *prev; /* in the order of last use; the first one's: the last one */
    struct entry *next;
    _Alignas(max_align_t) unsigned char value[]; /* and the key */
};

struct lru {
    size_t size;
    size_t value_size;
    struct entry *table;
    struct entry *oldest;
};

static unsigned char secret[crypto_shorthash_KEYBYTES];

static void lru_make_secret(void)
{
    randombytes_buf(secret, sizeof secret);
}

static unsigned lru_hash(const void *key, size_t len)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint32_t value;

    (void)crypto_shorthash(hash, key, len, secret);
    memcpy(&value, hash, sizeof value);
    return value;
}

struct lru *lru_init(size_t size, size_t value_size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct lru *lru = calloc(1, sizeof *lru);

    (void)pthread_once(&once, lru_make_secret);
    if (lru == NULL)
        return NULL;
    lru->size = size;
    lru->value_size = value_size;
    return lru;
}

void lru_free(struct lru **lru)
{
    if (*lru == NULL)
        return;
    while ((*lru)->oldest != NULL)
        lru_drop(*lru, (*lru)->oldest->value);
    free(*lru);
    *lru = NULL;
}

static struct entry *lru_find_entry(struct lru *lru, struct text key)
{
    struct entry *entry = NULL;

    HASH_FIND(hh, lru->table, key.at, key.len, entry);
    return entry;
}

void *lru_find(struct lru *lru, struct text key)
{
    struct entry *entry = lru_find_entry(lru, key);

    return entry != NULL ? entry->value : NULL;
}

void *lru_use(struct lru *lru, struct text key)
{
    struct entry *entry = lru_find_entry(lru, key);

    if (entry == NULL)
        return NULL;
    DL_DELETE(lru->oldest, entry);
    DL_APPEND(lru->oldest, entry);
    return entry->value;
}

bool lru_make_room(struct lru *lru, size_t most, bool (*may_go)(void *value, const void *context),
        const void *context)
{
    struct entry *entry = lru->oldest;

    if (HASH_COUNT(lru->table) < lru->size)
        return true;
    for (size_t i = 0; i < most && entry != NULL; i++, entry = entry->next) {
        if (may_go == NULL || may_go(entry->value, context)) {
            lru_drop(lru, entry->value);
            return true;
        }
    }
    return false;
}

/* NOLINTNEXTLINE(readability-function-size): what uthash expands to is not ours */
void *lru_add(struct lru *lru, struct text key)
{
    struct entry *entry = calloc(1, sizeof *entry + lru->value_size + key.len);

    if (entry == NULL)
        return NULL;
    unsigned char *copy = entry->value + lru->value_size;
    memcpy(copy, key.at, key.len);
    HASH_ADD_KEYPTR(hh, lru->table, copy, key.len, entry);
    if (entry->hh.tbl == NULL) {
        free(entry);
        return NULL;
    }
    DL_APPEND(lru->oldest, entry);
    return entry->value;
}

void lru_drop(struct lru *lru, void *value)
{
    struct entry *entry =
            (struct entry *)(void *)((unsigned char *)value - offsetof(struct entry, value));

    DL_DELETE(lru->oldest, entry);
    /* The analyzer loses sight of uthash's list. */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc,clang-analyzer-core.NullDereference) */
    HASH_DEL(lru->table, entry);
    free(entry);
}
