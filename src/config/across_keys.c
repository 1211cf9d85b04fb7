// SPDX-License-Identifier: ISC
#include "config/across_keys.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/keyfile.h"
#include "base/keyfolder.h"
#include "config/across.h"
#include "config/host_keys.h"

/* What is known of the service's keys. */
struct service_keys {
    bool is_known; /* all of them were read */
    bool has_ours; /* the service_key of section `stamp` is among them */
    char newest[KEY_TEXT_MAX + 1];
};

static void across_look_at_service_key(
        struct service_keys *keys, const char *path, const unsigned char wanted[KEY_OCTETS])
{
    unsigned char public[KEY_OCTETS];
    const char *error;

    if (!keyfile_read_public(path, KEY_SERVICE_SECRET, public, &error)) {
        keys->is_known = false;
        return;
    }
    keys->has_ours = keys->has_ours || memcmp(public, wanted, KEY_OCTETS) == 0;
    if (keys->newest[0] == '\0')
        key_format(KEY_SERVICE_PUBLIC, public, keys->newest);
}

static struct service_keys across_read_service_keys(const struct config *config)
{
    struct service_keys keys = {.is_known = true};
    unsigned char wanted[KEY_OCTETS];

    if (key_parse(text_of(config->stamp->service_key.at), KEY_SERVICE_PUBLIC, wanted) != KEY_OK)
        return (struct service_keys){.is_known = false};
    for (size_t i = 0; i < config->service->keys.count; i++) {
        struct keyfolder list;
        const char *error;
        if (!keyfolder_list(config->service->keys.at[i].at, KEY_SERVICE_SECRET, &list, &error))
            keys.is_known = false;
        for (size_t k = 0; keys.is_known && k < list.count; k++)
            across_look_at_service_key(&keys, list.paths[k], wanted);
        keyfolder_free(&list);
    }
    return keys;
}

/* Where the public half of this host's key is listed. */
struct host_search {
    unsigned char public[KEY_OCTETS];
    const char *host; /* whose keys are looked at */
    const char *found;
    bool is_unknown; /* some keys could not be read */
};

static void across_on_host_key(void *context, const struct config_text *option, const char *value,
        const unsigned char public[KEY_OCTETS], const char *error)
{
    struct host_search *search = context;

    (void)option, (void)value;
    search->is_unknown = search->is_unknown || error != NULL;
    if (error == NULL && memcmp(public, search->public, KEY_OCTETS) == 0)
        search->found = search->host;
}

/* The key that the host stamps with is listed for it. */
static void across_warn_of_host_key(const struct config *config, struct problems *warnings)
{
    const struct config_stamp *stamp = config->stamp;
    struct host_search search = {.found = NULL};
    struct keyfolder list;
    const char *error;
    char text[KEY_TEXT_MAX + 1];
    char what[DOMAIN_MAX + 64];
    char expected[KEY_TEXT_MAX + DOMAIN_MAX + 64];
    const bool ok = keyfolder_list(stamp->key.at, KEY_HOST_SECRET, &list, &error) &&
                    keyfile_read_public(list.paths[0], KEY_HOST_SECRET, search.public, &error);

    for (size_t i = 0; ok && i < config->hosts_count; i++) {
        search.host = config->hosts[i].name.at;
        host_keys_read(&config->hosts[i], across_on_host_key, &search);
    }
    const bool is_right = search.found != NULL && strcasecmp(search.found, stamp->host.at) == 0;
    if (ok && !is_right && (search.found != NULL || !search.is_unknown)) {
        key_format(KEY_HOST_PUBLIC, search.public, text);
        snprintf(what, sizeof what,
                search.found != NULL ? "warning: the key of another host, %s"
                                     : "warning: a key that no host lists%s",
                search.found != NULL ? search.found : "");
        snprintf(
                expected, sizeof expected, "host \"%s\" { keys = {\"%s\"} }", stamp->host.at, text);
        problems_add(warnings, stamp->key.line, what, list.paths[0], expected);
    }
    keyfolder_free(&list);
}

/* A key of another service for domains that this one answers for, or the other way round. */
static void across_warn_of_service_key(
        const struct config *config, const struct service_keys *keys, struct problems *warnings)
{
    const struct config_stamp *stamp = config->stamp;
    bool warned = false;

    for (size_t i = 0; i < stamp->domains.count; i++) {
        const struct config_text *stamped = &stamp->domains.at[i];
        const bool is_served = across_domain(config, stamped->at) != NULL;
        if (is_served && !keys->has_ours && !warned)
            problems_add(warnings, stamp->service_key.line,
                    "warning: the service_key of another service than that of this file, which "
                    "answers for the stamped domain",
                    stamped->at, keys->newest);
        warned = warned || is_served;
        if (!is_served && keys->has_ours)
            problems_add(warnings, stamped->line,
                    "warning: a stamped domain that the service does not answer for", stamped->at,
                    "a section `domain` for it");
    }
}

void across_warn_keys(const struct config *config, struct problems *warnings)
{
    if (config->service_count == 0 || config->stamp_count == 0)
        return;
    const struct service_keys keys = across_read_service_keys(config);
    if (!keys.is_known)
        return;
    across_warn_of_service_key(config, &keys, warnings);
    if (keys.has_ours)
        across_warn_of_host_key(config, warnings);
}
