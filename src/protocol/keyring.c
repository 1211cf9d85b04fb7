// SPDX-License-Identifier: ISC
#include "protocol/keyring.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

_Static_assert(KEY_OCTETS == crypto_box_BEFORENMBYTES, "a shared secret");

/* One guarded region: libsodium puts its end against a page that cannot be touched, so that a pair
 * too many ends the program instead of lying outside. */
struct keyring {
    size_t capacity;
    size_t count;
    struct shared_key keys[]; /* in the order of their ids */
};

/* What ends at a page's end is aligned only when its size is a multiple. */
_Static_assert(sizeof(struct shared_key) % _Alignof(struct keyring) == 0, "alignment");

static size_t region_size(size_t pairs)
{
    return sizeof(struct keyring) + pairs * sizeof(struct shared_key);
}

struct keyring *keyring_init(size_t pairs)
{
    if (pairs > (SIZE_MAX / 2) / sizeof(struct shared_key))
        return NULL;
    struct keyring *ring = sodium_malloc(region_size(pairs));
    if (ring == NULL)
        return NULL;
    ring->capacity = pairs;
    ring->count = 0;
    return ring;
}

/* sodium_free() wipes the memory, which crashes where it is still sealed. */
bool keyring_free(struct keyring **ring)
{
    struct keyring *r = *ring;

    *ring = NULL;
    if (r != NULL && sodium_mprotect_readwrite(r) != 0)
        return false;
    sodium_free(r);
    return true;
}

/* The first place whose id is not below this one. */
static size_t keyring_index_of(const struct keyring *ring, const unsigned char id[KEY_ID_OCTETS])
{
    size_t low = 0;
    size_t high = ring->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (memcmp(ring->keys[middle].id, id, KEY_ID_OCTETS) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct shared_key *keyring_find(
        const struct keyring *ring, const unsigned char id[KEY_ID_OCTETS])
{
    const size_t index = keyring_index_of(ring, id);

    if (index == ring->count || memcmp(ring->keys[index].id, id, KEY_ID_OCTETS) != 0)
        return NULL;
    return &ring->keys[index];
}

/* The secrets are compared, not only the ids: one X25519 key can be written in several ways (its
 * top bit does not count), each with an id of its own. */
static bool keyring_is_there(const struct keyring *ring, const struct shared_key *key)
{
    if (keyring_find(ring, key->id) != NULL)
        return true;
    for (size_t i = 0; i < ring->count; i++)
        if (sodium_memcmp(ring->keys[i].secret, key->secret, KEY_OCTETS) == 0)
            return true;
    return false;
}

/* Kept in order from the start: qsort() may copy the secrets to memory that is not wiped. */
static enum key_result keyring_insert(struct keyring *ring, const struct shared_key *key)
{
    const size_t index = keyring_index_of(ring, key->id);

    if (keyring_is_there(ring, key))
        return KEY_TWICE;
    memmove(&ring->keys[index + 1], &ring->keys[index], (ring->count - index) * sizeof *ring->keys);
    ring->keys[index] = *key;
    ring->count++;
    return KEY_OK;
}

/* `id` is set in `key`; the secret is made from what is ours and what is theirs. */
static enum key_result keyring_share(struct keyring *ring, struct shared_key *key,
        const unsigned char theirs[KEY_OCTETS], const unsigned char ours[KEY_OCTETS])
{
    enum key_result result = KEY_WEAK;

    if (crypto_box_beforenm(key->secret, theirs, ours) == 0)
        result = keyring_insert(ring, key);
    sodium_memzero(key, sizeof *key);
    return result;
}

enum key_result keyring_add(struct keyring *ring, const char *host,
        const unsigned char host_public[KEY_OCTETS], const unsigned char service_secret[KEY_OCTETS])
{
    struct shared_key key = {.host = host};
    unsigned char service_public[KEY_OCTETS];

    key_public(service_secret, service_public);
    key_id(host_public, service_public, key.id);
    return keyring_share(ring, &key, host_public, service_secret);
}

enum key_result keyring_add_sender(struct keyring *ring, const char *host,
        const unsigned char host_secret[KEY_OCTETS], const unsigned char service_public[KEY_OCTETS])
{
    struct shared_key key = {.host = host};
    unsigned char host_public[KEY_OCTETS];

    key_public(host_secret, host_public);
    key_id(host_public, service_public, key.id);
    return keyring_share(ring, &key, service_public, host_secret);
}

void keyring_seal(struct keyring *ring)
{
    (void)sodium_mprotect_readonly(ring);
}

/* The lock is a second line behind a machine without swap: where RLIMIT_MEMLOCK does not let us,
 * there is nothing better to do than to go on, as sodium_malloc() does too. */
void keyring_relock(struct keyring *ring)
{
    (void)sodium_mlock(ring, region_size(ring->capacity));
}

size_t keyring_count(const struct keyring *ring)
{
    return ring->count;
}

const struct shared_key *keyring_at(const struct keyring *ring, size_t index)
{
    return &ring->keys[index];
}
