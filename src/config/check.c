// SPDX-License-Identifier: ISC
#include "config/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/endpoint.h"

typedef int order(const char *a, const char *b);

static int by_name_then_line(const void *a, const void *b, void *by)
{
    const struct config_text *left = a;
    const struct config_text *right = b;
    const int difference = (*(order **)by)(left->at, right->at);

    return difference != 0 ? difference : (left->line > right->line) - (left->line < right->line);
}

/* A text in each struct of an array. */
struct texts {
    const void *array;
    size_t count;
    size_t size;   /* of a struct */
    size_t offset; /* of the text in it */
};

static struct config_text check_text_at(const struct texts *texts, size_t i)
{
    struct config_text text;

    memcpy(&text, (const char *)texts->array + i * texts->size + texts->offset, sizeof text);
    return text;
}

static struct texts list_texts(const struct config_list *list)
{
    return (struct texts){list->at, list->count, sizeof *list->at, 0};
}

static void check_unique(const char *what, struct texts texts, order *by, struct problems *problems)
{
    struct config_text *sorted = calloc(texts.count + 1, sizeof *sorted);
    size_t n = 0;

    if (sorted == NULL) {
        problems_add(problems, 0, "out of memory", NULL, NULL);
        return;
    }
    for (size_t i = 0; i < texts.count; i++) {
        const struct config_text text = check_text_at(&texts, i);
        if (text.at != NULL)
            sorted[n++] = text;
    }
    qsort_r(sorted, n, sizeof *sorted, by_name_then_line, &by);
    for (size_t i = 1; i < n; i++)
        if (by(sorted[i - 1].at, sorted[i].at) == 0)
            problems_add(problems, sorted[i].line, what, sorted[i].at, "each once");
    free(sorted);
}

static void check_hosts_known(const struct config *config, const struct config_domain *domain,
        const struct config_list *hosts, struct problems *problems)
{
    /* A host of 2013 has no key of its own: whoever has the domain's can write its name. */
    if (domain->classic_key.at != NULL)
        return;
    for (size_t i = 0; i < hosts->count; i++)
        if (config_host(config, hosts->at[i].at) == NULL)
            problems_add(problems, hosts->at[i].line, "a host without keys", hosts->at[i].at,
                    "a section `host` of that name, or a classic_key");
}

static void check_user(const struct config *config, const struct config_domain *domain,
        const struct config_user *user, struct problems *problems)
{
    if (user->hosts_given && user->more_hosts.count > 0)
        problems_add(problems, user->more_hosts.at[0].line, "both hosts and more_hosts",
                user->local.at, "hosts (these only) or more_hosts (the domain's and these)");
    check_hosts_known(config, domain, &user->hosts, problems);
    check_hosts_known(config, domain, &user->more_hosts, problems);
}

static void check_domain(
        const struct config *config, const struct config_domain *domain, struct problems *problems)
{
    check_hosts_known(config, domain, &domain->hosts, problems);
    const struct texts users = {domain->users, domain->users_count, sizeof *domain->users,
            offsetof(struct config_user, local)};
    check_unique("a second user", users, strcasecmp, problems);
    for (size_t i = 0; i < domain->users_count; i++)
        check_user(config, domain, &domain->users[i], problems);
}

static void check_defaults(const struct config *config, struct problems *problems)
{
    const struct config_domain *first = NULL;

    for (size_t i = 0; i < config->domains_count; i++) {
        const struct config_domain *domain = &config->domains[i];
        if (domain->is_default && first != NULL)
            problems_add(problems, domain->line, "a second default domain", domain->name.at,
                    "`default = true` once");
        else if (domain->is_default)
            first = domain;
    }
}

static bool was_given(const struct config_text *text)
{
    return text->at != NULL || text->line > 0;
}

static bool were_given(const struct config_list *list)
{
    return list->count > 0 || list->refused;
}

static void require(unsigned line, bool there, const char *what, const char *expected,
        struct problems *problems)
{
    if (!there)
        problems_add(problems, line, what, NULL, expected);
}

