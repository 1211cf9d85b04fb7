// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/endpoint.h"
#include "config/config.h"
#include "config/problems.h"
#include "config/section.h"

typedef int check_order(const char *a, const char *b);

/* The same text of each struct of an array. */
struct column {
    const void *array;
    size_t count;
    size_t size;   /* of a struct */
    size_t offset; /* of the text in it */
};

/* Texts by name, and by line where names are equal. */
struct sorted {
    struct config_text *at;
    size_t count;
    check_order *by;
};

static int check_compare(const void *a, const void *b, void *by)
{
    const struct config_text *left = a;
    const struct config_text *right = b;
    const int difference = (*(check_order **)by)(left->at, right->at);

    return difference != 0 ? difference : (left->line > right->line) - (left->line < right->line);
}

/* Texts that were wrong are left out. The caller frees `at`; NULL when out of memory. */
static struct sorted check_sort(struct column column, check_order *by, struct problems *problems)
{
    struct sorted sorted = {.at = calloc(column.count + 1, sizeof *sorted.at), .by = by};

    if (sorted.at == NULL) {
        problems_add_memory(problems);
        return sorted;
    }
    for (size_t i = 0; i < column.count; i++) {
        struct config_text text;
        memcpy(&text, (const char *)column.array + i * column.size + column.offset, sizeof text);
        if (text.at != NULL)
            sorted.at[sorted.count++] = text;
    }
    qsort_r(sorted.at, sorted.count, sizeof *sorted.at, check_compare, &by);
    return sorted;
}

static void check_repeated(const struct sorted *sorted, const char *what, struct problems *problems)
{
    for (size_t i = 1; i < sorted->count; i++)
        if (sorted->by(sorted->at[i - 1].at, sorted->at[i].at) == 0)
            problems_add(problems, sorted->at[i].line, what, sorted->at[i].at, "each once");
}

static void check_unique(
        struct column column, check_order *by, const char *what, struct problems *problems)
{
    const struct sorted sorted = check_sort(column, by, problems);

    check_repeated(&sorted, what, problems);
    free(sorted.at);
}

static void check_unique_list(const struct config_list *list, check_order *by, const char *what,
        struct problems *problems)
{
    check_unique((struct column){list->at, list->count, sizeof *list->at, 0}, by, what, problems);
}

static int check_find_compare(const void *name, const void *text)
{
    return strcasecmp(name, ((const struct config_text *)text)->at);
}

/* The domain's hosts, and those of its users, have a section `host`. */
static void check_hosts(const struct sorted *known, const struct config_domain *domain,
        const struct config_list *hosts, struct problems *problems)
{
    /* A host of 2013 has no key of its own: all who have the domain's public key can write its
     * name. */
    if (domain->classic_key.at != NULL || known->at == NULL)
        return;
    for (size_t i = 0; i < hosts->count; i++)
        if (bsearch(hosts->at[i].at, known->at, known->count, sizeof *known->at,
                    check_find_compare) == NULL)
            problems_add(problems, hosts->at[i].line, "a host without keys", hosts->at[i].at,
                    "a section `host` of that name, or a classic_key");
}

static void check_user(const struct sorted *known, const struct config_domain *domain,
        const struct config_user *user, struct problems *problems)
{
    if (user->hosts_given && user->more_hosts.count > 0)
        problems_add(problems, user->more_hosts.at[0].line, "both hosts and more_hosts",
                user->local.at, "hosts (these only) or more_hosts (the domain's and these)");
    check_hosts(known, domain, &user->hosts, problems);
    check_hosts(known, domain, &user->more_hosts, problems);
}

static void check_domain(
        const struct sorted *known, const struct config_domain *domain, struct problems *problems)
{
    const struct column users = {domain->users, domain->users_count, sizeof *domain->users,
            offsetof(struct config_user, local)};

    check_hosts(known, domain, &domain->hosts, problems);
    check_unique(users, strcasecmp, "a second user", problems);
    for (size_t i = 0; i < domain->users_count; i++)
        check_user(known, domain, &domain->users[i], problems);
}

static void check_default_domain(const struct config *config, struct problems *problems)
{
    bool found = false;

    for (size_t i = 0; i < config->domains_count; i++) {
        const struct config_domain *domain = &config->domains[i];
        if (domain->is_default && found)
            problems_add(problems, domain->line, "a second default domain", domain->name.at,
                    "`default = true` once");
        found = found || domain->is_default;
    }
}

static void check_hosts_and_domains(const struct config *config, struct problems *problems)
{
    const struct column hosts = {config->hosts, config->hosts_count, sizeof *config->hosts,
            offsetof(struct config_host, name)};
    const struct column domains = {config->domains, config->domains_count, sizeof *config->domains,
            offsetof(struct config_domain, name)};
    const struct sorted known = check_sort(hosts, strcasecmp, problems);

    check_repeated(&known, "a second host", problems);
    check_unique(domains, strcasecmp, "a second domain", problems);
    for (size_t i = 0; i < config->domains_count; i++)
        check_domain(&known, &config->domains[i], problems);
    check_default_domain(config, problems);
    free(known.at);
}

static bool was_given(const struct config_text *text)
{
    return text->at != NULL || text->line > 0;
}

