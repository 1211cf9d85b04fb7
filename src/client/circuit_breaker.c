// SPDX-License-Identifier: ISC
#include "client/circuit_breaker.h"

#include <stdlib.h>
#include <string.h>

#include "client/lru.h"

/* An endpoint as octets that can be compared. */
struct key {
    unsigned char address[16];
    unsigned char port[2];
    unsigned char family[2];
};

struct entry {
    struct circuit_breaker *breaker;
    unsigned connections;
    unsigned failures; /* in a row */
    bool probing;      /* after a rest one question at a time tries */
    uint64_t rest_until;
};

struct circuit_breaker {
    struct lru *entries;
    size_t size;
    struct circuit_breaker_counts counts;
};

struct circuit_breaker *circuit_breaker_init(size_t size)
{
    struct circuit_breaker *breaker = calloc(1, sizeof *breaker);

    if (breaker == NULL)
        return NULL;
    breaker->size = size;
    breaker->entries = lru_init(size, sizeof(struct entry));
    if (breaker->entries == NULL)
        circuit_breaker_free(&breaker);
    return breaker;
}

void circuit_breaker_free(struct circuit_breaker **breaker)
{
    if (*breaker == NULL)
        return;
    lru_free(&(*breaker)->entries);
    free(*breaker);
    *breaker = NULL;
}

static struct key circuit_breaker_key(const struct endpoint *endpoint)
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

static bool circuit_breaker_is_tired(const struct entry *entry)
{
    return entry->failures >= CIRCUIT_BREAKER_FAILURES;
}

/* What may go goes, and is not open any more. */
static bool circuit_breaker_may_go(void *value, const void *context)
{
    const struct entry *entry = value;

    (void)context;
    if (entry->connections > 0)
        return false;
    entry->breaker->counts.open -= circuit_breaker_is_tired(entry);
    return true;
}

/* NULL when out of memory, or when each endpoint that is known has a connection. */
static struct entry *circuit_breaker_add(struct circuit_breaker *breaker, struct text key)
{
    if (!lru_make_room(breaker->entries, breaker->size, circuit_breaker_may_go, NULL))
        return NULL;
    struct entry *entry = lru_add(breaker->entries, key);
    if (entry != NULL)
        entry->breaker = breaker;
    return entry;
}

enum circuit_breaker_result circuit_breaker_enter(
        struct circuit_breaker *breaker, const struct endpoint *endpoint, uint64_t now)
{
    const struct key octets = circuit_breaker_key(endpoint);
    const struct text key = {(const char *)&octets, sizeof octets};
    struct entry *entry = lru_use(breaker->entries, key);

    if (entry == NULL)
        entry = circuit_breaker_add(breaker, key);
    if (entry == NULL)
        return CIRCUIT_BREAKER_FULL;
    /* Comes first: no question waits for a connection to an endpoint that does not answer. */
    const bool tired = circuit_breaker_is_tired(entry);
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
    const struct key octets = circuit_breaker_key(endpoint);
    struct entry *entry =
            lru_find(breaker->entries, (struct text){(const char *)&octets, sizeof octets});

    if (entry == NULL || entry->connections == 0)
        return;
    entry->connections--;
    entry->probing = false;
    if (!tried)
        return;
    const bool was_tired = circuit_breaker_is_tired(entry);
    entry->failures = failed ? entry->failures + 1 : 0;
    const bool tired = circuit_breaker_is_tired(entry);
    if (tired)
        entry->rest_until = now + CIRCUIT_BREAKER_REST;
    breaker->counts.tripped += tired && !was_tired;
    breaker->counts.open += tired && !was_tired;
    breaker->counts.open -= was_tired && !tired;
}

struct circuit_breaker_counts circuit_breaker_counts(const struct circuit_breaker *breaker)
{
    return breaker->counts;
}