static void check_check_service(const struct config *config, const struct config_service *service,
        struct problems *problems)
{
    require(service->line, were_given(&service->keys), "service without keys",
            "keys = {\"/etc/verimail/service.key\"}", problems);
    require(service->line, were_given(&service->listen), "service without listen",
            "listen = {\"*:26\"}", problems);
    require(service->line, config->domains_count > 0, "a service without a domain",
            "domain \"example.org\" { ... }", problems);
    check_unique(
            "a second address to listen on", list_texts(&service->listen), strcasecmp, problems);
    check_unique("a second key", list_texts(&service->keys), strcmp, problems);
}

static void check_stamp(const struct config_stamp *stamp, struct problems *problems)
{
    require(stamp->line, was_given(&stamp->host), "stamp without host",
            "host = \"mail.example.org\", this machine's name as the service lists it", problems);
    require(stamp->line, was_given(&stamp->key), "stamp without key",
            "key = \"/etc/verimail/host.key\"", problems);
    require(stamp->line, was_given(&stamp->service_key), "stamp without service_key",
            "service_key = \"service-public:...\"", problems);
    require(stamp->line, were_given(&stamp->domains), "stamp without domains",
            "domains = {\"example.org\"}", problems);
}

static void check_verify(const struct config_verify *verify, struct problems *problems)
{
    require(verify->line, was_given(&verify->authserv_id), "verify without authserv_id",
            "authserv_id = \"mx.example.net\", the name that Authentication-Results begins with",
            problems);
}

static void check_milter(
        const struct config *config, const struct config_milter *milter, struct problems *problems)
{
    require(milter->line, was_given(&milter->socket), "milter without socket",
            "socket = \"unix:/var/spool/postfix/verimail/milter.sock\"", problems);
    require(milter->line, config->stamp_count > 0 || config->verify_count > 0,
            "a milter with nothing to do", "a section `stamp`, or `verify`, or both", problems);
}

static bool is_ldap(const struct config_directory *directory)
{
    return directory->source.at != NULL && strncmp(directory->source.at, "ldap", 4) == 0;
}

/* This machine, on the way to which nobody listens. */
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
            "both, or none: then it is asked "
            "as nobody",
            problems);
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
    require(directory->line, was_given(&directory->table), "directory without table",
            "table = \"lmdb:/var/lib/verimail/users\"", problems);
    require(directory->line, was_given(&directory->source), "directory without source",
            "source = \"postgresql://db.example.org/mail\" or \"ldaps://dc.example.org\"",
            problems);
    if (directory->source.at == NULL)
        return;
    if (is_ldap(directory))
        check_ldap(directory, problems);
    else
        require(directory->line, was_given(&directory->query), "directory without query",
                "query = \"SELECT address FROM users\"", problems);
}

void check_config(const struct config *config, struct problems *problems)
{
    const struct texts hosts = {config->hosts, config->hosts_count, sizeof *config->hosts,
            offsetof(struct config_host, name)};
    const struct texts domains = {config->domains, config->domains_count, sizeof *config->domains,
            offsetof(struct config_domain, name)};

    check_unique("a second host", hosts, strcasecmp, problems);
    for (size_t i = 0; i < config->hosts_count; i++)
        require(config->hosts[i].line, were_given(&config->hosts[i].keys), "host without keys",
                "keys = {\"host-public:...\"}", problems);
    check_unique("a second domain", domains, strcasecmp, problems);
    for (size_t i = 0; i < config->domains_count; i++)
        check_domain(config, &config->domains[i], problems);
    check_defaults(config, problems);
    for (size_t i = 0; i < config->service_count; i++)
        check_check_service(config, &config->service[i], problems);
    for (size_t i = 0; i < config->stamp_count; i++)
        check_stamp(&config->stamp[i], problems);
    for (size_t i = 0; i < config->verify_count; i++)
        check_verify(&config->verify[i], problems);
    for (size_t i = 0; i < config->milter_count; i++)
        check_milter(config, &config->milter[i], problems);
    for (size_t i = 0; i < config->directories_count; i++)
        check_directory(&config->directories[i], problems);
    const struct texts tables = {config->directories, config->directories_count,
            sizeof *config->directories, offsetof(struct config_directory, table)};
    check_unique("a second directory for a table", tables, strcmp, problems);
}