/* Options that the tables require. A wrong value counts as given: it is one problem, not two. */
static void check_required(
        const struct section *section, const char *values, struct problems *problems)
{
    char what[128];

    for (const struct option *o = section->options; o->name != NULL; o++) {
        const void *at = values + o->offset;
        const struct config_list *list = at;
        if (o->required == NULL || (o->is_list ? list->count > 0 || list->refused : was_given(at)))
            continue;
        snprintf(what, sizeof what, "%s without %s", section->name, o->name);
        problems_add(problems, *(const unsigned *)(const void *)values, what, NULL, o->required);
    }
    for (const struct section *s = section->within; s != NULL && s->name != NULL; s++) {
        const char *array = section_array(s, values);
        for (size_t i = 0; i < section_count(s, values); i++)
            check_required(s, array + i * s->size, problems);
    }
}

static void require(unsigned line, bool there, const char *what, const char *expected,
        struct problems *problems)
{
    if (!there)
        problems_add(problems, line, what, NULL, expected);
}

static void check_service(const struct config *config, const struct config_service *service,
        struct problems *problems)
{
    require(service->line, config->domains_count > 0, "a service without a domain",
            "domain \"example.org\" { ... }", problems);
    check_unique_list(&service->listen, strcasecmp, "a second address to listen on", problems);
    check_unique_list(&service->keys, strcmp, "a second key", problems);
    check_unique_list(&service->answer_keys, strcmp, "a second answer key", problems);
}

static void check_milter(
        const struct config *config, const struct config_milter *milter, struct problems *problems)
{
    require(milter->line, config->stamp_count > 0 || config->verify_count > 0,
            "a milter with nothing to do", "a section `stamp`, or `verify`, or both", problems);
    require(milter->line,
            !milter->clients_given || milter->socket.at == NULL ||
                    strncmp(milter->socket.at, "inet", 4) == 0,
            "clients of a unix socket", "socket_mode and socket_group, or an inet: socket",
            problems);
    require(milter->line, milter->name.at != NULL || config->milter_count == 1,
            "several sections `milter`, and one without a name", "milter \"NAME\" { ... }",
            problems);
    require(milter->line,
            milter == config->milter ||
                    (milter->state.line == 0 && milter->metrics.line == 0 &&
                            milter->run_as.line == 0 && !milter->alarm_sending_given),
            "state, metrics, run_as or alarm_sending in a later section `milter`",
            "them in the first one: they are the daemon's", problems);
    require(milter->line, milter->clients.count <= CONFIG_CLIENTS_MAX, "more than 64 clients",
            "fewer networks, or larger ones", problems);
}

static bool is_ldap(const struct config_directory *directory)
{
    return directory->source.at != NULL && strncmp(directory->source.at, "ldap", 4) == 0;
}

/* This machine: what is sent to it crosses no network. */
static bool is_loopback_host(const char *host)
{
    char name[64];
    const size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?");
    struct endpoint endpoint;

    if (len == strlen("localhost") && strncasecmp(host, "localhost", len) == 0)
        return true;
    snprintf(name, sizeof name, "%.*s:389", (int)(len < 50 ? len : 50), host);
    return endpoint_parse(name, &endpoint) && endpoint_is_loopback(&endpoint);
}

static void check_ldap(const struct config_directory *directory, struct problems *problems)
{
    const char *plain = "ldap://";
    const bool is_plain = strncmp(directory->source.at, plain, strlen(plain)) == 0;

    require(directory->line, was_given(&directory->base), "directory without base",
            "base = \"ou=people,dc=example,dc=org\"", problems);
    require(directory->line, was_given(&directory->bind_dn) == was_given(&directory->password),
            "bind_dn without password, or the other way round",
            "both, or none for an anonymous bind", problems);
    require(directory->line, is_plain || !directory->start_tls, "start_tls without ldap://",
            "ldap://... with start_tls, or ldaps://... without", problems);
    require(directory->line,
            !is_plain || directory->start_tls || !was_given(&directory->password) ||
                    is_loopback_host(directory->source.at + strlen(plain)),
            "a password that would cross the network in clear text",
            "start_tls = true, or ldaps://...", problems);
}

static void check_directory(const struct config_directory *directory, struct problems *problems)
{
    if (directory->source.at == NULL)
        return;
    if (is_ldap(directory))
        check_ldap(directory, problems);
    else
        require(directory->line, was_given(&directory->query), "directory without query",
                "query = \"SELECT address FROM users\"", problems);
}

void config_check(const struct config *config, struct problems *problems)
{
    const struct column peers = {config->peers, config->peers_count, sizeof *config->peers,
            offsetof(struct config_peer, name)};
    const struct column milters = {config->milter, config->milter_count, sizeof *config->milter,
            offsetof(struct config_milter, name)};
    const struct column sockets = {config->milter, config->milter_count, sizeof *config->milter,
            offsetof(struct config_milter, socket)};
    const struct column tables = {config->directories, config->directories_count,
            sizeof *config->directories, offsetof(struct config_directory, table)};

    check_required(&section_root, (const char *)config, problems);
    check_hosts_and_domains(config, problems);
    for (size_t i = 0; i < config->service_count; i++)
        check_service(config, &config->service[i], problems);
    require(config->milter_count > 0 ? config->milter->line : 0,
            config->milter_count <= CONFIG_MILTERS_MAX, "more than 16 sections `milter`", "fewer",
            problems);
    check_unique(milters, strcmp, "a second milter", problems);
    check_unique(sockets, strcmp, "a second milter at one socket", problems);
    for (size_t i = 0; i < config->milter_count; i++)
        check_milter(config, &config->milter[i], problems);
    for (size_t i = 0; i < config->directories_count; i++)
        check_directory(&config->directories[i], problems);
    check_unique(peers, strcasecmp, "a second peer", problems);
    check_unique(tables, strcmp, "a second directory for a table", problems);
}
