// SPDX-License-Identifier: ISC
#include "command/setup_answers.h"

#include <errno.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/network.h"
#include "setup/records.h"

/* One run of the questions. */
struct answers {
    const struct invocation *invocation;
    const struct setup_options *options;
    const struct config *now; /* NULL: there is none */
    struct plan *plan;
};

static enum status answers_refuse(
        const struct answers *a, const char *option, const char *value, const char *expected)
{
    command_complain(a->invocation, "%s %s: expected %s", option, value, expected);
    return STATUS_USAGE;
}

static enum status answers_out_of_memory(const struct answers *a)
{
    command_complain(a->invocation, "out of memory");
    return STATUS_FAILURE;
}

char *setup_answers_ask(const char *question, const char *answer)
{
    char *line = NULL;
    size_t size = 0;

    for (;;) {
        if (answer != NULL && answer[0] != '\0')
            printf("%s [%s]: ", question, answer);
        else
            printf("%s: ", question);
        fflush(stdout);
        if (getline(&line, &size, stdin) < 0) {
            free(line);
            putchar('\n');
            return NULL;
        }
        const struct text typed = text_trim(text_of(line));
        if (typed.len > 0 || answer != NULL) {
            char *said = typed.len > 0 ? strndup(typed.at, typed.len) : strdup(answer);
            free(line);
            return said;
        }
    }
}

/* The option's value, else what is typed, else `usual` where no question may be asked. NULL after a
 * complaint. */
static char *answers_get(const struct answers *a, const char *option, const char *given,
        const char *question, const char *usual)
{
    if (given != NULL)
        return strdup(given);
    if (a->options->yes) {
        if (usual != NULL)
            return strdup(usual);
        command_complain(a->invocation, "%s is needed: this machine does not say it", option);
        return NULL;
    }
    char *said = setup_answers_ask(question, usual);
    if (said == NULL)
        command_complain(a->invocation,
                "no answer: use the option %s, or --yes for the usual answers", option);
    return said;
}

/* Texts with commas or spaces between them. */
static bool answers_add_list(struct config_list *list, const char *texts)
{
    struct reader reader = reader_of(text_of(texts));

    while (reader.rest.len > 0) {
        const size_t len = strcspn(reader.rest.at, ", \t");
        struct config_text one = {.at = strndup(reader.rest.at, len)};
        reader.rest.at += len;
        reader.rest.len -= len;
        if (reader.rest.len > 0) {
            reader.rest.at++;
            reader.rest.len--;
        }
        if (len == 0) {
            free(one.at);
            continue;
        }
        if (one.at == NULL || !config_list_add(list, one)) {
            free(one.at);
            return false;
        }
    }
    return true;
}

static bool answers_add_values(struct config_list *list, const struct arguments_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        if (!answers_add_list(list, values->at[i]))
            return false;
    return true;
}

bool setup_answers_addresses(const struct setup_options *options, struct config_list *addresses_r)
{
    return answers_add_values(addresses_r, &options->addresses);
}

static enum status answers_take_name(
        const struct answers *a, const char *option, const char *value, char name_r[DOMAIN_MAX + 1])
{
    if (!domain_to_ascii(text_of(value), name_r) || strchr(name_r, '.') == NULL)
        return answers_refuse(a, option, value, "a name with a dot, as in mail.example.org");
    return STATUS_OK;
}

/* Domains. */

static bool answers_has(const struct config_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i].at, text) == 0)
            return true;
    return false;
}

static bool answers_known_domains(const struct answers *a, struct config_list *list)
{
    const struct config *now = a->now;

    for (size_t i = 0; now != NULL && i < now->domains_count; i++)
        if (!answers_add_list(list, now->domains[i].name.at))
            return false;
    for (size_t i = 0; now != NULL && list->count == 0 && now->stamp_count > 0 &&
                       i < now->stamp->domains.count;
            i++)
        if (!answers_add_list(list, now->stamp->domains.at[i].at))
            return false;
    return true;
}

