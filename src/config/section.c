// SPDX-License-Identifier: ISC
#include "config/section.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define AT(type, member) .offset = offsetof(struct type, member)
#define LIST(type, member) AT(type, member), .is_list = true
#define WITHIN(type, member)                                                                       \
    .array = offsetof(struct type, member), .count = offsetof(struct type, member##_count)

static const struct option service_options[] = {
        {"listen", &kind_listen, LIST(config_service, listen), .fallback = "*:26"},
        {"run_as", &kind_name, AT(config_service, run_as), .fallback = "verimail"},
        {"state", &kind_path, AT(config_service, state), .fallback = "/var/lib/verimail"},
        {"workers", &kind_workers, AT(config_service, workers)},
        {"keys", &kind_path, LIST(config_service, keys)},
        {"replay", &kind_replay, AT(config_service, replay)},
        {"log_format", &kind_log_format, AT(config_service, log_format), .fallback = "text"},
        {"log_level", &kind_log_level, AT(config_service, log_level), .fallback = "info"},
        {"connections", &kind_connections, AT(config_service, connections), .fallback = "10000"},
        {"connections_per_address", &kind_connections, AT(config_service, connections_per_address),
                .fallback = "100"},
        {"connections_per_network", &kind_connections, AT(config_service, connections_per_network),
                .fallback = "400"},
        {"classic_rate", &kind_rate, AT(config_service, classic_rate), .fallback = "1000"},
        {"classic_rate_per_source", &kind_rate, AT(config_service, classic_rate_per_source),
                .fallback = "50"},
        {NULL},
};

static const struct option host_options[] = {
        {"keys", &kind_host_key, LIST(config_host, keys)},
        {NULL},
};

static const struct option user_options[] = {
        {"hosts", &kind_domain, LIST(config_user, hosts),
                .given = offsetof(struct config_user, hosts_given)},
        {"more_hosts", &kind_domain, LIST(config_user, more_hosts)},
        {"allow_unauthorized", &kind_bool, AT(config_user, allow_unauthorized)},
        {NULL},
};

static const struct section domain_sections[] = {
        {.name = "user",
                .title = &kind_local,
                .title_offset = offsetof(struct config_user, local),
                .options = user_options,
                .size = sizeof(struct config_user),
                WITHIN(config_domain, users)},
        {NULL},
};

static const struct option domain_options[] = {
        {"default", &kind_bool, AT(config_domain, is_default)},
        {"hosts", &kind_domain, LIST(config_domain, hosts)},
        {"classic_key", &kind_path, AT(config_domain, classic_key)},
        {"lifetime", &kind_lifetime, AT(config_domain, lifetime), .fallback = "7d"},
        {"ttl", &kind_ttl, AT(config_domain, ttl), .fallback = "5m"},
        {"subdomains", &kind_bool, AT(config_domain, subdomains), .fallback = "true"},
        {"deny", &kind_deny, LIST(config_domain, deny)},
        {NULL},
};

static const struct option stamp_options[] = {
        {"host", &kind_domain, AT(config_stamp, host)},
        {"key", &kind_path, AT(config_stamp, key)},
        {"service_key", &kind_service_key, AT(config_stamp, service_key)},
        {"domains", &kind_domain, LIST(config_stamp, domains)},
        {NULL},
};

const struct section sections[] = {
        {.name = "service",
                .options = service_options,
                .size = sizeof(struct config_service),
                WITHIN(config, service)},
        {.name = "host",
                .title = &kind_domain,
                .title_offset = offsetof(struct config_host, name),
                .options = host_options,
                .size = sizeof(struct config_host),
                WITHIN(config, hosts)},
        {.name = "domain",
                .title = &kind_domain,
                .title_offset = offsetof(struct config_domain, name),
                .options = domain_options,
                .size = sizeof(struct config_domain),
                .within = domain_sections,
                WITHIN(config, domains)},
        {.name = "stamp",
                .options = stamp_options,
                .size = sizeof(struct config_stamp),
                WITHIN(config, stamp)},
        {NULL},
};

const struct option *section_option(const struct section *section, const char *name)
{
    for (const struct option *o = section->options; o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

bool section_defaults(const struct section *section, void *values)
{
    for (const struct option *o = section->options; o->name != NULL; o++) {
        if (o->fallback == NULL)
            continue;
        if (!o->is_list) {
            if (!o->kind->take(o->kind, o->fallback, (char *)values + o->offset))
                return false;
            continue;
        }
        struct config_text text = {0};
        if (!o->kind->take(o->kind, o->fallback, &text.at))
            return false;
        if (!config_list_add((void *)((char *)values + o->offset), text)) {
            free(text.at);
            return false;
        }
    }
    return true;
}

static void clear_array(const struct section *section, void *parent)
{
    char *array = NULL;
    size_t count = 0;

    memcpy(&array, (char *)parent + section->array, sizeof array);
    memcpy(&count, (char *)parent + section->count, sizeof count);
    for (size_t i = 0; i < count; i++)
        section_clear(section, array + i * section->size);
    free(array);
}

void section_clear(const struct section *section, void *values)
{
    char *base = values;

    for (const struct option *o = section->options; o->name != NULL; o++) {
        if (o->is_list)
            config_list_free((void *)(base + o->offset));
        else if (o->kind->is_text)
            free(((struct config_text *)(void *)(base + o->offset))->at);
    }
    if (section->title != NULL)
        free(((struct config_text *)(void *)(base + section->title_offset))->at);
    for (const struct section *s = section->within; s != NULL && s->name != NULL; s++)
        clear_array(s, values);
}

bool section_append(const struct section *section, const void *values, void *parent)
{
    char *array = NULL;
    size_t count = 0;

    memcpy(&array, (char *)parent + section->array, sizeof array);
    memcpy(&count, (char *)parent + section->count, sizeof count);
    /* Room is doubled, so a power of two is full: sections may be many. */
    if ((count & (count - 1)) == 0) {
        array = reallocarray(array, count > 0 ? count * 2 : 1, section->size);
        if (array == NULL)
            return false;
        memcpy((char *)parent + section->array, &array, sizeof array);
    }
    memcpy(array + count * section->size, values, section->size);
    count++;
    memcpy((char *)parent + section->count, &count, sizeof count);
    return true;
}
