// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/arguments.h"
#include "command/escape.h"
#include "setup/answer_public.h"
#include "setup/published.h"
#include "setup/records.h"

#define NAME_WIDTH 34 /* columns of what was asked */

/* One run of `verimail dns`. */
struct job {
    const struct invocation *invocation;
    struct problems *problems;
    struct config *config; /* NULL: there is none */
    struct config_list domains;
    char target[DOMAIN_MAX + 1]; /* where the service should be; "": not known */
    struct config_list addresses;
    struct published_source *resolver;
    bool is_here;                /* the service is of this configuration */
    struct answer_public public; /* of its answer keys */
    bool is_wrong;               /* something is not published as it should be */
    bool is_failed;              /* something could not be looked up */
    bool is_silent;              /* the resolver does not answer: it is asked nothing more */
};

/* A record set that is looked up, and what it should have. */
struct wanted {
    const char *name;
    enum published_type type;
    const char *value; /* one of its values; NULL: any */
};

static enum status dns_out_of_memory(const struct job *job)
{
    command_complain(job->invocation, "out of memory");
    return STATUS_FAILURE;
}

/* The priority and the weight of an SRV record are yours to choose. */
static bool dns_is_same(enum published_type type, const char *value, const char *wanted)
{
    if (type == PUBLISHED_SRV) {
        for (int i = 0; i < 2; i++) {
            value += strcspn(value, " ") + 1;
            wanted += strcspn(wanted, " ") + 1;
        }
    }
    return strcmp(value, wanted) == 0;
}

static bool dns_has(const struct wanted *wanted, const struct published *published)
{
    for (size_t i = 0; i < published->count; i++)
        if (wanted->value == NULL || dns_is_same(wanted->type, published->values[i], wanted->value))
            return true;
    return false;
}

/* What there is to say of a policy record beyond showing it; "": nothing. */
static const char *dns_policy_word(const struct job *job, const struct published *published)
{
    const struct policy_record_set *set = &published->policy;

    if (set->result != POLICY_RECORD_NONE && set->result != POLICY_RECORD_OK)
        return policy_record_result_text(set->result);
    if (!job->is_here)
        return "";
    if (job->public.count > 0 && set->result == POLICY_RECORD_NONE)
        return "missing";
    return answer_public_fits(&job->public, &set->record) &&
                           set->record.has_key == (job->public.count > 0)
                   ? "ok"
                   : "different";
}

/* The same of any record. */
static const char *dns_word(
        const struct job *job, const struct wanted *wanted, const struct published *published)
{
    if (published->result != PUBLISHED_FOUND && published->result != PUBLISHED_NONE)
        return "";
    if (wanted->type == PUBLISHED_TXT)
        return dns_policy_word(job, published);
    if (job->target[0] == '\0')
        return "";
    return dns_has(wanted, published)            ? "ok"
           : published->result == PUBLISHED_NONE ? "missing"
                                                 : "different";
}

static void dns_print_values(const struct published *published)
{
    switch (published->result) {
    case PUBLISHED_FOUND:
        for (size_t i = 0; i < published->count; i++) {
            fputs(i > 0 ? ", " : "", stdout);
            escape_put(stdout, text_of(published->values[i]));
        }
        if (published->canonical[0] != '\0') {
            fputs(" (CNAME ", stdout);
            escape_put(stdout, text_of(published->canonical));
            putchar(')');
        }
        return;
    case PUBLISHED_NONE:
        fputs("none", stdout);
        return;
    case PUBLISHED_BOGUS:
    case PUBLISHED_FAILED:
    case PUBLISHED_LATE:
        fputs(published->result == PUBLISHED_BOGUS ? "bogus: " : "failed: ", stdout);
        escape_controls(stdout, text_of(published->error));
        return;
    }
}

/* `state`: of DNSSEC; "": what says it does not validate. */
static void dns_print(struct job *job, const char *from, const struct wanted *wanted,
        const struct published *published, const char *state)
{
    const bool is_failed =
            published->result != PUBLISHED_FOUND && published->result != PUBLISHED_NONE;
    const char *word = dns_word(job, wanted, published);
    const bool is_good = !is_failed && (word[0] == '\0' || strcmp(word, "ok") == 0);

    printf("    %-*s ", NAME_WIDTH, from);
    dns_print_values(published);
    if (published->result == PUBLISHED_FOUND && state[0] != '\0')
        printf("  %s", state);
    if (word[0] != '\0')
        printf("  %s", word);
    putchar('\n');
    job->is_failed = job->is_failed || is_failed;
    job->is_wrong = job->is_wrong || !is_good;
}

