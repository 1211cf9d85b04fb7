// SPDX-License-Identifier: ISC
#include "client/cache.h"

#include <stdlib.h>
#include <string.h>

#include "client/hash.h"

/* An answer under a user's canonical text with its ASCII letters in lower case, or under `@domain`.
 */
struct entry {
    UT_hash_handle hh;
    struct cached cached;
    uint64_t until; /* milliseconds */
    size_t len;
    char key[ADDRESS_MAX + 1];
};

struct cache {
    struct entry *entries; /* the one used last at the end */
    size_t size;
};

struct cache *cache_init(size_t size)
{
    struct cache *cache = calloc(1, sizeof *cache);

    if (cache != NULL)
        cache->size = size;
    return cache;
}

static void cache_drop(struct cache *cache, struct entry *entry)
{
    HASH_DEL(cache->entries, entry);
    free(entry);
}

void cache_free(struct cache **cache)
{
    struct entry *entry;
    struct entry *next;

    if (*cache == NULL)
        return;
    HASH_ITER(hh, (*cache)->entries, entry, next)
    {
        cache_drop(*cache, entry);
    }
    free(*cache);
    *cache = NULL;
}

/* An entry's key, and its length. */
static size_t cache_make_key(
        const struct address *user, bool whole_domain, char key_r[ADDRESS_MAX + 1])
{
    const struct text text = address_text(user);
    const size_t from = whole_domain ? user->at : 0;

    for (size_t i = from; i < text.len; i++)
        key_r[i - from] = text_lower(text.at[i]);
    return text.len - from;
}

static struct entry *cache_find(struct cache *cache, const char *key, size_t len)
{
    struct entry *entry = NULL;

    HASH_FIND(hh, cache->entries, key, len, entry);
    return entry;
}

/* NOLINTNEXTLINE(readability-function-size): what uthash expands to is not ours */
static bool cache_add(struct cache *cache, struct entry *entry)
{
    HASH_ADD_KEYPTR(hh, cache->entries, entry->key, entry->len, entry);
    if (entry->hh.tbl != NULL)
        return true;
    free(entry);
    return false;
}

void cache_put(
        struct cache *cache, const struct address *user, const struct cached *cached, uint64_t now)
{
    struct entry *entry = cached->answer.ttl > 0 ? calloc(1, sizeof *entry) : NULL;

    if (entry == NULL)
        return;
    entry->cached = *cached;
    entry->until = now + (uint64_t)cached->answer.ttl * 1000;
    entry->len = cache_make_key(user, cached->answer.scope_domain, entry->key);
    struct entry *before = cache_find(cache, entry->key, entry->len);
    if (before != NULL)
        cache_drop(cache, before);
    if (HASH_COUNT(cache->entries) >= cache->size)
        cache_drop(cache, cache->entries);
    (void)cache_add(cache, entry);
}

static bool client_cache_get(struct cache *cache, const struct address *user, bool whole_domain,
        uint64_t now, struct cached *cached_r)
{
    char key[ADDRESS_MAX + 1];
    struct entry *entry = cache_find(cache, key, cache_make_key(user, whole_domain, key));

    if (entry == NULL)
        return false;
    if (now >= entry->until) {
        cache_drop(cache, entry);
        return false;
    }
    *cached_r = entry->cached;
    /* To the end: it was used. */
    HASH_DEL(cache->entries, entry);
    (void)cache_add(cache, entry);
    return true;
}

bool cache_get(
        struct cache *cache, const struct address *user, uint64_t now, struct cached *cached_r)
{
    return client_cache_get(cache, user, false, now, cached_r) ||
           client_cache_get(cache, user, true, now, cached_r);
}
