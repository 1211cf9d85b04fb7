// SPDX-License-Identifier: ISC
#include "verimaild/live_keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "config/host_keys.h"
#include "config/unusable.h"
#include "verimaild/key_secrets.h"

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
    struct key_secrets secrets;
};

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
        unusable_add(reading->keys->problems,
                &(struct unusable){.line = option->line,
                        .which = "host key",
                        .path = value,
                        .error = error,
                        .expected = "host-public:..., as `verimail keygen host` prints it"});
    else
        (void)live_keys_add_host(reading->keys, reading->host, option->line, strdup(value), public);
}

static void live_keys_read_hosts(struct live_keys *keys, const struct config *config)
{
    for (size_t i = 0; i < config->hosts_count; i++)
        host_keys_read(&config->hosts[i], live_keys_on_host_key,
                &(struct host_reading){keys, config->hosts[i].name.at});
}

static void live_keys_pair(
        struct live_keys *keys, const struct host_key *key, size_t secret, struct keyring *ring)
{
    const enum key_result result =
            keyring_add(ring, key->host, key->public, keys->secrets.octets + secret * KEY_OCTETS);

    if (result != KEY_OK)
        problems_add(keys->problems, key->line, "unusable host key", key->value,
                result == KEY_TWICE ? "a key of its own for each host" : key_result_text(result));
}

struct keyring *live_keys_load(const struct config *config, struct problems *problems)
{
    struct live_keys keys = {.problems = problems};

    live_keys_read_hosts(&keys, config);
    key_secrets_load(&config->service->keys, KEY_SERVICE_SECRET, &keys.secrets, problems);
    struct keyring *ring = keyring_init(keys.hosts_count * keys.secrets.count);
    if (ring == NULL)
        problems_add_memory(problems);
    for (size_t s = 0; ring != NULL && s < keys.secrets.count; s++)
        for (size_t h = 0; h < keys.hosts_count; h++)
            live_keys_pair(&keys, &keys.hosts[h], s, ring);
    if (ring != NULL)
        keyring_seal(ring);
    for (size_t i = 0; i < keys.hosts_count; i++)
        free(keys.hosts[i].value);
    free(keys.hosts);
    key_secrets_free(&keys.secrets);
    return ring;
}