static enum status answers_domains(const struct answers *a)
{
    const struct arguments_values *given = &a->options->domains;
    const struct config_list *imported = &a->plan->imported.domains;
    char ascii[DOMAIN_MAX + 1];

    for (size_t i = 0; i < given->count; i++) {
        const enum status status = answers_take_name(a, "DOMAIN", given->at[i], ascii);
        if (status != STATUS_OK)
            return status;
        if (!answers_has(&a->plan->domains, ascii) && !answers_add_list(&a->plan->domains, ascii))
            return answers_out_of_memory(a);
    }
    for (size_t i = 0; i < imported->count; i++)
        if (!answers_has(&a->plan->domains, imported->at[i].at) &&
                !answers_add_list(&a->plan->domains, imported->at[i].at))
            return answers_out_of_memory(a);
    if (a->plan->domains.count == 0 && !answers_known_domains(a, &a->plan->domains))
        return answers_out_of_memory(a);
    if (a->plan->domains.count > 0)
        return STATUS_OK;
    command_complain(a->invocation, "expected a domain, as in `verimail setup example.org`");
    return STATUS_USAGE;
}

/* Roles. */

static const struct {
    const char *name;
    unsigned role;
} answers_roles[] = {
        {"service", PLAN_SERVICE},
        {"host", PLAN_HOST},
        {"receiver", PLAN_RECEIVER},
};

static unsigned answers_role(struct text name)
{
    for (size_t i = 0; i < sizeof answers_roles / sizeof *answers_roles; i++)
        if (text_equal_fold(name, text_of(answers_roles[i].name)))
            return answers_roles[i].role;
    return 0;
}

/* What the configuration makes of this machine. Where there is none: all of it, but no service
 * beside one that was imported. */
static unsigned answers_usual_roles(const struct config *now, const struct halves *imported)
{
    const unsigned roles = now == NULL ? 0
                                       : (now->service_count > 0 ? PLAN_SERVICE : 0U) |
                                                 (now->stamp_count > 0 ? PLAN_HOST : 0U) |
                                                 (now->verify_count > 0 ? PLAN_RECEIVER : 0U);
    if (roles != 0)
        return roles;
    return imported->service[0] != '\0' ? PLAN_HOST | PLAN_RECEIVER : PLAN_ALL;
}

static enum status answers_take_roles(const struct answers *a)
{
    const unsigned usual = answers_usual_roles(a->now, &a->plan->imported);
    char names[64];
    struct writer w = writer_of(names, sizeof names);

    for (size_t i = 0; i < sizeof answers_roles / sizeof *answers_roles; i++)
        if ((usual & answers_roles[i].role) != 0) {
            writer_string(&w, writer_text(&w).len > 0 ? "," : "");
            writer_string(&w, answers_roles[i].name);
        }
    writer_char(&w, '\0');
    char *said = answers_get(a, "--only", a->options->only,
            "What this machine is to be: service (answers questions), host (sends mail), receiver",
            names);
    if (said == NULL)
        return STATUS_USAGE;
    struct reader reader = reader_of(text_of(said));
    while (reader.rest.len > 0) {
        const unsigned role = answers_role(text_trim(reader_field(&reader, ',')));
        if (role == 0) {
            const enum status status = answers_refuse(
                    a, "--only", said, "service, host, receiver, or several with commas");
            free(said);
            return status;
        }
        a->plan->roles |= role;
    }
    free(said);
    return STATUS_OK;
}

/* The mail server. */

static enum status answers_server(const struct answers *a)
{
    const char *given = a->options->mail_server;
    char error[POSTFIX_ERROR_MAX] = "";
    struct plan *plan = a->plan;
    const bool has_postfix =
            (given == NULL || strcmp(given, "postfix") == 0) && postfix_read(&plan->postfix, error);

