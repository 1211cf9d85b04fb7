// SPDX-License-Identifier: ISC
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memstream.h"
#include "setup/plan.h"

/* The text of a configuration that grows. */
struct plan_text {
    struct plan *plan;
    const struct config *now; /* what it says already; never NULL */
    bool failed;              /* out of memory */
};

#define AT_TOP ((const struct edit_step[]){{NULL, NULL}})
#define AT(section, title) ((const struct edit_step[]){{section, title}, {NULL, NULL}})

static void __attribute__((format(printf, 2, 3)))
plan_append(struct plan_text *text, const char *format, ...)
{
    char *item = NULL;
    va_list args;

    va_start(args, format);
    const int len = vasprintf(&item, format, args);
    va_end(args);
    text->failed = text->failed || len < 0 || !edit_append(text->plan->conf.edit, AT_TOP, item);
    free(len >= 0 ? item : NULL);
}

static void plan_add(
        struct plan_text *text, const struct edit_step *path, const char *option, const char *value)
{
    text->failed = text->failed || !conf_file_add_text(&text->plan->conf, path, option, value);
}

static bool plan_has(const struct config_list *list, const char *value)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->at[i].at, value) == 0)
            return true;
    return false;
}

/* `"a", "b"`, for the caller to free. NULL when out of memory. */
static char *plan_quoted(const struct config_list *list)
{
    char *quoted = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&quoted, &len);

    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < list->count; i++)
        fprintf(out, "%s\"%s\"", i > 0 ? ", " : "", list->at[i].at);
    if (memstream_close(out, &quoted))
        return quoted;
    free(quoted);
    return NULL;
}

static const struct config_host *plan_find_host(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->hosts_count; i++)
        if (strcasecmp(config->hosts[i].name.at, name) == 0)
            return &config->hosts[i];
    return NULL;
}

static const struct config_domain *plan_find_domain(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->domains_count; i++)
        if (strcasecmp(config->domains[i].name.at, name) == 0)
            return &config->domains[i];
    return NULL;
}

/* This machine as a sending host: its keys are in a folder, or in a file. */
static void plan_own_host(struct plan_text *text)
{
    const struct plan *plan = text->plan;
    const struct config_host *host = plan_find_host(text->now, plan->host);

    if (host == NULL)
        plan_append(text, "host \"%s\" { keys = {\"%s\"} }", plan->host, plan->host_key.path);
    else if (!plan_has(&host->keys, plan->host_key.path) &&
             !plan_has(&host->keys, plan->host_key.pair.public))
        plan_add(text, AT("host", plan->host), "keys", plan->host_key.path);
}

/* A host on another machine, whose keys the list has newest first. */
static void plan_other_host(struct plan_text *text, const struct config_host *other)
{
    const struct config_host *host = plan_find_host(text->now, other->name.at);

    if (host == NULL) {
        char *keys = plan_quoted(&other->keys);
        plan_append(text, "host \"%s\" { keys = {%s} }", other->name.at, keys != NULL ? keys : "");
        text->failed = text->failed || keys == NULL;
        free(keys);
        return;
    }
    for (size_t i = other->keys.count; i > 0; i--)
        if (!plan_has(&host->keys, other->keys.at[i - 1].at))
            plan_add(text, AT("host", other->name.at), "keys", other->keys.at[i - 1].at);
}

/* Whether a host on another machine is meant: our own key is in a folder here. */
static bool plan_is_elsewhere(const struct plan *plan, const struct config_host *host)
{
    return (plan->roles & PLAN_HOST) == 0 || strcasecmp(host->name.at, plan->host) != 0;
}

static void plan_hosts(struct plan_text *text)
{
    const struct plan *plan = text->plan;
    const struct halves *imported = &plan->imported;

    if ((plan->roles & PLAN_HOST) != 0)
        plan_own_host(text);
    for (size_t i = 0; i < imported->hosts_count; i++)
        if (plan_is_elsewhere(plan, &imported->hosts[i]))
            plan_other_host(text, &imported->hosts[i]);
}

/* The names of all hosts that this plan knows, for a domain. */
static void plan_domain_hosts(
        struct plan_text *text, const char *domain, const struct config_list *hosts)
{
    const struct plan *plan = text->plan;

    if ((plan->roles & PLAN_HOST) != 0 && !plan_has(hosts, plan->host))
        plan_add(text, AT("domain", domain), "hosts", plan->host);
    for (size_t i = 0; i < plan->imported.hosts_count; i++)
        if (plan_is_elsewhere(plan, &plan->imported.hosts[i]) &&
                !plan_has(hosts, plan->imported.hosts[i].name.at))
            plan_add(text, AT("domain", domain), "hosts", plan->imported.hosts[i].name.at);
}

