// SPDX-License-Identifier: ISC
#include "client/circuit_breaker.h"

#include <stdlib.h>
#include <string.h>

#include "client/hash.h"

/* What tells endpoints apart, with nothing between its members. */
struct key {
    unsigned char address[16];
    unsigned char port[2];
    unsigned char family[2];
};

struct entry {
    UT_hash_handle hh;
    struct key key;
    unsigned connections;
    unsigned failures; /* in a row */
    bool probing;      /* after a rest one question at a time tries */
    uint64_t rest_until;
};

struct circuit_breaker {
    struct entry *entries; /* the one used last at the end */
    size_t size;
};

struct circuit_breaker *circuit_breaker_init(size_t size)
{
    struct circuit_breaker *breaker = calloc(1, sizeof *breaker);

    if (breaker != NULL)
        breaker->size = size;
    return breaker;
}

static void circuit_breaker_drop(struct circuit_breaker *breaker, struct entry *entry)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer loses sight of uthash's list */
    HASH_DEL(breaker->entries, entry);
    free(entry);
}

void circuit_breaker_free(struct circuit_breaker **breaker)
{
    struct entry *entry;
    struct entry *next;

    if (*breaker == NULL)
        return;
    HASH_ITER(hh, (*breaker)->entries, entry, next)
    {
        circuit_breaker_drop(*breaker, entry);
    }
    free(*breaker);
    *breaker = NULL;
}

static struct key key_of(const struct endpoint *endpoint)
{
    const struct endpoint plain = endpoint_unmapped(endpoint);
    const sa_family_t family = plain.address.any.sa_family;
    struct key key = {.family = {(unsigned char)(family >> 8), (unsigned char)family}};

    if (family == AF_INET) {
        memcpy(key.address, &plain.address.v4.sin_addr, sizeof plain.address.v4.sin_addr);
        memcpy(key.port, &plain.address.v4.sin_port, sizeof key.port);
    } else {
        memcpy(key.address, &plain.address.v6.sin6_addr, sizeof key.address);
        memcpy(key.port, &plain.address.v6.sin6_port, sizeof key.port);
    }
    return key;
}

static struct entry *circuit_breaker_find(struct circuit_breaker *breaker, const struct key *key)
{
    struct entry *entry = NULL;

    HASH_FIND(hh, breaker->entries, key, sizeof *key, entry);
    return entry;
}

/* The oldest one that no question is under way at. */
static bool circuit_breaker_make_room(struct circuit_breaker *breaker)
{
    struct entry *entry;
    struct entry *next;

    if (HASH_COUNT(breaker->entries) < breaker->size)
        return true;
    HASH_ITER(hh, breaker->entries, entry, next)
    {
        if (entry->connections == 0) {
            circuit_breaker_drop(breaker, entry);
            return true;
        }
    }
    return false;
}

/* At the end, where those stand that were used last; NULL when out of memory. */
/* NOLINTNEXTLINE(readability-function-size): what uthash expands to is not ours */
static struct entry *circuit_breaker_add(struct circuit_breaker *breaker, struct entry *entry)
{
    HASH_ADD(hh, breaker->entries, key, sizeof entry->key, entry);
    if (entry->hh.tbl != NULL)
        return entry;
    free(entry);
    return NULL;
}

static struct entry *circuit_breaker_make(struct circuit_breaker *breaker, const struct key *key)
{
    struct entry *entry = circuit_breaker_make_room(breaker) ? calloc(1, sizeof *entry) : NULL;

    if (entry == NULL)
        return NULL;
    entry->key = *key;
    return circuit_breaker_add(breaker, entry);
}

static struct entry *find_or_make(struct circuit_breaker *breaker, const struct key *key)
{
    struct entry *entry = circuit_breaker_find(breaker, key);

    if (entry == NULL)
        return circuit_breaker_make(breaker, key);
    HASH_DEL(breaker->entries, entry);
    return circuit_breaker_add(breaker, entry);
}

enum circuit_breaker_result circuit_breaker_enter(
        struct circuit_breaker *breaker, const struct endpoint *endpoint, uint64_t now)
{
    const struct key key = key_of(endpoint);
    struct entry *entry = find_or_make(breaker, &key);

    /* More places at once than we know: as if each were full. */
    if (entry == NULL)
        return CIRCUIT_BREAKER_FULL;
    /* First of all: nobody waits for room at a place that does not answer. */
    const bool tired = entry->failures >= CIRCUIT_BREAKER_FAILURES;
    if (tired && (now < entry->rest_until || entry->probing))
        return CIRCUIT_BREAKER_REST_NOW;
    if (entry->connections >= CIRCUIT_BREAKER_CONNECTIONS)
        return CIRCUIT_BREAKER_FULL;
    entry->probing = tired;
    entry->connections++;
    return CIRCUIT_BREAKER_GO;
}

void circuit_breaker_done(struct circuit_breaker *breaker, const struct endpoint *endpoint,
        bool tried, bool failed, uint64_t now)
{
    const struct key key = key_of(endpoint);
    struct entry *entry = circuit_breaker_find(breaker, &key);

    if (entry == NULL || entry->connections == 0)
        return;
    entry->connections--;
    entry->probing = false;
    if (!tried)
        return;
    entry->failures = failed ? entry->failures + 1 : 0;
    if (entry->failures >= CIRCUIT_BREAKER_FAILURES)
        entry->rest_until = now + CIRCUIT_BREAKER_REST;
}