static void dns_ask_servers(struct job *job, const struct wanted *wanted)
{
    struct published_ns servers[PUBLISHED_SERVERS_MAX];
    struct published published;
    char zone[DOMAIN_MAX + 1];
    char from[DOMAIN_MAX + 64];
    const size_t count = published_servers(job->resolver, wanted->name, zone, servers);

    if (count == 0)
        printf("    %-*s no name server of its zone is known\n", NAME_WIDTH, "authoritative");
    for (size_t i = 0; i < count; i++) {
        struct published_source *server = published_server(zone, servers[i].address);
        if (server == NULL)
            continue;
        published_look(server, wanted->name, wanted->type, &published);
        published_free(&server);
        snprintf(from, sizeof from, "%s (%s)", servers[i].name, servers[i].address);
        dns_print(job, from, wanted, &published, "");
    }
}

/* What is published beside what should be. */
static void dns_compare(struct job *job, const struct wanted *wanted)
{
    struct published published;

    printf("%s %s\n", wanted->name, published_type_name(wanted->type));
    if (wanted->value != NULL)
        printf("    %-*s %s\n", NAME_WIDTH, "should be", wanted->value);
    published_look(job->resolver, wanted->name, wanted->type, &published);
    dns_print(job, "resolver", wanted, &published,
            published.secure ? "DNSSEC secure" : "DNSSEC insecure");
    job->is_silent = published.result == PUBLISHED_LATE;
    if (!job->is_silent)
        dns_ask_servers(job, wanted);
}

/* Where there is no policy record, and no key for one, nothing is said. */
static void dns_compare_policy(struct job *job, const char *domain)
{
    struct published published;
    char text[POLICY_RECORD_MAX] = "";
    struct writer w = writer_of(text, sizeof text - 1);
    const bool is_wanted = answer_public_format(&job->public, &w);
    const struct record record = records_policy(domain, text);

    published_look(job->resolver, record.name, PUBLISHED_TXT, &published);
    if (is_wanted || (published.result != PUBLISHED_NONE &&
                             (published.result != PUBLISHED_FOUND ||
                                     published.policy.result != POLICY_RECORD_NONE)))
        dns_compare(job, &(struct wanted){record.name, PUBLISHED_TXT, is_wanted ? text : NULL});
}

/* The addresses that the target should have; or, if these are not known, one at all. */
static void dns_compare_addresses(struct job *job)
{
    struct published v4;
    struct published v6;

    for (size_t i = 0; i < job->addresses.count && !job->is_silent; i++) {
        const struct record record = records_address(job->target, job->addresses.at[i].at);
        const enum published_type type =
                strcmp(record.type, "A") == 0 ? PUBLISHED_A : PUBLISHED_AAAA;
        dns_compare(job, &(struct wanted){job->target, type, record.value});
    }
    if (job->addresses.count > 0)
        return;
    published_look(job->resolver, job->target, PUBLISHED_A, &v4);
    published_look(job->resolver, job->target, PUBLISHED_AAAA, &v6);
    if (v6.result == PUBLISHED_FOUND)
        dns_compare(job, &(struct wanted){job->target, PUBLISHED_AAAA, NULL});
    if (v4.result == PUBLISHED_FOUND || v6.result != PUBLISHED_FOUND)
        dns_compare(job, &(struct wanted){job->target, PUBLISHED_A, NULL});
}

static enum status dns_look(struct job *job)
{
    char error[DISCOVERY_ERROR_MAX];

    job->resolver = published_resolver(
            job->config != NULL && job->config->verify_count > 0 ? job->config->verify : NULL,
            error);
    if (job->resolver == NULL) {
        command_complain(job->invocation, "%s", error);
        return STATUS_FAILURE;
    }
    for (size_t i = 0; i < job->domains.count && !job->is_silent; i++) {
        const struct record srv = records_srv(job->domains.at[i].at, job->target);
        dns_compare(job, &(struct wanted){srv.name, PUBLISHED_SRV,
                                 job->target[0] != '\0' ? srv.value : NULL});
        if (!job->is_silent)
            dns_compare_policy(job, job->domains.at[i].at);
    }
    if (job->target[0] != '\0' && !job->is_silent)
        dns_compare_addresses(job);
    published_free(&job->resolver);
    if (job->is_wrong && !job->is_failed)
        puts("\n`verimail dns --print` has the records to publish.");
    return job->is_failed ? STATUS_TEMPERROR : job->is_wrong ? STATUS_NO : STATUS_OK;
}

static enum status dns_read_config(struct job *job)
{
    const char *path = job->invocation->config_path;

    if (strcmp(path, CONFIG_PATH) == 0 && access(path, F_OK) != 0)
        return STATUS_OK;
    job->config = command_read_config(job->invocation, &job->problems);
    return job->config != NULL ? STATUS_OK : STATUS_CONFIG;
}

static bool dns_add(struct config_list *list, const char *text)
{
    struct config_text one = {.at = strdup(text)};

    if (one.at != NULL && config_list_add(list, one))
        return true;
    free(one.at);
    return false;
}

