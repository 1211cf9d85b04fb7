// SPDX-License-Identifier: ISC
#include "verimaild/live_keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyfile.h"
#include "base/keyfolder.h"
#include "config/host_keys.h"
#include "config/unusable.h"

/* A host's public key, and where it came from. */
struct host_key {
    const char *host;
    unsigned line;
    char *value; /* the key's text, or its file's path; owned */
    unsigned char public[KEY_OCTETS];
};

struct live_keys {
    struct problems *problems;
    struct host_key *hosts;
    size_t hosts_count;
    unsigned char *secrets; /* KEY_OCTETS each, in guarded memory */
    size_t secrets_count;
};

static void live_keys_add_unusable(struct live_keys *keys, const struct config_text *option,
        enum key_kind kind, const char *path, const char *error)
{
    const bool is_public = key_kind_is_public(kind);

    unusable_add(keys->problems,
            &(struct unusable){.line = option->line,
                    .which = is_public ? "host key" : "service key",
                    .path = path,
                    .error = error,
                    .expected = is_public ? "host-public:..., as `verimail keygen host` prints it"
                                          : "a file that `verimail keygen service` made, and that "
                                            "verimaild can read"});
}

/* Takes `value` over. */
static bool live_keys_add_host(struct live_keys *keys, const char *host, unsigned line, char *value,
        const unsigned char public[KEY_OCTETS])
{
    struct host_key *larger =
            value != NULL ? reallocarray(keys->hosts, keys->hosts_count + 1, sizeof *larger) : NULL;

    if (larger == NULL) {
        free(value);
        problems_add_memory(keys->problems);
        return false;
    }
    keys->hosts = larger;
    struct host_key *key = &keys->hosts[keys->hosts_count++];
    *key = (struct host_key){.host = host, .line = line, .value = value};
    memcpy(key->public, public, KEY_OCTETS);
    return true;
}

/* The hosts' keys that are being read. */
struct host_reading {
    struct live_keys *keys;
    const char *host;
};

static void live_keys_on_host_key(void *context, const struct config_text *option,
        const char *value, const unsigned char public[KEY_OCTETS], const char *error)
{
    const struct host_reading *reading = context;

    if (error != NULL)
        live_keys_add_unusable(reading->keys, option, KEY_HOST_PUBLIC, value, error);
    else
        (void)live_keys_add_host(reading->keys, reading->host, option->line, strdup(value), public);
}

static void live_keys_read_hosts(struct live_keys *keys, const struct config *config)
{
    for (size_t i = 0; i < config->hosts_count; i++)
        host_keys_read(&config->hosts[i], live_keys_on_host_key,
                &(struct host_reading){keys, config->hosts[i].name.at});
}

/* Room for more secrets; what was there moves within guarded memory. */
static bool live_keys_reserve(struct live_keys *keys, size_t more)
{
    unsigned char *larger = sodium_malloc((keys->secrets_count + more) * KEY_OCTETS);

    if (larger == NULL) {
        problems_add_memory(keys->problems);
        return false;
    }
    if (keys->secrets_count > 0)
        memcpy(larger, keys->secrets, keys->secrets_count * KEY_OCTETS);
    sodium_free(keys->secrets);
    keys->secrets = larger;
    return true;
}

static void live_keys_read_service(struct live_keys *keys, const struct config_text *option)
{
    struct keyfolder list = {0};
    const char *error = NULL;

    if (!keyfolder_list(option->at, KEY_SERVICE_SECRET, &list, &error))
        live_keys_add_unusable(keys, option, KEY_SERVICE_SECRET, option->at, error);
    else if (!live_keys_reserve(keys, list.count))
        error = "out of memory";
    for (size_t i = 0; error == NULL && i < list.count; i++) {
        unsigned char *secret = keys->secrets + keys->secrets_count * KEY_OCTETS;
        const char *fault = NULL;
        if (keyfile_read(list.paths[i], KEY_SERVICE_SECRET, secret, &fault))
            keys->secrets_count++;
        else
            live_keys_add_unusable(keys, option, KEY_SERVICE_SECRET, list.paths[i], fault);
    }
    keyfolder_free(&list);
}

static void live_keys_pair(
        struct live_keys *keys, const struct host_key *key, size_t secret, struct keyring *ring)
{
    const enum key_result result =
            keyring_add(ring, key->host, key->public, keys->secrets + secret * KEY_OCTETS);

    if (result != KEY_OK)
        problems_add(keys->problems, key->line, "unusable host key", key->value,
                result == KEY_TWICE ? "a key of its own for each host" : key_result_text(result));
}

struct keyring *live_keys_load(const struct config *config, struct problems *problems)
{
    struct live_keys keys = {.problems = problems};

    live_keys_read_hosts(&keys, config);
    for (size_t i = 0; i < config->service->keys.count; i++)
        live_keys_read_service(&keys, &config->service->keys.at[i]);
    struct keyring *ring = keyring_init(keys.hosts_count * keys.secrets_count);
    if (ring == NULL)
        problems_add_memory(problems);
    for (size_t s = 0; ring != NULL && s < keys.secrets_count; s++)
        for (size_t h = 0; h < keys.hosts_count; h++)
            live_keys_pair(&keys, &keys.hosts[h], s, ring);
    if (ring != NULL)
        keyring_seal(ring);
    for (size_t i = 0; i < keys.hosts_count; i++)
        free(keys.hosts[i].value);
    free(keys.hosts);
    sodium_free(keys.secrets);
    return ring;
}
