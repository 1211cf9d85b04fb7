// SPDX-License-Identifier: ISC
#include "verimaild/service.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyfile.h"
#include "base/password.h"
#include "config/unusable.h"
#include "protocol/judge.h"
#include "verimaild/live_keys.h"

#define KEY_FILE "a key file that verimaild can read"
#define PASSWORD_FILE "a file that verimaild can read, and not everybody, whose only line it is"

/* The rules hand back the policy. What else the service keeps of a domain stands behind it. */
struct served {
    struct domain_policy policy;
    struct classic_key *classic;
    size_t table; /* when the policy has one */
};

struct service {
    struct keyring *ring;
    struct answer_keys *answers;
    struct rules *rules;
    struct served *served;
    size_t served_count;
    const char *default_domain;
    const char ***lists; /* arrays that host lists point to */
    size_t lists_count;
    char *password;
    uint64_t keep;
    const char **tables; /* borrowed from the configuration */
    size_t tables_count;
};

static bool service_out_of_memory(struct problems *problems)
{
    problems_add_memory(problems);
    return false;
}

static void service_file_problem(struct problems *problems, const struct config_text *path,
        const char *which, const char *error, const char *expected)
{
    unusable_add(problems, &(struct unusable){.line = path->line,
                                   .which = which,
                                   .path = path->at,
                                   .error = error,
                                   .expected = expected});
}

static bool service_make_hosts(struct service *service, const struct config_list *from,
        struct host_list *hosts_r, struct problems *problems)
{
    if (from->count == 0)
        return true;
    const char **names = calloc(from->count, sizeof *names);
    const char ***lists = reallocarray(service->lists, service->lists_count + 1, sizeof *lists);
    if (lists != NULL)
        service->lists = lists;
    if (names == NULL || lists == NULL) {
        free(names);
        return service_out_of_memory(problems);
    }
    lists[service->lists_count++] = names;
    for (size_t i = 0; i < from->count; i++)
        names[i] = from->at[i].at;
    *hosts_r = (struct host_list){names, from->count};
    return true;
}

static bool service_make_classic(
        struct served *served, const struct config_text *path, struct problems *problems)
{
    const char *error = NULL;
    size_t len = 0;
    char *pem = keyfile_load(path->at, &len, &error);

    const int cause = errno;
    errno = 0;
    if (pem != NULL)
        served->classic = classic_key_init((struct text){pem, len}, &error);
    const bool no_memory = pem != NULL && served->classic == NULL && errno == ENOMEM;
    sodium_free(pem);
    if (no_memory)
        return service_out_of_memory(problems);
    errno = pem == NULL ? cause : 0;
    if (served->classic == NULL) {
        service_file_problem(problems, path, "classic_key", error, KEY_FILE);
    }
    return served->classic != NULL;
}

static bool service_is_denied(const struct config_domain *domain, const char *reason)
{
    for (size_t i = 0; i < domain->deny.count; i++)
        if (strcmp(domain->deny.at[i].at, reason) == 0)
            return true;
    return false;
}

static bool service_make_users(
        struct service *service, const struct config_domain *domain, struct problems *problems)
{
    for (size_t i = 0; i < domain->users_count; i++) {
        const struct config_user *user = &domain->users[i];
        struct rule rule = {
                .allow_unauthorized = user->allow_unauthorized, .not_before = user->not_before};
        const struct config_list *hosts = &user->hosts;
        if (user->hosts_given) {
            rule.mode = RULE_HOSTS_ONLY;
        } else if (user->more_hosts.count > 0) {
            rule.mode = RULE_HOSTS_MORE;
            hosts = &user->more_hosts;
        }
        if (!service_make_hosts(service, hosts, &rule.hosts, problems))
            return false;
        errno = 0;
        if (!rules_add_user(
                    service->rules, text_of(domain->name.at), text_of(user->local.at), &rule)) {
            if (errno == ENOMEM)
                return service_out_of_memory(problems);
            problems_add(problems, user->local.line, "unusable user", user->local.at, NULL);
            return false;
        }
    }
    return true;
}

/* Hosts with keys, and those of the domains, which may have keys of 2013. */
static bool service_list_hosts(
        struct service *service, const struct config *config, struct problems *problems)
{
    bool ok = true;

    for (size_t i = 0; i < config->hosts_count; i++)
        ok = ok && rules_add_host(service->rules, text_of(config->hosts[i].name.at),
                           config->hosts[i].expires);
    for (size_t i = 0; i < config->domains_count; i++)
        for (size_t j = 0; j < config->domains[i].hosts.count; j++)
            ok = ok &&
                 rules_add_host(service->rules, text_of(config->domains[i].hosts.at[j].at), 0);
    return ok || service_out_of_memory(problems);
}

/* The index of the table. Several domains may name one. */
static size_t service_find_table(struct service *service, const char *address)
{
    size_t i = 0;

    while (i < service->tables_count && strcmp(service->tables[i], address) != 0)
        i++;
    if (i == service->tables_count)
        service->tables[service->tables_count++] = address;
    return i;
}

static bool service_make_domain(struct service *service, const struct config_domain *domain,
        struct served *served, struct problems *problems)
{
    struct domain_policy *policy = &served->policy;

