// SPDX-License-Identifier: ISC
#include "config/section.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "protocol/text.h"

#define NAME_SIZE 32 /* of an option's or section's name, with a NUL */

#define AT(type, member) .offset = offsetof(struct type, member)
#define LIST(type, member) AT(type, member), .is_list = true
#define WITHIN(type, member)                                                                       \
    .array = offsetof(struct type, member), .count = offsetof(struct type, member##_count)

static const struct option service_options[] = {
        {"listen", &option_type_listen, LIST(config_service, listen), .fallback = "*:26",
                .required = "listen = {\"*:26\"}"},
        {"run_as", &option_type_user, AT(config_service, run_as), .fallback = "verimail"},
        {"state", &option_type_path, AT(config_service, state), .fallback = "/var/lib/verimail"},
        {"workers", &option_type_workers, AT(config_service, workers)},
        {"keys", &option_type_path, LIST(config_service, keys),
                .required = "keys = {\"/etc/verimail/service.key\"}"},
        {"answer_keys", &option_type_path, LIST(config_service, answer_keys)},
        {"replay", &option_type_replay, AT(config_service, replay)},
        {"replay_password", &option_type_password, AT(config_service, replay_password)},
        {"replay_ca", &option_type_path, AT(config_service, replay_ca)},
        {"metrics", &option_type_metrics, AT(config_service, metrics)},
        {"alarm_forgeries", &option_type_alarm, AT(config_service, alarm_forgeries),
                .fallback = "100"},
        {"alarm_sending", &option_type_alarm, AT(config_service, alarm_sending), .fallback = "60"},
        {"alarm_texts", &option_type_alarm_texts, AT(config_service, alarm_texts),
                .fallback = "20"},
        {"connections", &option_type_connections, AT(config_service, connections),
                .fallback = "10000"},
        {"connections_per_address", &option_type_connections,
                AT(config_service, connections_per_address), .fallback = "100"},
        {NULL},
};

static const struct option record_options[] = {
        {"store", &option_type_record_store, AT(config_record, store), .fallback = "sqlite"},
        {"keep", &option_type_keep, AT(config_record, keep), .fallback = "90d"},
        {"size", &option_type_record_size, AT(config_record, size), .fallback = "10G"},
        {"ip", &option_type_record_ip, AT(config_record, ip), .fallback = "network"},
        {NULL},
};

static const struct option log_options[] = {
        {"format", &option_type_log_format, AT(config_log, format), .fallback = "text"},
        {"level", &option_type_log_level, AT(config_log, level), .fallback = "info"},
        {NULL},
};

static const struct option host_options[] = {
        {"keys", &option_type_host_key, LIST(config_host, keys),
                .required = "keys = {\"host-public:...\"}"},
        {"expires", &option_type_end, AT(config_host, expires)},
        {NULL},
};

static const struct option user_options[] = {
        {"hosts", &option_type_domain, LIST(config_user, hosts),
                .given = offsetof(struct config_user, hosts_given)},
        {"more_hosts", &option_type_domain, LIST(config_user, more_hosts)},
        {"allow_unauthorized", &option_type_bool, AT(config_user, allow_unauthorized)},
        {"not_before", &option_type_date, AT(config_user, not_before)},
        {NULL},
};

static const struct section domain_sections[] = {
        {.name = "user",
                .title = &option_type_local,
                .title_offset = offsetof(struct config_user, local),
                .options = user_options,
                .size = sizeof(struct config_user),
                WITHIN(config_domain, users)},
        {NULL},
};

static const struct option domain_options[] = {
        {"default", &option_type_bool, AT(config_domain, is_default)},
        {"testing", &option_type_bool, AT(config_domain, policy.testing)},
        {"hosts", &option_type_domain, LIST(config_domain, hosts)},
        {"classic_key", &option_type_path, AT(config_domain, classic_key)},
        {"lifetime", &option_type_lifetime, AT(config_domain, policy.lifetime), .fallback = "7d"},
        {"ttl", &option_type_ttl, AT(config_domain, policy.ttl), .fallback = "5m"},
        {"subdomains", &option_type_bool, AT(config_domain, policy.subdomains)},
        {"deny", &option_type_deny, LIST(config_domain, deny)},
        {"checks_per_recipient", &option_type_checks,
                AT(config_domain, policy.checks_per_recipient), .fallback = "4"},
        {"users", &option_type_table, AT(config_domain, table)},
        {NULL},
};

static const struct option peer_options[] = {
        {"address", &option_type_service, AT(config_peer, address),
                .required = "address = \"127.0.0.1:26\""},
        {"key", &option_type_answer_key, AT(config_peer, key)},
        {NULL},
};

static const struct option stamp_options[] = {
        {"host", &option_type_domain, AT(config_stamp, host),
                .required =
                        "host = \"mail.example.org\", this machine's name as the service lists it"},
        {"key", &option_type_path, AT(config_stamp, key),
                .required = "key = \"/etc/verimail/host.key\""},
        {"service_key", &option_type_service_key, AT(config_stamp, service_key),
                .required = "service_key = \"service-public:...\""},
        {"domains", &option_type_domain, LIST(config_stamp, domains),
                .required = "domains = {\"example.org\"}"},
        {NULL},
};

static const struct option verify_options[] = {
        {"authserv_id", &option_type_domain, AT(config_verify, authserv_id),
                .required = "authserv_id = \"mx.example.net\", the name that "
                            "Authentication-Results begins with"},
        {"mode", &option_type_mode, AT(config_verify, mode), .fallback = "enforce"},
        {"on_no", &option_type_on_no, AT(config_verify, on_no), .fallback = "reject"},
        {"on_permerror", &option_type_on_permerror, AT(config_verify, on_permerror),
                .fallback = "reject"},
        {"on_temperror", &option_type_or_tempfail, AT(config_verify, on_temperror),
                .fallback = "accept"},
        {"on_backscatter", &option_type_on_backscatter, AT(config_verify, on_backscatter),
                .fallback = "mark"},
        {"send_ip", &option_type_bool, AT(config_verify, send_ip), .fallback = "true"},
        {"send_rcpt", &option_type_bool, AT(config_verify, send_rcpt), .fallback = "true"},
        {"resolver", &option_type_resolver, AT(config_verify, resolver)},
        {"trust_anchors", &option_type_anchor, LIST(config_verify, trust_anchors),
                .given = offsetof(struct config_verify, trust_anchors_given)},
        {"allow_networks", &option_type_network, LIST(config_verify, allow_networks)},
        {"allow_ports", &option_type_port, LIST(config_verify, allow_ports)},
        {"budget_per_domain", &option_type_budget, AT(config_verify, budget_per_domain),
                .fallback = "6000"},
        {NULL},
};

static const struct option milter_options[] = {
        {"state", &option_type_path, AT(config_milter, state), .fallback = "/var/lib/verimail"},
        {"metrics", &option_type_metrics, AT(config_milter, metrics)},
        {"alarm_sending", &option_type_alarm, AT(config_milter, alarm_sending),
                .given = offsetof(struct config_milter, alarm_sending_given), .fallback = "60"},
        {"socket", &option_type_socket, AT(config_milter, socket),
                .required = "socket = \"unix:/var/spool/postfix/verimail/milter.sock\""},
        {"clients", &option_type_network, LIST(config_milter, clients),
                .given = offsetof(struct config_milter, clients_given),
                .fallback = "127.0.0.0/8,::1"},
        {"socket_mode", &option_type_socket_mode, AT(config_milter, socket_mode),
                .fallback = "0660"},
        {"socket_group", &option_type_group, AT(config_milter, socket_group)},
        {"run_as", &option_type_user, AT(config_milter, run_as), .fallback = "verimail"},
        {"trusted_networks", &option_type_network, LIST(config_milter, trusted_networks),
                .fallback = "127.0.0.0/8,::1"},
        {"trusted_daemons", &option_type_daemon, LIST(config_milter, trusted_daemons)},
        {"stamp_relayed", &option_type_relayed, LIST(config_milter, stamp_relayed)},
        {"relayed_mark", &option_type_relayed_mark, AT(config_milter, relayed_mark)},
        {"logins", &option_type_logins, AT(config_milter, logins), .fallback = "same"},
        {"on_foreign_from", &option_type_or_reject, AT(config_milter, on_foreign_from),
                .fallback = "reject"},
        {NULL},
};

static const struct option directory_options[] = {
        {"table", &option_type_table, AT(config_directory, table),
                .required = "table = \"lmdb:/var/lib/verimail/users\""},
        {"source", &option_type_source, AT(config_directory, source),
                .required = "source = \"postgresql://db.example.org/mail\" or "
                            "\"ldaps://dc.example.org\""},
        {"password", &option_type_password, AT(config_directory, password)},
        {"query", &option_type_lines, AT(config_directory, query)},
        {"bind_dn", &option_type_phrase, AT(config_directory, bind_dn)},
        {"base", &option_type_phrase, AT(config_directory, base)},
        {"filter", &option_type_lines, AT(config_directory, filter),
                .fallback = "(|(mail=*)(proxyAddresses=*))"},
        {"addresses", &option_type_attribute, LIST(config_directory, addresses),
                .fallback = "mail,proxyAddresses"},
        {"hosts", &option_type_attribute, AT(config_directory, hosts)},
        {"more_hosts", &option_type_attribute, AT(config_directory, more_hosts)},
        {"allow_unauthorized", &option_type_attribute, AT(config_directory, allow_unauthorized)},
        {"not_before", &option_type_attribute, AT(config_directory, not_before)},
        {"ca", &option_type_path, AT(config_directory, ca)},
        {"start_tls", &option_type_bool, AT(config_directory, start_tls)},
        {"timeout", &option_type_timeout, AT(config_directory, timeout), .fallback = "60s"},
        {NULL},
};

static const struct section root_sections[] = {
        {.name = "service",
                .options = service_options,
                .size = sizeof(struct config_service),
                WITHIN(config, service)},
        {.name = "record",
                .options = record_options,
                .size = sizeof(struct config_record),
                WITHIN(config, record)},
        {.name = "log",
                .options = log_options,
                .size = sizeof(struct config_log),
                WITHIN(config, log)},
        {.name = "host",
                .title = &option_type_domain,
                .title_offset = offsetof(struct config_host, name),
                .options = host_options,
                .size = sizeof(struct config_host),
                WITHIN(config, hosts)},
        {.name = "domain",
                .title = &option_type_domain,
                .title_offset = offsetof(struct config_domain, name),
                .options = domain_options,
                .size = sizeof(struct config_domain),
                .within = domain_sections,
                WITHIN(config, domains)},
        {.name = "peer",
                .title = &option_type_domain,
                .title_offset = offsetof(struct config_peer, name),
                .options = peer_options,
                .size = sizeof(struct config_peer),
                WITHIN(config, peers)},
        {.name = "stamp",
                .options = stamp_options,
                .size = sizeof(struct config_stamp),
                WITHIN(config, stamp)},
        {.name = "verify",
                .options = verify_options,
                .size = sizeof(struct config_verify),
                WITHIN(config, verify)},
        {.name = "milter",
                .title = &option_type_section_name,
                .title_is_optional = true,
                .title_offset = offsetof(struct config_milter, name),
                .options = milter_options,
                .size = sizeof(struct config_milter),
                WITHIN(config, milter)},
        {.name = "directory",
                .title = &option_type_phrase,
                .title_offset = offsetof(struct config_directory, name),
                .options = directory_options,
                .size = sizeof(struct config_directory),
                WITHIN(config, directories)},
        {NULL},
};

static const struct option root_options[] = {{NULL}};

const struct section section_root = {
        .options = root_options, .size = sizeof(struct config), .within = root_sections};

const struct option *section_option(const struct section *section, const char *name)
{
    for (const struct option *o = section->options; o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

const struct section *section_within(const struct section *section, const char *name)
{
    for (const struct section *s = section->within; s != NULL && s->name != NULL; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

/* How many octets have to be inserted, removed, replaced, or swapped with their neighbour to make
 * `a` of `b`. Names of any length that no option has are NAME_SIZE apart. */
static size_t section_distance(const char *a, const char *b)
{
    size_t d[NAME_SIZE][NAME_SIZE];
    const size_t rows = strlen(a) + 1;
    const size_t columns = strlen(b) + 1;

    if (rows > NAME_SIZE || columns > NAME_SIZE)
        return NAME_SIZE;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            d[i][j] = i + j;
            if (i == 0 || j == 0)
                continue;
            const size_t least = d[i - 1][j] < d[i][j - 1] ? d[i - 1][j] : d[i][j - 1];
            d[i][j] = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (least + 1 < d[i][j])
                d[i][j] = least + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                    d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    }
    return d[rows - 1][columns - 1];
}

/* The search through all sections for a name like `name`. */
struct advice {
    const char *name;
    const struct section *here;
    struct writer owners; /* the sections that have the very name */
    const char *nearest;
    const struct section *nearest_in;
    size_t distance; /* of the nearest */
};

static void advice_consider(struct advice *a, const struct section *in, const char *name)
{
    const size_t name_len = strlen(name);
    const size_t len = strlen(a->name);

    if (name_len > len + a->distance || len > name_len + a->distance)
        return;
    const size_t distance = section_distance(name, a->name);
    if (distance == 0) {
        writer_string(&a->owners, writer_text(&a->owners).len > 0 ? " or " : "it ");
        writer_string(&a->owners, in->name != NULL ? "in a section " : "outside of all sections");
        writer_string(&a->owners, in->name != NULL ? in->name : "");
    } else if (distance < a->distance ||
               (a->nearest != NULL && distance == a->distance && in == a->here)) {
        a->distance = distance;
        a->nearest = name;
        a->nearest_in = in;
    }
}

static void advice_search(struct advice *a, const struct section *in)
{
    for (const struct option *o = in->options; o->name != NULL; o++)
        advice_consider(a, in, o->name);
    for (const struct section *s = in->within; s != NULL && s->name != NULL; s++) {
        advice_consider(a, in, s->name);
        advice_search(a, s);
    }
}

void section_advise(
        const struct section *section, const char *name, char advice_r[SECTION_ADVICE_MAX])
{
    char owners[SECTION_ADVICE_MAX / 2];
    const size_t len = strlen(name);
    const size_t far = len < 6 ? len >= 3 : len / 3; /* as much may be spelled wrong */
    struct advice a = {.name = name,
            .here = section,
            .owners = writer_of(owners, sizeof owners),
            .distance = far + 1};

    advice_search(&a, &section_root);
    const struct text found = writer_text(&a.owners);
    const bool is_near = a.nearest != NULL && (found.len == 0 || a.nearest_in == section);
    const bool is_elsewhere = is_near && a.nearest_in != section && a.nearest_in->name != NULL;
    const struct text expected =
            found.len > 0 ? found : text_of("a name that verimail.conf(5) lists");
    snprintf(advice_r, SECTION_ADVICE_MAX, "%.*s%s%s%s%s%s", (int)expected.len, expected.at,
            is_near ? "; did you mean " : "", is_near ? a.nearest : "",
            is_elsewhere ? " in a section " : "", is_elsewhere ? a.nearest_in->name : "",
            is_near ? "?" : "");
}

static bool section_default_list(const struct option *option, struct config_list *list)
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
        if (!option->type->parse(option->type, value, &text.at))
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
        if (o->is_list ? !section_default_list(o, at) : !o->type->parse(o->type, o->fallback, at))
            return false;
    }
    return true;
}

void section_clear(const struct section *section, void *values)
{
    char *base = values;

    for (const struct option *o = section->options; o->name != NULL; o++) {
        if (o->is_list)
            config_list_free((void *)(base + o->offset));
        else if (o->type->value == OPTION_TYPE_TEXT)
            free(((struct config_text *)(void *)(base + o->offset))->at);
    }
    if (section->title != NULL)
        free(((struct config_text *)(void *)(base + section->title_offset))->at);
    for (const struct section *s = section->within; s != NULL && s->name != NULL; s++) {
        char *array = section_array(s, values);
        for (size_t i = 0; i < section_count(s, values); i++)
            section_clear(s, array + i * s->size);
        free(array);
    }
}

size_t section_count(const struct section *section, const void *parent)
{
    size_t count;

    memcpy(&count, (const char *)parent + section->count, sizeof count);
    return count;
}

void *section_array(const struct section *section, const void *parent)
{
    void *array;

    memcpy(&array, (const char *)parent + section->array, sizeof array);
    return array;
}

bool section_append(const struct section *section, const void *values, void *parent)
{
    char *array = section_array(section, parent);
    size_t count = section_count(section, parent);

    /* The array doubles: at a power of two it is full. */
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
