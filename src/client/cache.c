// SPDX-License-Identifier: ISC
#include "client/cache.h"

#include <stdlib.h>

#include "client/lru.h"

struct entry {
    struct cached cached;
    uint64_t until; /* milliseconds */
};

/* An answer stands under a user's canonical text with its ASCII letters in lower case, or under
 * `@domain`. */
struct cache {
    struct lru *entries;
};

struct cache *cache_init(size_t size)
{
    struct cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        return NULL;
    cache->entries = lru_init(size, sizeof(struct entry));
    if (cache->entries == NULL)
        cache_free(&cache);
    return cache;
}

void cache_free(struct cache **cache)
{
    if (*cache == NULL)
        return;
    lru_free(&(*cache)->entries);
    free(*cache);
    *cache = NULL;
}

static struct text cache_key(
        const struct address *user, bool whole_domain, char buffer_r[ADDRESS_MAX])
{
    const struct text text = address_text(user);
    const size_t from = whole_domain ? user->at : 0;

    for (size_t i = from; i < text.len; i++)
        buffer_r[i - from] = text_lower(text.at[i]);
    return (struct text){buffer_r, text.len - from};
}

void cache_put(
        struct cache *cache, const struct address *user, const struct cached *cached, uint64_t now)
{
    char buffer[ADDRESS_MAX];
    const struct text key = cache_key(user, cached->answer.scope_domain, buffer);
    const uint32_t ttl = !cached->authenticated && cached->answer.scope_domain &&
                                         cached->answer.ttl > CACHE_SCOPE_TTL_MAX
                                 ? CACHE_SCOPE_TTL_MAX
                                 : cached->answer.ttl;

    if (ttl == 0)
        return;
    struct entry *entry = lru_use(cache->entries, key);
    if (entry == NULL && lru_make_room(cache->entries, 1, NULL, NULL))
        entry = lru_add(cache->entries, key);
    if (entry != NULL)
        *entry = (struct entry){*cached, now + (uint64_t)ttl * 1000};
}

static bool cache_look_up(struct cache *cache, const struct address *user, bool whole_domain,
        uint64_t now, struct cached *cached_r)
{
    char buffer[ADDRESS_MAX];
    struct entry *entry = lru_use(cache->entries, cache_key(user, whole_domain, buffer));

    if (entry == NULL)
        return false;
    if (now >= entry->until) {
        lru_drop(cache->entries, entry);
        return false;
    }
    *cached_r = entry->cached;
    return true;
}

bool cache_get(
        struct cache *cache, const struct address *user, uint64_t now, struct cached *cached_r)
{
    return cache_look_up(cache, user, false, now, cached_r) ||
           cache_look_up(cache, user, true, now, cached_r);
}
