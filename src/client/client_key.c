// SPDX-License-Identifier: ISC
#include "client/client_key.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define LIFE 3600000 /* milliseconds */

struct client_key {
    pthread_mutex_t lock; /* of all that follows */
    uint64_t until;       /* milliseconds; 0: none was made */
    unsigned char public[KEY_OCTETS];
    unsigned char *secret; /* KEY_OCTETS, guarded */
};

struct client_key *client_key_init(void)
{
    struct client_key *key = sodium_init() >= 0 ? calloc(1, sizeof *key) : NULL;

    if (key == NULL)
        return NULL;
    key->secret = sodium_malloc(KEY_OCTETS);
    if (key->secret == NULL) {
        free(key);
        return NULL;
    }
    pthread_mutex_init(&key->lock, NULL);
    return key;
}

void client_key_free(struct client_key **key)
{
    if (*key == NULL)
        return;
    sodium_free((*key)->secret);
    pthread_mutex_destroy(&(*key)->lock);
    free(*key);
    *key = NULL;
}

/* The pair of this hour. */
static void client_key_take(struct client_key *key, uint64_t now,
        unsigned char secret_r[KEY_OCTETS], unsigned char public_r[KEY_OCTETS])
{
    pthread_mutex_lock(&key->lock);
    if (now >= key->until) {
        randombytes_buf(key->secret, KEY_OCTETS);
        key_public(key->secret, key->public);
        key->until = now + LIFE;
    }
    memcpy(secret_r, key->secret, KEY_OCTETS);
    memcpy(public_r, key->public, KEY_OCTETS);
    pthread_mutex_unlock(&key->lock);
}

bool client_key_seal(struct client_key *key, const unsigned char answer_public[KEY_OCTETS],
        struct text question, uint64_t now, struct sealed_exchange *exchange_r, struct writer *line)
{
    unsigned char secret[KEY_OCTETS];
    unsigned char public[KEY_OCTETS];
    unsigned char id[KEY_ID_OCTETS];

    client_key_take(key, now, secret, public);
    randombytes_buf(exchange_r->nonce, sizeof exchange_r->nonce);
    sealed_key_id(answer_public, id);
    const bool ok =
            sealed_share(secret, answer_public, &exchange_r->secret) &&
            sealed_put_question(&exchange_r->secret, id, public, exchange_r->nonce, question, line);
    sodium_memzero(secret, sizeof secret);
    return ok;
}
