// SPDX-License-Identifier: ISC
#include "verimaild/answer_keys.h"

#include <sodium.h>
#include <string.h>

#include "config/host_keys.h"
#include "protocol/sealed.h"
#include "verimaild/key_secrets.h"

struct answer_key {
    unsigned char id[KEY_ID_OCTETS];
    unsigned char public[KEY_OCTETS];
    unsigned char secret[KEY_OCTETS];
};

/* One guarded region, as a keyring is. */
struct answer_keys {
    size_t count;
    struct answer_key keys[];
};

_Static_assert(sizeof(struct answer_key) % _Alignof(struct answer_keys) == 0, "alignment");

static bool answer_keys_has(const struct answer_keys *keys, const unsigned char public[KEY_OCTETS])
{
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->keys[i].public, public, KEY_OCTETS) == 0)
            return true;
    return false;
}

/* Whoever gets hold of a key must not have the other, which does something else. */
static void answer_keys_complain(struct problems *problems, unsigned line, const char *whose)
{
    problems_add(problems, line, "an answer key that is another key too", whose,
            "a key of its own, as `verimail keygen answer` makes it");
}

struct answer_search {
    const struct answer_keys *keys;
    struct problems *problems;
    unsigned line;
};

static void answer_keys_on_host_key(void *context, const struct config_text *option,
        const char *value, const unsigned char public[KEY_OCTETS], const char *error)
{
    const struct answer_search *search = context;

    (void)option;
    if (error == NULL && answer_keys_has(search->keys, public))
        answer_keys_complain(search->problems, search->line, value);
}

static void answer_keys_check_others(
        const struct answer_keys *keys, const struct config *config, struct problems *problems)
{
    struct problems *said = problems_init(NULL); /* live_keys_load() says what cannot be read */
    struct key_secrets service;
    struct answer_search search = {keys, problems, config->service->answer_keys.at[0].line};
    unsigned char public[KEY_OCTETS];

    if (said == NULL) {
        problems_add_memory(problems);
        return;
    }
    key_secrets_load(&config->service->keys, KEY_SERVICE_SECRET, &service, said);
    for (size_t i = 0; i < service.count; i++) {
        key_public(service.octets + i * KEY_OCTETS, public);
        if (answer_keys_has(keys, public))
            answer_keys_complain(problems, search.line, "a service key");
    }
    key_secrets_free(&service);
    problems_free(&said);
    for (size_t i = 0; i < config->hosts_count; i++)
        host_keys_read(&config->hosts[i], answer_keys_on_host_key, &search);
}

static void answer_keys_add(struct answer_keys *keys, const unsigned char secret[KEY_OCTETS],
        unsigned line, struct problems *problems)
{
    struct answer_key *key = &keys->keys[keys->count];

    memcpy(key->secret, secret, KEY_OCTETS);
    key_public(secret, key->public);
    sealed_key_id(key->public, key->id);
    if (answer_keys_find(keys, key->id) != NULL)
        problems_add(problems, line, "a second answer key", "the same one", "each key once");
    else
        keys->count++;
}

struct answer_keys *answer_keys_load(const struct config *config, struct problems *problems)
{
    const struct config_list *option = &config->service->answer_keys;
    struct key_secrets secrets;

    key_secrets_load(option, KEY_ANSWER_SECRET, &secrets, problems);
    struct answer_keys *keys =
            sodium_malloc(sizeof *keys + secrets.count * sizeof(struct answer_key));
    if (keys == NULL) {
        problems_add_memory(problems);
        key_secrets_free(&secrets);
        return NULL;
    }
    keys->count = 0;
    for (size_t i = 0; i < secrets.count; i++)
        answer_keys_add(keys, secrets.octets + i * KEY_OCTETS, option->at[0].line, problems);
    key_secrets_free(&secrets);
    if (keys->count > 0)
        answer_keys_check_others(keys, config, problems);
    (void)sodium_mprotect_readonly(keys);
    return keys;
}

bool answer_keys_free(struct answer_keys **keys)
{
    struct answer_keys *k = *keys;

    *keys = NULL;
    if (k != NULL && sodium_mprotect_readwrite(k) != 0)
        return false;
    sodium_free(k);
    return true;
}

void answer_keys_relock(struct answer_keys *keys)
{
    (void)sodium_mlock(keys, sizeof *keys + keys->count * sizeof(struct answer_key));
}

const unsigned char *answer_keys_find(
        const struct answer_keys *keys, const unsigned char id[KEY_ID_OCTETS])
{
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->keys[i].id, id, KEY_ID_OCTETS) == 0)
            return keys->keys[i].secret;
    return NULL;
}
