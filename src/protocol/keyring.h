// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_KEYRING_H
#define VERIMAIL_PROTOCOL_KEYRING_H

#include <stddef.h>

#include "protocol/key.h"

/* All pairs of a live service key and a live host key, each with the secret that the two share
 * (crypto_box_beforenm), computed once. It lies in libsodium's guarded memory: not swapped, not
 * dumped, wiped when freed, read-only after keyring_seal(). */
struct keyring;

struct shared_key {
    unsigned char id[KEY_ID_OCTETS];
    unsigned char secret[KEY_OCTETS];
    const char *host; /* A-label, borrowed from the caller of keyring_add() */
};

/* Room for `pairs` pairs. NULL when out of memory. sodium_init() must have been called before. */
struct keyring *keyring_init(size_t pairs);
/* False with errno: the kernel did not unseal the memory. It stays, with its keys, until this
 * process ends. */
bool keyring_free(struct keyring **ring);

/* KEY_WEAK when the keys share nothing; KEY_TWICE when this pair is there already, in whatever
 * notation (for another host: one host must not speak for another). The ring must have room for it:
 * a pair too many ends the program. */
enum key_result keyring_add(struct keyring *ring, const char *host,
        const unsigned char host_public[KEY_OCTETS], const unsigned char service_secret[KEY_OCTETS])
        __attribute__((warn_unused_result));
/* Makes the ring read-only: from here on any write to it, keyring_add() too, ends the program. */
void keyring_seal(struct keyring *ring);
/* Locks the pages in memory once more: a lock is not inherited over fork(). RLIMIT_MEMLOCK may
 * prevent it: a ring that is not locked works as well. */
void keyring_relock(struct keyring *ring);

size_t keyring_count(const struct keyring *ring);
/* `index` below keyring_count(); in the order of the ids. */
const struct shared_key *keyring_at(const struct keyring *ring, size_t index);
/* NULL when no pair has this id. */
const struct shared_key *keyring_find(
        const struct keyring *ring, const unsigned char id[KEY_ID_OCTETS]);

/* The sending host's side: the one shared key for its secret and the service's public key. */
enum key_result keyring_add_sender(struct keyring *ring, const char *host,
        const unsigned char host_secret[KEY_OCTETS], const unsigned char service_public[KEY_OCTETS])
        __attribute__((warn_unused_result));

#endif
