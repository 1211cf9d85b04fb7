// SPDX-License-Identifier: ISC
#include "verimaild/sealed_clients.h"

#include <sodium.h>
#include <string.h>

/* Each client has one place among those of its set, which its key names by a keyed hash: nobody
 * chooses whose place it takes. */
#define WAYS 8
#define SETS (SEALED_CLIENTS / WAYS)

_Static_assert(SETS *WAYS == SEALED_CLIENTS && (SETS & (SETS - 1)) == 0, "whole sets");

struct sealed_client {
    unsigned char key_id[KEY_ID_OCTETS];
    unsigned char client[KEY_OCTETS];
    struct sealed_secret secret;
    uint64_t used; /* 0: the place is free */
    bool is_genuine;
};

struct sealed_clients {
    uint64_t turn; /* of the last use */
    unsigned char seed[crypto_shorthash_KEYBYTES];
    struct sealed_client sets[SETS][WAYS];
};

struct sealed_clients *sealed_clients_init(const unsigned char seed[16])
{
    struct sealed_clients *clients = sodium_malloc(sizeof *clients);

    if (clients == NULL)
        return NULL;
    memset(clients, 0, sizeof *clients);
    memcpy(clients->seed, seed, sizeof clients->seed);
    return clients;
}

void sealed_clients_free(struct sealed_clients **clients)
{
    sodium_free(*clients);
    *clients = NULL;
}

static struct sealed_client *sealed_clients_set(
        struct sealed_clients *clients, const unsigned char client[KEY_OCTETS])
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint32_t number;

    (void)crypto_shorthash(hash, client, KEY_OCTETS, clients->seed);
    memcpy(&number, hash, sizeof number);
    return clients->sets[number % SETS];
}

static struct sealed_client *sealed_clients_look(struct sealed_client *set,
        const unsigned char key_id[KEY_ID_OCTETS], const unsigned char client[KEY_OCTETS])
{
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].used > 0 && memcmp(set[i].client, client, KEY_OCTETS) == 0 &&
                memcmp(set[i].key_id, key_id, KEY_ID_OCTETS) == 0)
            return &set[i];
    return NULL;
}

bool sealed_clients_find(struct sealed_clients *clients, const unsigned char key_id[KEY_ID_OCTETS],
        const unsigned char client[KEY_OCTETS], struct sealed_secret *secret_r)
{
    struct sealed_client *found =
            sealed_clients_look(sealed_clients_set(clients, client), key_id, client);

    if (found == NULL)
        return false;
    found->used = ++clients->turn;
    *secret_r = found->secret;
    return true;
}

/* The one that was used longest ago, of those whose payloads did not open if there is one. NULL:
 * all are better than this one. */
static struct sealed_client *sealed_clients_worst(struct sealed_client *set, bool is_genuine)
{
    struct sealed_client *worst = NULL;

    for (size_t i = 0; i < WAYS; i++)
        if ((!set[i].is_genuine || is_genuine) &&
                (worst == NULL || set[i].is_genuine < worst->is_genuine ||
                        (set[i].is_genuine == worst->is_genuine && set[i].used < worst->used)))
            worst = &set[i];
    return worst;
}

void sealed_clients_keep(struct sealed_clients *clients, const unsigned char key_id[KEY_ID_OCTETS],
        const unsigned char client[KEY_OCTETS], const struct sealed_secret *secret, bool is_genuine)
{
    struct sealed_client *set = sealed_clients_set(clients, client);
    struct sealed_client *place = sealed_clients_look(set, key_id, client);

    if (place != NULL) {
        place->is_genuine = place->is_genuine || is_genuine;
        return;
    }
    place = sealed_clients_worst(set, is_genuine);
    if (place == NULL)
        return;
    memcpy(place->key_id, key_id, KEY_ID_OCTETS);
    memcpy(place->client, client, KEY_OCTETS);
    place->secret = *secret;
    place->used = ++clients->turn;
    place->is_genuine = is_genuine;
}