/* Harmless as it is: every user may send by the domain's hosts, and nothing is refused yet. */
static void plan_domain(struct plan_text *text, const char *name, bool is_default)
{
    const struct plan *plan = text->plan;
    const struct config_domain *domain = plan_find_domain(text->now, name);

    if (domain == NULL) {
        static const struct config_list none;
        plan_append(text,
                "domain \"%s\" {\n"
                "%s"
                "    testing = true    # ALLOW instead of NO, until `verimail enforce origin`\n"
                "    hosts   = {}\n"
                "    user \"*\" { }      # every user, by these hosts\n"
                "}",
                name, is_default ? "    default = true\n" : "");
        plan_domain_hosts(text, name, &none);
    } else if (plan->roles != PLAN_RECEIVER) {
        plan_domain_hosts(text, name, &domain->hosts);
    }
}

static void plan_service(struct plan_text *text)
{
    const struct plan *plan = text->plan;
    bool has_default = false;

    if (text->now->service_count == 0)
        plan_append(text,
                "service {\n"
                "    keys        = {\"%s\"}\n"
                "    answer_keys = {\"%s\"}    # seals questions and answers\n"
                "}",
                plan->service_key.path, plan->answer_key.path);
    else if (text->now->service->answer_keys.count == 0)
        plan_add(text, AT("service", NULL), "answer_keys", plan->answer_key.path);
    plan_hosts(text);
    for (size_t i = 0; i < text->now->domains_count; i++)
        has_default = has_default || text->now->domains[i].is_default;
    for (size_t i = 0; i < plan->domains.count; i++)
        plan_domain(text, plan->domains.at[i].at, !has_default && i == 0);
}

/* The service has another key than it had. */
static void plan_service_key(struct plan_text *text, const char *service)
{
    char value[KEY_TEXT_MAX + 3];

    if (service[0] == '\0' || strcmp(service, text->now->stamp->service_key.at) == 0)
        return;
    snprintf(value, sizeof value, "\"%s\"", service);
    text->failed = text->failed ||
                   !edit_set(text->plan->conf.edit, AT("stamp", NULL), "service_key", value);
}

static void plan_stamp(struct plan_text *text)
{
    const struct plan *plan = text->plan;
    const char *service = (plan->roles & PLAN_SERVICE) != 0 ? plan->service_key.pair.public
                                                            : plan->imported.service;

    if (text->now->stamp_count == 0) {
        char *domains = plan_quoted(&plan->domains);
        plan_append(text,
                "stamp {\n"
                "    host        = \"%s\"\n"
                "    key         = \"%s\"\n"
                "    service_key = \"%s\"\n"
                "    domains     = {%s}\n"
                "}",
                plan->host, plan->host_key.path, service, domains != NULL ? domains : "");
        text->failed = text->failed || domains == NULL;
        free(domains);
        return;
    }
    plan_service_key(text, service);
    for (size_t i = 0; i < plan->domains.count; i++)
        if (!plan_has(&text->now->stamp->domains, plan->domains.at[i].at))
            plan_add(text, AT("stamp", NULL), "domains", plan->domains.at[i].at);
}

static bool plan_has_peer(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->peers_count; i++)
        if (strcasecmp(config->peers[i].name.at, name) == 0)
            return true;
    return false;
}

/* Forgeries of our own users are found without the DNS. */
static void plan_peers(struct plan_text *text)
{
    const struct plan *plan = text->plan;

    for (size_t i = 0; i < plan->domains.count && plan->peer[0] != '\0'; i++)
        if (!plan_has_peer(text->now, plan->domains.at[i].at))
            plan_append(
                    text, "peer \"%s\" { address = \"%s\" }", plan->domains.at[i].at, plan->peer);
}

static void plan_milter(struct plan_text *text)
{
    const struct plan *plan = text->plan;
    char socket[POSTFIX_SOCKET_MAX];
    char *networks = plan_quoted(&plan->networks);

    plan_socket(plan, socket);
    plan_append(text,
            "milter {\n"
            "    socket           = \"%s\"\n"
            "%s"
            "    trusted_networks = {%s}    # whose mail is yours without a login\n"
            "}",
            socket, plan->server == PLAN_POSTFIX ? "    socket_group     = \"postfix\"\n" : "",
            networks != NULL ? networks : "");
    text->failed = text->failed || networks == NULL;
    free(networks);
}

bool plan_conf(struct plan *plan, const struct config *now)
{
    static const struct config none;
    struct plan_text text = {.plan = plan, .now = now != NULL ? now : &none};

    if (plan->conf.is_new)
        plan_append(&text, "# Verimail: see verimail.conf(5). `verimail setup` wrote this, and can "
                           "be run again.\n");
    if ((plan->roles & PLAN_SERVICE) != 0)
        plan_service(&text);
    if ((plan->roles & PLAN_HOST) != 0)
        plan_stamp(&text);
    if ((plan->roles & PLAN_RECEIVER) != 0) {
        plan_peers(&text);
        if (text.now->verify_count == 0)
            plan_append(&text,
                    "verify {\n"
                    "    authserv_id = \"%s\"\n"
                    "    mode        = monitor    # acts on nothing, until `verimail enforce "
                    "receiver`\n"
                    "}",
                    plan->host);
    }
    if ((plan->roles & (PLAN_HOST | PLAN_RECEIVER)) != 0 && text.now->milter_count == 0)
        plan_milter(&text);
    return !text.failed;
}
