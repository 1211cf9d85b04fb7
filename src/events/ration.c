// SPDX-License-Identifier: ISC
#include "events/ration.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/ratelimit.h"
#include "events/privacy.h"

#define SETS 512 /* of networks, in each class */
#define WAYS 4   /* possible places for a network */

/* Lines and events of a service or milter: at once, and a second. */
static const struct share {
    uint32_t network_burst;
    uint32_t network_rate;
    uint32_t burst;
    uint32_t rate;
} shares[RATION_CLASSES] = {
        [RATION_UNANSWERED] = {100, 2, 1000, 10},
        [RATION_UNOPENED] = {100, 2, 1000, 10},
        [RATION_OPENED] = {2000, 50, 10000, 200},
        [RATION_CONFIRMED] = {2000, 50, 20000, 1000},
};

struct place {
    uint64_t network; /* 0: an unused place */
    struct ratelimit limit;
};

struct ration {
    uint32_t workers; /* tokens that one costs: so each worker has its share of the figures */
    unsigned char seed[crypto_shorthash_KEYBYTES];
    struct ratelimit total[RATION_CLASSES];
    struct place places[RATION_CLASSES][SETS][WAYS];
};

_Static_assert(crypto_shorthash_KEYBYTES == 16, "a seed of 16 octets");

static struct ratelimit ration_limit(const struct ration *r, uint32_t burst, uint32_t rate)
{
    return (struct ratelimit){.rate = rate, .burst = burst > r->workers ? burst : r->workers};
}

struct ration *ration_init(size_t workers, const unsigned char seed[16])
{
    struct ration *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->workers = workers > 0 ? (uint32_t)workers : 1;
    memcpy(r->seed, seed, sizeof r->seed);
    for (size_t i = 0; i < RATION_CLASSES; i++)
        r->total[i] = ration_limit(r, shares[i].burst, shares[i].rate);
    return r;
}

void ration_free(struct ration **ration)
{
    free(*ration);
    *ration = NULL;
}

/* The place of a network, or of the one in its set that has used least. */
static struct ratelimit *ration_of_network(
        struct ration *r, enum ration_class class, uint64_t network, uint64_t mono_ms)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t number;

    (void)crypto_shorthash(hash, (const unsigned char *)&network, sizeof network, r->seed);
    memcpy(&number, hash, sizeof number);
    struct place *set = r->places[class][number % SETS];
    struct place *least = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].network == network)
            return &set[i].limit;
        (void)ratelimit_is_full(&set[i].limit, mono_ms); /* what came back since */
        if (set[i].limit.used < least->limit.used)
            least = &set[i];
    }
    *least = (struct place){.network = network,
            .limit = ration_limit(r, shares[class].network_burst, shares[class].network_rate)};
    return &least->limit;
}

bool ration_take(
        struct ration *r, enum ration_class class, const struct endpoint *source, uint64_t mono_ms)
{
    struct ratelimit *network =
            source != NULL ? ration_of_network(r, class, privacy_network_of(source), mono_ms)
                           : NULL;

    if (network != NULL && !ratelimit_take_many(network, r->workers, mono_ms))
        return false;
    if (ratelimit_take_many(&r->total[class], r->workers, mono_ms))
        return true;
    if (network != NULL)
        ratelimit_give_back(network, r->workers);
    return false;
}
