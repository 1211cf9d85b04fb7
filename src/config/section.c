// SPDX-License-Identifier: ISC
#include "config/section.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "protocol/text.h"

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
        {"replay_password", &kind_password, AT(config_service, replay_password)},
        {"replay_ca", &kind_path, AT(config_service, replay_ca)},
        {"events", &kind_events, AT(config_service, events)},
        {"events_keep", &kind_keep, AT(config_service, events_keep), .fallback = "90d"},
        {"events_ip", &kind_events_ip, AT(config_service, events_ip), .fallback = "full"},
        {"metrics", &kind_metrics, AT(config_service, metrics)},
        {"alarm_forgeries", &kind_alarm, AT(config_service, alarm_forgeries), .fallback = "100"},
        {"renew_keys", &kind_keep, AT(config_service, renew_keys), .fallback = "365d"},
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
        {"checks_per_recipient", &kind_checks, AT(config_domain, checks_per_recipient),
                .fallback = "4"},
        {"users", &kind_table, AT(config_domain, table)},
        {NULL},
};

static const struct option stamp_options[] = {
        {"host", &kind_domain, AT(config_stamp, host)},
        {"key", &kind_path, AT(config_stamp, key)},
        {"service_key", &kind_service_key, AT(config_stamp, service_key)},
        {"domains", &kind_domain, LIST(config_stamp, domains)},
        {NULL},
};

static const struct option verify_options[] = {
        {"authserv_id", &kind_domain, AT(config_verify, authserv_id)},
        {"mode", &kind_mode, AT(config_verify, mode), .fallback = "enforce"},
        {"on_no", &kind_on_no, AT(config_verify, on_no), .fallback = "reject"},
        {"on_permerror", &kind_on_permerror, AT(config_verify, on_permerror), .fallback = "reject"},
        {"on_temperror", &kind_or_tempfail, AT(config_verify, on_temperror), .fallback = "accept"},
        {"timeout", &kind_timeout, AT(config_verify, timeout), .fallback = "5s"},
        {"send_ip", &kind_bool, AT(config_verify, send_ip), .fallback = "true"},
        {"resolver", &kind_resolver, AT(config_verify, resolver)},
        {"trust_anchors", &kind_anchor, LIST(config_verify, trust_anchors),
                .given = offsetof(struct config_verify, trust_anchors_given)},
        {"allow_networks", &kind_network, LIST(config_verify, allow_networks)},
        {"allow_ports", &kind_port, LIST(config_verify, allow_ports)},
        {"budget_per_domain", &kind_budget, AT(config_verify, budget_per_domain),
                .fallback = "600"},
        {"budget_per_address", &kind_budget, AT(config_verify, budget_per_address),
                .fallback = "6000"},
        {NULL},
};

static const struct option milter_options[] = {
        {"socket", &kind_socket, AT(config_milter, socket)},
        {"socket_mode", &kind_socket_mode, AT(config_milter, socket_mode), .fallback = "0660"},
        {"socket_group", &kind_group, AT(config_milter, socket_group)},
        {"run_as", &kind_name, AT(config_milter, run_as), .fallback = "verimail"},
        {"trusted_networks", &kind_network, LIST(config_milter, trusted_networks),
                .fallback = "127.0.0.0/8,::1"},
        {"trusted_daemons", &kind_daemon, LIST(config_milter, trusted_daemons)},
        {"stamp_relayed", &kind_network, LIST(config_milter, stamp_relayed)},
        {"logins", &kind_logins, AT(config_milter, logins), .fallback = "same"},
        {"on_foreign_from", &kind_or_reject, AT(config_milter, on_foreign_from),
                .fallback = "accept"},
        {"stamp_errors", &kind_or_tempfail, AT(config_milter, stamp_errors), .fallback = "accept"},
        {"log_format", &kind_log_format, AT(config_milter, log_format), .fallback = "text"},
        {"log_level", &kind_log_level, AT(config_milter, log_level), .fallback = "info"},
        {NULL},
};

static const struct option directory_options[] = {
        {"table", &kind_table, AT(config_directory, table)},
        {"source", &kind_source, AT(config_directory, source)},
        {"password", &kind_password, AT(config_directory, password)},
        {"query", &kind_lines, AT(config_directory, query)},
        {"bind_dn", &kind_phrase, AT(config_directory, bind_dn)},
        {"base", &kind_phrase, AT(config_directory, base)},
        {"filter", &kind_lines, AT(config_directory, filter),
                .fallback = "(|(mail=*)(proxyAddresses=*))"},
        {"addresses", &kind_attribute, LIST(config_directory, addresses),
                .fallback = "mail,proxyAddresses"},
        {"hosts", &kind_attribute, AT(config_directory, hosts)},
        {"more_hosts", &kind_attribute, AT(config_directory, more_hosts)},
        {"allow_unauthorized", &kind_attribute, AT(config_directory, allow_unauthorized)},
        {"ca", &kind_path, AT(config_directory, ca)},
        {"start_tls", &kind_bool, AT(config_directory, start_tls)},
        {"keep_at_least", &kind_share, AT(config_directory, keep_at_least), .fallback = "50"},
        {"timeout", &kind_patience, AT(config_directory, timeout), .fallback = "60s"},
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
        {.name = "verify",
                .options = verify_options,
                .size = sizeof(struct config_verify),
                WITHIN(config, verify)},
        {.name = "milter",
                .options = milter_options,
                .size = sizeof(struct config_milter),
                WITHIN(config, milter)},
        {.name = "directory",
                .title = &kind_phrase,
                .title_offset = offsetof(struct config_directory, name),
                .options = directory_options,
                .size = sizeof(struct config_directory),
                WITHIN(config, directories)},
        {NULL},
};

const struct option *section_option(const struct section *section, const char *name)
{
    for (const struct option *o = section->options; o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

static bool default_list(const struct option *option, struct config_list *list)
{
    char value[64];
    struct reader values = reader_of(text_of(option->fallback));

    while (values.rest.len > 0) {
        const struct text one = reader_field(&values, ',');
        struct config_text text = {0};
        if (one.len >= sizeof value)
            return false;
        memcpy(value, one.at, one.len);
        value[one.len] = '\0';
        if (!option->kind->take(option->kind, value, &text.at))
            return false;
        if (!config_list_add(list, text)) {
            free(text.at);
            return false;
        }
    }
    return true;
}

bool section_defaults(const struct section *section, void *values)
{
    for (const struct option *o = section->options; o->name != NULL; o++) {
        void *at = (char *)values + o->offset;
        if (o->fallback == NULL)
            continue;
        if (o->is_list ? !default_list(o, at) : !o->kind->take(o->kind, o->fallback, at))
            return false;
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