    *policy = domain->policy;
    policy->name = domain->name.at;
    if (policy->lifetime + JUDGE_FUTURE > service->keep)
        service->keep = policy->lifetime + JUDGE_FUTURE;
    policy->deny_expired = service_is_denied(domain, "expired");
    policy->deny_changed = service_is_denied(domain, "changed");
    policy->deny_redirected = service_is_denied(domain, "redirected");
    policy->has_table = domain->table.at != NULL;
    if (policy->has_table)
        served->table = service_find_table(service, domain->table.at);
    if (!service_make_hosts(service, &domain->hosts, &policy->hosts, problems))
        return false;
    errno = 0;
    if (!rules_add_domain(service->rules, policy)) {
        if (errno == ENOMEM)
            return service_out_of_memory(problems);
        problems_add(problems, domain->name.line, "unusable domain", domain->name.at, NULL);
        return false;
    }
    if (domain->is_default)
        service->default_domain = domain->name.at;
    const bool classic = domain->classic_key.at == NULL ||
                         service_make_classic(served, &domain->classic_key, problems);
    return service_make_users(service, domain, problems) && classic;
}

static bool service_make_domains(
        struct service *service, const struct config *config, struct problems *problems)
{
    unsigned char seed[16];
    bool ok = true;

    randombytes_buf(seed, sizeof seed);
    service->rules = rules_init(seed);
    service->served = calloc(config->domains_count + 1, sizeof *service->served);
    service->tables = calloc(config->domains_count + 1, sizeof *service->tables);
    if (service->rules == NULL || service->served == NULL || service->tables == NULL)
        return service_out_of_memory(problems);
    service->served_count = config->domains_count;
    ok = service_list_hosts(service, config, problems);
    for (size_t i = 0; i < config->domains_count; i++)
        ok = service_make_domain(service, &config->domains[i], &service->served[i], problems) && ok;
    return ok;
}

static bool service_read_password(
        struct service *service, const struct config_text *path, struct problems *problems)
{
    const char *error = NULL;

    if (path->at == NULL)
        return true;
    service->password = password_load(path->at, &error);
    if (service->password == NULL)
        service_file_problem(problems, path, "replay_password", error, PASSWORD_FILE);
    return service->password != NULL;
}

struct service *service_init(const struct config *config, struct problems *problems)
{
    struct service *service = calloc(1, sizeof *service);

    if (service == NULL) {
        service_out_of_memory(problems);
        return NULL;
    }
    const size_t before = problems_count(problems);
    service->ring = live_keys_load(config, problems);
    service->answers = answer_keys_load(config, problems);
    const bool keys =
            service->ring != NULL && service->answers != NULL && problems_count(problems) == before;
    const bool password =
            service_read_password(service, &config->service->replay_password, problems);
    if (!service_make_domains(service, config, problems) || !keys || !password)
        service_free(&service);
    return service;
}

void service_free(struct service **service)
{
    struct service *s = *service;

    if (s == NULL)
        return;
    const bool freed = keyring_free(&s->ring);
    if (!answer_keys_free(&s->answers) || !freed)
        log_errno(LOG_LEVEL_WARNING, "keys-not-freed", NULL, NULL);
    sodium_free(s->password);
    rules_free(&s->rules);
    for (size_t i = 0; i < s->served_count; i++)
        classic_key_free(&s->served[i].classic);
    free(s->served);
    for (size_t i = 0; i < s->lists_count; i++)
        free(s->lists[i]);
    free(s->lists);
    free(s->tables);
    free(s);
    *service = NULL;
}

void service_after_fork(struct service *service)
{
    keyring_relock(service->ring);
    answer_keys_relock(service->answers);
}

const struct keyring *service_keyring(const struct service *service)
{
    return service->ring;
}

const struct answer_keys *service_answer_keys(const struct service *service)
{
    return service->answers;
}

const struct rules *service_rules(const struct service *service)
{
    return service->rules;
}

struct text service_default_domain(const struct service *service)
{
    return service->default_domain != NULL ? text_of(service->default_domain)
                                           : (struct text){NULL, 0};
}

struct classic_key *service_classic_key(const struct service *service, struct text domain)
{
    const struct domain_policy *policy = rules_domain(service->rules, domain);

    /* Every policy that the rules know is the first member of one of ours. */
    return policy != NULL ? ((const struct served *)policy)->classic : NULL;
}

size_t service_tables(const struct service *service)
{
    return service->tables_count;
}

const char *service_table(const struct service *service, size_t index)
{
    return service->tables[index];
}

size_t service_table_of(const struct domain_policy *policy)
{
    return ((const struct served *)policy)->table;
}

const char *service_replay_password(const struct service *service)
{
    return service->password;
}

uint64_t service_keep(const struct service *service)
{
    return service->keep;
}

struct config *service_config_read(const char *path, struct problems *problems)
{
    struct config *config = config_read(path, problems);

    if (config != NULL && config->service == NULL) {
        problems_add(problems, 0, "no section", "service", "service { ... }");
        config_free(&config);
    }
    return config;
}
