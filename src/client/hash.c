// SPDX-License-Identifier: ISC
#include "client/hash.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

static unsigned char secret[crypto_shorthash_KEYBYTES];

static void make_secret(void)
{
    randombytes_buf(secret, sizeof secret);
}

unsigned hash_octets(const void *key, size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned char hash[crypto_shorthash_BYTES];
    uint32_t value;

    (void)pthread_once(&once, make_secret);
    (void)crypto_shorthash(hash, key, len, secret);
    memcpy(&value, hash, sizeof value);
    return value;
}
