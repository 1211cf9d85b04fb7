// SPDX-License-Identifier: ISC
#include "config/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TITLES(array, title) ((array) != NULL ? &(array)[0].title : NULL)

typedef int order(const char *a, const char *b);

static int by_name_then_line(const void *a, const void *b, void *by)
{
    const struct config_text *left = a;
    const struct config_text *right = b;
    const int difference = (*(order **)by)(left->at, right->at);

    return difference != 0 ? difference : (left->line > right->line) - (left->line < right->line);
}

/* `at`: the first of `count` titles, each `stride` octets behind the one before it. */
static void check_unique(const char *what, const void *at, size_t count, size_t stride, order *by,
        struct problems *problems)
{
    struct config_text *sorted = count > 0 ? calloc(count, sizeof *sorted) : NULL;
    size_t n = 0;

    if (count > 0 && sorted == NULL) {
        problems_add(problems, 0, "memory is short", NULL, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct config_text title;
        memcpy(&title, (const char *)at + i * stride, sizeof title);
        if (title.at != NULL)
            sorted[n++] = title;
    }
    if (n > 1)
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
    check_unique("a second user", TITLES(domain->users, local), domain->users_count,
            sizeof *domain->users, strcasecmp, problems);
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

static void check_service(const struct config *config, const struct config_service *service,
        struct problems *problems)
{
    require(service->line, were_given(&service->keys), "service without keys",
            "keys = {\"/etc/verimail/service.key\"}", problems);
    require(service->line, were_given(&service->listen), "service without listen",
            "listen = {\"*:26\"}", problems);
    require(service->line, was_given(&service->replay), "service without replay",
            "replay = \"none\": payloads are not counted", problems);
    require(service->line, config->domains_count > 0, "a service without a domain",
            "domain \"example.org\" { ... }", problems);
    check_unique("a second address to listen on", service->listen.at, service->listen.count,
            sizeof *service->listen.at, strcasecmp, problems);
    check_unique("a second key", service->keys.at, service->keys.count, sizeof *service->keys.at,
            strcmp, problems);
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

void check_config(const struct config *config, struct problems *problems)
{
    check_unique("a second host", TITLES(config->hosts, name), config->hosts_count,
            sizeof *config->hosts, strcasecmp, problems);
    for (size_t i = 0; i < config->hosts_count; i++)
        require(config->hosts[i].line, were_given(&config->hosts[i].keys), "host without keys",
                "keys = {\"host-public:...\"}", problems);
    check_unique("a second domain", TITLES(config->domains, name), config->domains_count,
            sizeof *config->domains, strcasecmp, problems);
    for (size_t i = 0; i < config->domains_count; i++)
        check_domain(config, &config->domains[i], problems);
    check_defaults(config, problems);
    for (size_t i = 0; i < config->service_count; i++)
        check_service(config, &config->service[i], problems);
    for (size_t i = 0; i < config->stamp_count; i++)
        check_stamp(&config->stamp[i], problems);
}
