// SPDX-License-Identifier: ISC
#include "config/across.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/date.h"
#include "base/endpoint.h"

#define HOST_NOTICE (UINT64_C(30) * 86400) /* seconds */

bool across_host_is_ending(const struct config_host *host, uint64_t unix_now)
{
    return host->expires > 0 && host->expires <= unix_now + HOST_NOTICE;
}

const struct config_domain *across_domain(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->domains_count; i++)
        if (strcasecmp(config->domains[i].name.at, name) == 0)
            return &config->domains[i];
    return NULL;
}

static bool across_has(const struct config_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->at[i].at, name) == 0)
            return true;
    return false;
}

static void across_warn_of_end(
        const struct config_host *host, uint64_t unix_now, struct problems *warnings)
{
    char date[DATE_TEXT_MAX];
    char what[128];

    if (!across_host_is_ending(host, unix_now))
        return;
    date_format(host->expires, date);
    snprintf(what, sizeof what, "warning: the stamps of a host %s permitted %s %s",
            host->expires > unix_now ? "are" : "are no more",
            host->expires > unix_now ? "until" : "since", date);
    problems_add(warnings, host->line, what, host->name.at,
            "a later `expires`, or the host's section removed");
}

/* Whether the host may stamp for a user of the domain. A table may have any. */
static bool across_permits(const struct config_domain *domain, const char *host)
{
    const bool is_of_domain = across_has(&domain->hosts, host);

    if (domain->table.at != NULL)
        return true;
    for (size_t i = 0; i < domain->users_count; i++) {
        const struct config_user *user = &domain->users[i];
        if (across_has(&user->hosts, host) || across_has(&user->more_hosts, host) ||
                (is_of_domain && !user->hosts_given))
            return true;
    }
    return false;
}

/* Hosts of a domain without users have a warning of their own. */
static bool across_is_named(const struct config *config, const char *host)
{
    for (size_t i = 0; i < config->domains_count; i++)
        if (across_permits(&config->domains[i], host) ||
                across_has(&config->domains[i].hosts, host))
            return true;
    return false;
}

static bool across_has_rule_of(const struct config_domain *domain, const char *local)
{
    for (size_t i = 0; i < domain->users_count; i++)
        if (strcmp(domain->users[i].local.at, local) == 0)
            return true;
    return domain->table.at != NULL;
}

/* A user whose rule says neither which hosts, nor that none. */
static bool across_lacks_hosts(const struct config_domain *domain, const struct config_user *user)
{
    return domain->hosts.count == 0 && !user->hosts_given && user->more_hosts.count == 0 &&
           !user->allow_unauthorized;
}

static void across_warn_of_domain(const struct config_domain *domain, struct problems *warnings)
{
    if (domain->hosts.count > 0 && domain->users_count == 0 && domain->table.at == NULL)
        problems_add(warnings, domain->line,
                "warning: a domain with hosts and without users, whose mail is all refused",
                domain->name.at, "user \"*\" { }, or a section for each user");
    for (size_t i = 0; i < domain->users_count; i++) {
        if (!across_lacks_hosts(domain, &domain->users[i]))
            continue;
        problems_add(warnings, domain->users[i].line,
                "warning: a user for whom no host may stamp, whose mail is all refused",
                domain->users[i].local.at,
                "`hosts` in the domain's section, or `hosts = {}` if that is meant");
        return; /* one of them tells */
    }
}

void across_warn_service(const struct config *config, uint64_t unix_now, struct problems *warnings)
{
    if (config->service_count == 0)
        return;
    for (size_t i = 0; i < config->hosts_count; i++) {
        const struct config_host *host = &config->hosts[i];
        across_warn_of_end(host, unix_now, warnings);
        if (!across_is_named(config, host->name.at))
            problems_add(warnings, host->line,
                    "warning: a host that may stamp for nobody, and whose mail is all refused",
                    host->name.at, "its name among the `hosts` of a domain or a user");
    }
    for (size_t i = 0; i < config->domains_count; i++)
        across_warn_of_domain(&config->domains[i], warnings);
}

static void across_warn_of_stamped(const struct config_domain *domain,
        const struct config_text *stamped, const char *host, struct problems *warnings)
{
    if (!across_permits(domain, host))
        problems_add(warnings, stamped->line,
                "warning: a domain for whose users this host may not stamp: all of it is refused",
                stamped->at, "the `host` of section `stamp` among the domain's `hosts`");
    else if (!across_has_rule_of(domain, "*"))
        problems_add(warnings, stamped->line,
                "warning: users of a stamped domain that have no rule are refused", stamped->at,
                "user \"*\" { } in its section, or `user \"*\" { hosts = {} }` if that is meant");
}

static void across_warn_of_stamp(const struct config *config, struct problems *warnings)
{
    for (size_t i = 0; i < config->stamp->domains.count; i++) {
        const struct config_text *stamped = &config->stamp->domains.at[i];
        const struct config_domain *domain = across_domain(config, stamped->at);
        if (domain != NULL)
            across_warn_of_stamped(domain, stamped, config->stamp->host.at, warnings);
    }
}

/* Whether the service listens where the address leads. */
static bool across_listens(const struct config_service *service, const struct endpoint *address)
{
    const struct endpoint plain = endpoint_unmapped(address);

    for (size_t i = 0; i < service->listen.count; i++) {
        struct endpoint at;
        if (!endpoint_parse(service->listen.at[i].at, &at) ||
                endpoint_port(&at) != endpoint_port(&plain))
            continue;
        at = endpoint_unmapped(&at);
        if (endpoint_is_any(&at) || endpoint_equal(&at, &plain))
            return true;
    }
    return false;
}

static void across_warn_of_peer(
        const struct config *config, const struct config_peer *peer, struct problems *warnings)
{
    const bool is_served = across_domain(config, peer->name.at) != NULL;
    struct endpoint address;

    if (!endpoint_parse(peer->address.at, &address) || !endpoint_is_loopback(&address))
        return;
    const bool is_ours = across_listens(config->service, &address);
    if (is_served && !is_ours)
        problems_add(warnings, peer->address.line,
                "warning: a peer where the service of this file does not listen: mail from outside "
                "is deferred",
                peer->address.at, "the same port as in `listen`");
    else if (!is_served && is_ours)
        problems_add(warnings, peer->line,
                "warning: a peer that does not serve its domain: all of its mail is refused",
                peer->name.at, "a section `domain` for it");
}

void across_warn_local(const struct config *config, struct problems *warnings)
{
    if (config->service_count == 0)
        return;
    if (config->stamp_count > 0)
        across_warn_of_stamp(config, warnings);
    for (size_t i = 0; i < config->peers_count; i++)
        across_warn_of_peer(config, &config->peers[i], warnings);
}