    if (error[0] != '\0') {
        command_complain(a->invocation, "Postfix cannot be read: %s", error);
        return STATUS_FAILURE;
    }
    plan->server = has_postfix                      ? PLAN_POSTFIX
                   : given == NULL                  ? PLAN_NO_SERVER
                   : strcmp(given, "sendmail") == 0 ? PLAN_SENDMAIL
                                                    : PLAN_NO_SERVER;
    if (given == NULL && !has_postfix && access("/etc/mail/sendmail.mc", F_OK) == 0)
        plan->server = PLAN_SENDMAIL;
    if (given != NULL && strcmp(given, "postfix") == 0 && !has_postfix) {
        command_complain(a->invocation, "Postfix is not installed: `apt install postfix`");
        return STATUS_FAILURE;
    }
    if (given != NULL && strcmp(given, "postfix") != 0 && strcmp(given, "sendmail") != 0 &&
            strcmp(given, "none") != 0)
        return answers_refuse(a, "--mail-server", given, "postfix, sendmail or none");
    if (plan->server != PLAN_NO_SERVER || given != NULL || plan->roles == PLAN_SERVICE)
        return STATUS_OK;
    command_complain(a->invocation, "no mail server is installed: `apt install postfix`, or "
                                    "--mail-server none, or --only service");
    return STATUS_FAILURE;
}

/* Names and networks. */

/* This machine's full name, as far as it knows it; "" when it has none with a dot. */
static void answers_find_host(const struct answers *a, char name_r[DOMAIN_MAX + 1])
{
    char own[DOMAIN_MAX + 1] = "";
    const char *found = NULL;
    const struct addrinfo hints = {.ai_flags = AI_CANONNAME};
    struct addrinfo *canonical = NULL;

    if (a->now != NULL && a->now->stamp_count > 0)
        found = a->now->stamp->host.at;
    else if (a->now != NULL && a->now->verify_count > 0)
        found = a->now->verify->authserv_id.at;
    else if (a->plan->postfix.hostname != NULL && strchr(a->plan->postfix.hostname, '.') != NULL)
        found = a->plan->postfix.hostname;
    if (found == NULL && gethostname(own, sizeof own - 1) == 0) {
        found = own;
        if (strchr(own, '.') == NULL && getaddrinfo(own, NULL, &hints, &canonical) == 0 &&
                canonical->ai_canonname != NULL)
            found = canonical->ai_canonname;
    }
    if (found == NULL || !domain_to_ascii(text_of(found), name_r))
        name_r[0] = '\0';
    if (canonical != NULL)
        freeaddrinfo(canonical);
    if (strchr(name_r, '.') != NULL)
        return;
    /* A bare name is one of the first domain. */
    snprintf(own, sizeof own, "%s", name_r);
    if (snprintf(name_r, DOMAIN_MAX + 1, "%s.%s", own[0] != '\0' ? own : "mail",
                a->plan->domains.at[0].at) > DOMAIN_MAX)
        name_r[0] = '\0';
}

static enum status answers_host(const struct answers *a)
{
    char usual[DOMAIN_MAX + 1];

    answers_find_host(a, usual);
    char *said = answers_get(a, "--host", a->options->host, "This machine's name in mail",
            usual[0] != '\0' ? usual : NULL);
    if (said == NULL)
        return STATUS_USAGE;
    const enum status status = answers_take_name(a, "--host", said, a->plan->host);
    free(said);
    return status;
}

static enum status answers_target(const struct answers *a)
{
    snprintf(a->plan->target, sizeof a->plan->target, "%s", a->plan->host);
    if ((a->plan->roles & PLAN_SERVICE) == 0)
        return STATUS_OK;
    char *said = answers_get(a, "--target", a->options->target,
            "The name where others find this service, for the DNS", a->plan->host);
    if (said == NULL)
        return STATUS_USAGE;
    const enum status status = answers_take_name(a, "--target", said, a->plan->target);
    free(said);
    return status;
}

static enum status answers_addresses(const struct answers *a)
{
    struct config_list *list = &a->plan->addresses;
    const struct arguments_values *given = &a->options->addresses;
    struct network network;