/* The domains that were named, else those that are served here. */
static enum status dns_take_domains(struct job *job, const char *const *domains)
{
    char ascii[DOMAIN_MAX + 1];

    for (; *domains != NULL; domains++) {
        if (!domain_to_ascii(text_of(*domains), ascii)) {
            command_complain(job->invocation, "%s: expected a domain", *domains);
            return STATUS_USAGE;
        }
        if (!dns_add(&job->domains, ascii))
            return dns_out_of_memory(job);
    }
    for (size_t i = 0;
            job->domains.count == 0 && job->config != NULL && i < job->config->domains_count; i++)
        if (!dns_add(&job->domains, job->config->domains[i].name.at))
            return dns_out_of_memory(job);
    if (job->domains.count > 0)
        return STATUS_OK;
    command_complain(job->invocation, "expected a domain, as in `verimail dns example.org`");
    return STATUS_USAGE;
}

static bool dns_is_served(const struct job *job)
{
    for (size_t i = 0; i < job->config->domains_count; i++)
        if (strcmp(job->config->domains[i].name.at, job->domains.at[0].at) == 0)
            return true;
    return false;
}

/* Where the service should be: as given, else this machine if it serves the domain. */
static enum status dns_find_target(
        struct job *job, const char *given, const struct arguments_values *addresses)
{
    const struct config *config = job->config;
    const bool is_here = config != NULL && config->service_count > 0 && dns_is_served(job);
    char error[ANSWER_PUBLIC_ERROR_MAX];
    const char *target = given != NULL              ? given
                         : !is_here                 ? ""
                         : config->stamp_count > 0  ? config->stamp->host.at
                         : config->verify_count > 0 ? config->verify->authserv_id.at
                                                    : "";

    if (target[0] != '\0' && !domain_to_ascii(text_of(target), job->target)) {
        command_complain(job->invocation, "--target %s: expected a name", target);
        return STATUS_USAGE;
    }
    job->is_here = is_here;
    if (is_here && !answer_public_read(config, &job->public, error)) {
        command_complain(job->invocation, "the answer key: %s", error);
        return STATUS_CONFIG;
    }
    for (size_t i = 0; i < addresses->count; i++)
        if (!dns_add(&job->addresses, addresses->at[i]))
            return dns_out_of_memory(job);
    return STATUS_OK;
}

static enum status dns_print_records(struct job *job)
{
    char policy[POLICY_RECORD_MAX] = "";
    struct writer w = writer_of(policy, sizeof policy - 1);
    const bool has_policy = answer_public_format(&job->public, &w);
    const struct records records = {
            &job->domains, job->target, &job->addresses, has_policy ? policy : NULL};

    if (job->target[0] == '\0') {
        command_complain(job->invocation,
                "no service for %s is configured here: name where it is with --target",
                job->domains.at[0].at);
        return STATUS_CONFIG;
    }
    if (job->addresses.count == 0 && !records_find_addresses(job->target, &job->addresses))
        return dns_out_of_memory(job);
    records_print(&records, stdout);
    return STATUS_OK;
}

static enum status dns(struct job *job, const char **domains)
{
    struct arguments_values addresses = {0};
    const char *target = NULL;
    bool is_printed = false;
    const struct arguments_option options[] = {
            {"--print", .flag = &is_printed},
            {"--target", .value = &target},
            {"--address", .values = &addresses},
            {NULL},
    };
    enum status status = STATUS_USAGE;

    if (arguments_read(job->invocation, options, 0, (size_t)job->invocation->argc, domains))
        status = dns_read_config(job);
    if (status == STATUS_OK)
        status = dns_take_domains(job, domains);
    if (status == STATUS_OK)
        status = dns_find_target(job, target, &addresses);
    free(addresses.at);
    if (status != STATUS_OK)
        return status;
    return is_printed ? dns_print_records(job) : dns_look(job);
}

static enum status dns_run(const struct invocation *invocation)
{
    struct job job = {.invocation = invocation};
    const char **domains = calloc((size_t)invocation->argc + 1, sizeof *domains);
    const enum status status = domains != NULL ? dns(&job, domains) : dns_out_of_memory(&job);

    free(domains);
    config_list_free(&job.domains);
    config_list_free(&job.addresses);
    config_free(&job.config);
    problems_free(&job.problems);
    return status;
}

const struct command command_dns = {
        .name = "dns",
        .synopsis = "[DOMAIN...] [--print] [--target NAME] [--address ADDRESS]...",
        .summary = "what the DNS says about your service, beside what it should say",
        .help = "  --print             print the records to publish, and look nothing up\n"
                "  --target NAME       the name where the service is; this host's, if you give "
                "none\n"
                "  --address ADDRESS   an address that it should have; may be repeated\n"
                "\n"
                "Each record is looked up with the resolver that the configuration names, and at "
                "the name\nservers of its zone.\n",
        .run = dns_run,
};