    if ((a->plan->roles & PLAN_SERVICE) == 0)
        return STATUS_OK;
    if (given->count == 0 && !records_find_addresses(a->plan->target, list))
        return answers_out_of_memory(a);
    if (given->count == 0 && list->count == 0 && !a->options->yes) {
        char *said = setup_answers_ask(
                "Its public addresses, which this machine does not know (empty: later)", "");
        const bool ok = said != NULL && answers_add_list(list, said);
        free(said);
        if (!ok)
            return answers_out_of_memory(a);
    }
    if (!answers_add_values(list, given))
        return answers_out_of_memory(a);
    for (size_t i = 0; i < list->count; i++)
        if (!network_parse(list->at[i].at, &network) || strchr(list->at[i].at, '/') != NULL)
            return answers_refuse(a, "--address", list->at[i].at, "an IPv4 or IPv6 address");
    return STATUS_OK;
}

static enum status answers_networks(const struct answers *a)
{
    static const char usual[] = "127.0.0.0/8, ::1";
    struct config_list *list = &a->plan->networks;
    struct network network;

    if ((a->plan->roles & (PLAN_HOST | PLAN_RECEIVER)) == 0 ||
            (a->now != NULL && a->now->milter_count > 0))
        return STATUS_OK;
    if (a->options->networks.count > 0) {
        if (!answers_add_values(list, &a->options->networks))
            return answers_out_of_memory(a);
    } else {
        if (!a->options->yes && a->plan->postfix.networks != NULL)
            printf("Postfix relays for %s\n", a->plan->postfix.networks);
        char *said = answers_get(
                a, "--network", NULL, "Networks whose mail is yours without a login", usual);
        const bool ok = said != NULL && answers_add_list(list, said);
        free(said);
        if (!ok)
            return STATUS_USAGE;
    }
    for (size_t i = 0; i < list->count; i++)
        if (!network_parse(list->at[i].at, &network))
            return answers_refuse(
                    a, "--network", list->at[i].at, "a network, as in 192.0.2.0/24 or ::1");
    return STATUS_OK;
}

/* Where our own service is asked about our own users. */
static enum status answers_peer(const struct answers *a)
{
    struct endpoint endpoint;
    const char *given = a->options->peer;

    if (given == NULL && (a->plan->roles & PLAN_SERVICE) != 0)
        given = "127.0.0.1:26";
    if (given == NULL && a->plan->imported.address[0] != '\0')
        given = a->plan->imported.address;
    if (given == NULL)
        return STATUS_OK;
    if (!endpoint_parse(given, &endpoint) || endpoint.wildcard)
        return answers_refuse(a, "--peer", given, "an address and a port, as in 192.0.2.1:26");
    snprintf(a->plan->peer, sizeof a->plan->peer, "%s", given);
    return STATUS_OK;
}

static enum status answers_trial(const struct answers *a)
{
    if (a->options->no_test || a->plan->server == PLAN_NO_SERVER ||
            a->plan->server == PLAN_SENDMAIL)
        return STATUS_OK;
    a->plan->test_to = strdup(a->options->test_to != NULL ? a->options->test_to : "root@localhost");
    return a->plan->test_to != NULL ? STATUS_OK : answers_out_of_memory(a);
}

static enum status answers_user(const struct answers *a)
{
    const struct passwd *user = getpwnam(PLAN_USER);

    if (user != NULL) {
        a->plan->uid = user->pw_uid;
        a->plan->gid = user->pw_gid;
        return STATUS_OK;
    }
    command_complain(a->invocation,
            "there is no user %s: `systemd-sysusers verimail.conf`, or `useradd --system "
            "--home-dir " PLAN_STATE " --shell /usr/sbin/nologin " PLAN_USER "`",
            PLAN_USER);
    return STATUS_FAILURE;
}

enum status setup_answers(const struct invocation *invocation, const struct setup_options *options,
        const struct config *now, struct plan *plan)
{
    static enum status (*const questions[])(const struct answers *a) = {
            answers_user,
            answers_domains,
            answers_take_roles,
            answers_server,
            answers_host,
            answers_target,
            answers_addresses,
            answers_networks,
            answers_peer,
            answers_trial,
    };
    const struct answers a = {invocation, options, now, plan};
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < sizeof questions / sizeof *questions; i++)
        status = questions[i](&a);
    return status;
}
