// SPDX-License-Identifier: ISC
#include "milter/candidate.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sysexits.h>

#include "base/endpoint.h"
#include "base/network.h"
#include "config/across.h"
#include "config/across_keys.h"
#include "config/key_listing.h"
#include "config/port_check.h"
#include "config/run_as.h"
#include "milter/recorder_child.h"
#include "process/notify.h"

static bool candidate_find_group(const struct config_milter *milter,
        const struct identity *identity, gid_t *group_r, struct problems *problems)
{
    *group_r = identity->gid;
    if (milter->socket_group.at == NULL)
        return true;
    const struct group *group = getgrnam(milter->socket_group.at);
    if (group == NULL)
        problems_add(problems, milter->socket_group.line, "socket_group", milter->socket_group.at,
                "a group of this machine");
    else
        *group_r = group->gr_gid;
    return group != NULL;
}

static bool candidate_find_identity(struct candidate *candidate, struct problems *problems)
{
    const struct config *config = candidate->config;
    bool good = true;

    if (!run_as_find(&config->milter->run_as, &candidate->identity, problems))
        return false;
    for (size_t i = 0; i < config->milter_count; i++)
        good = candidate_find_group(
                       &config->milter[i], &candidate->identity, &candidate->groups[i], problems) &&
               good;
    return good;
}

/* What a worker would find wrong. */
static bool candidate_check(const struct candidate *candidate, struct problems *problems)
{
    bool good = true;

    for (size_t i = 0; i < candidate->count; i++) {
        const struct policy_files files = bundle_files(&candidate->bundles[i]);
        struct policy policy;
        good = policy_init(candidate->config, &candidate->config->milter[i], &files, problems,
                       &policy) &&
               good;
        policy_clear(&policy);
    }
    return good;
}

void candidate_clear(struct candidate *candidate)
{
    for (size_t i = 0; i < candidate->count; i++)
        bundle_clear(&candidate->bundles[i]);
    free(candidate->bundles);
    candidate->bundles = NULL;
    candidate->count = 0;
    metrics_socket_close(&candidate->metrics);
    config_free(&candidate->config);
}

bool candidate_read(const char *path, struct candidate *candidate_r, struct problems *problems)
{
    *candidate_r = (struct candidate){0};
    candidate_r->bundles = calloc(CONFIG_MILTERS_MAX, sizeof *candidate_r->bundles);
    if (candidate_r->bundles == NULL) {
        problems_add_memory(problems);
        return false;
    }
    candidate_r->count = 1;
    bool good = bundle_read(path, candidate_r->bundles, &candidate_r->config, problems);
    const struct config *config = candidate_r->config;

    if (config == NULL)
        return false;
    for (; candidate_r->count < config->milter_count; candidate_r->count++)
        good = bundle_read_section(candidate_r->bundles, config,
                       &config->milter[candidate_r->count],
                       &candidate_r->bundles[candidate_r->count], problems) &&
               good;
    good = candidate_find_identity(candidate_r, problems) && good;
    return candidate_check(candidate_r, problems) && good;
}

static void candidate_warn_of_text(struct problems *warnings, const char *name,
        const struct config_text *before, const struct config_text *after)
{
    const char *old_value = before->at != NULL ? before->at : "";
    const char *new_value = after->at != NULL ? after->at : "";

    if (strcmp(old_value, new_value) != 0)
        problems_add(warnings, after->line, name, new_value, "a restart to change it");
}

static bool candidate_has_list(const struct config_list *a, const struct config_list *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->at[i].at, b->at[i].at) == 0;
    return same;
}

static void candidate_warn_of_milter(struct problems *warnings, const struct config_milter *before,
        const struct config_milter *after)
{
    candidate_warn_of_text(warnings, "socket", &before->socket, &after->socket);
    candidate_warn_of_text(warnings, "socket_group", &before->socket_group, &after->socket_group);
    candidate_warn_of_text(warnings, "run_as", &before->run_as, &after->run_as);
    if (!candidate_has_list(&before->clients, &after->clients))
        problems_add(warnings, after->line, "clients", NULL, "a restart to change them");
    if (before->socket_mode != after->socket_mode)
        problems_add(warnings, after->line, "socket_mode", NULL, "a restart to change it");
}

static void candidate_warn_of_verify(struct problems *warnings, const struct config_verify *before,
        const struct config_verify *after)
{
    candidate_warn_of_text(warnings, "resolver", &before->resolver, &after->resolver);
    if (before->trust_anchors_given != after->trust_anchors_given ||
            !candidate_has_list(&before->trust_anchors, &after->trust_anchors))
        problems_add(warnings, after->line, "trust_anchors", NULL, "a restart to change them");
}

void candidate_warn_of_restart(
        const struct candidate *candidate, const struct config *first, struct problems *warnings)
{
    const struct config *config = candidate->config;

    for (size_t i = 0; i < first->milter_count; i++) {
        const struct config_milter *now = config_find_milter(config, first->milter[i].name.at);
        if (now != NULL)
            candidate_warn_of_milter(warnings, &first->milter[i], now);
    }
    if (config->verify_count == 0)
        return;
    if (first->verify_count > 0)
        candidate_warn_of_verify(warnings, first->verify, config->verify);
    else
        problems_add(warnings, config->verify->line, "a new section `verify`", NULL,
                "a restart: until then nothing is verified");
}

/* Warns of files that `run_as` cannot read: under systemd the supervisor is that user. */
static void candidate_warn_unreadable(
        const struct candidate *candidate, const char *config_path, struct problems *warnings)
{
    const struct config *config = candidate->config;
    const char *run_as = config->milter->run_as.at;

    run_as_check_file(run_as, config_path, 0, warnings);
    if (config->stamp_count > 0)
        run_as_check_keys(
                run_as, config->stamp->key.at, KEY_HOST_SECRET, config->stamp->key.line, warnings);
    for (size_t i = 0; i < config->milter_count; i++) {
        const struct config_text *logins = &config->milter[i].logins;
        if (logins->at[0] == '/')
            run_as_check_file(run_as, logins->at, logins->line, warnings);
    }
}

static bool candidate_stamps_for(const struct config *config, const struct config_domain *domain)
{
    const struct config_list *stamped = &config->stamp->domains;

    for (size_t i = 0; i < stamped->count; i++)
        if (strcmp(stamped->at[i].at, domain->name.at) == 0)
            return true;
    return false;
}

static bool candidate_has_peer(const struct config *config, const char *domain)
{
    for (size_t i = 0; i < config->peers_count; i++)
        if (strcmp(config->peers[i].name.at, domain) == 0)
            return true;
    return false;
}

/* What lets a forgery from outside in: it would come out stamped if it is forwarded through what
 * relays for us. */
static const char *candidate_way_in(const struct config *config)
{
    const struct config_verify *verify = config->verify;

    if (config->verify_count == 0)
        return "no section `verify`";
    if (strcmp(verify->mode.at, "monitor") == 0)
        return "mode = monitor";
    if (strcmp(verify->on_no.at, "reject") != 0)
        return "an on_no other than reject";
    for (size_t i = 0; i < config->domains_count; i++)
        if (config->domains[i].policy.testing && candidate_stamps_for(config, &config->domains[i]))
            return "testing = yes of a domain that is stamped";
    /* Without one, who disturbs the DNS gets past: on_temperror. */
    for (size_t i = 0; i < config->stamp->domains.count; i++)
        if (!candidate_has_peer(config, config->stamp->domains.at[i].at))
            return "a stamped domain without a section `peer`";
    return NULL;
}

static void candidate_warn_of_relay(
        const char *option, unsigned line, const char *way_in, struct problems *warnings)
{
    char what[128];

    snprintf(what, sizeof what, "%s beside %s", option, way_in);
    problems_add(warnings, line, what, NULL,
            "mail to be refused that a domain says NO to: a forgery from outside that is forwarded "
            "would leave with your stamp");
}

void candidate_warn_of_relays(const struct candidate *candidate, struct problems *warnings)
{
    const struct config *config = candidate->config;
    const char *way_in = config->stamp_count > 0 ? candidate_way_in(config) : NULL;

    for (size_t i = 0; way_in != NULL && i < config->milter_count; i++) {
        const struct config_milter *milter = &config->milter[i];
        if (milter->stamp_relayed.count > 0)
            candidate_warn_of_relay(
                    "stamp_relayed", milter->stamp_relayed.at[0].line, way_in, warnings);
        if (milter->relayed_mark.at != NULL)
            candidate_warn_of_relay("relayed_mark", milter->relayed_mark.line, way_in, warnings);
    }
}

/* The names that a mail server gives each of its listeners where none are set. */
static bool candidate_is_common_name(const struct config *config, const char *name)
{
    static const char *const sendmail[] = {"MTA", "MTA-v4", "MTA-v6"};
    struct utsname machine;

    for (size_t i = 0; i < sizeof sendmail / sizeof *sendmail; i++)
        if (strcasecmp(name, sendmail[i]) == 0)
            return true;
    return strcasecmp(name, config->stamp->host.at) == 0 ||
           (uname(&machine) == 0 && strcasecmp(name, machine.nodename) == 0);
}

static void candidate_warn_of_names(const struct config *config, const char *option,
        const struct config_list *names, struct problems *warnings)
{
    char what[128];

    snprintf(what, sizeof what, "%s has a name that every listener of a mail server bears", option);
    for (size_t i = 0; i < names->count; i++)
        if (candidate_is_common_name(config, names->at[i].at))
            problems_add(warnings, names->at[i].line, what, names->at[i].at,
                    "a name of its own for that listener (milter_macro_daemon_name in Postfix's "
                    "master.cf): strangers' mail would leave with your stamp");
}

void candidate_warn_of_daemons(const struct candidate *candidate, struct problems *warnings)
{
    const struct config *config = candidate->config;

    for (size_t i = 0; config->stamp_count > 0 && i < config->milter_count; i++) {
        const struct config_milter *milter = &config->milter[i];
        candidate_warn_of_names(config, "trusted_daemons", &milter->trusted_daemons, warnings);
        candidate_warn_of_names(config, "stamp_relayed", &milter->stamp_relayed, warnings);
    }
}

static bool candidate_has_recorder(const struct candidate *candidate, struct problems *problems)
{
    char program[RECORDER_PATH_MAX];

    if (!recorder_child_is_wanted(candidate->config) || recorder_find(program))
        return true;
    problems_add(problems, 0, RECORDER_MISSING, program, RECORDER_EXPECTED);
    return false;
}

/* Messages are never refused because they cannot be recorded: so it is no error. */
static void candidate_warn_of_state(const struct candidate *candidate, struct problems *warnings)
{
    const struct config_text *state = &candidate->config->milter->state;
    struct stat st;

    if (strcmp(candidate->config->record->store.at, "sqlite") != 0)
        return;
    if (stat(state->at, &st) == 0 && S_ISDIR(st.st_mode)) {
        run_as_check_folder(candidate->config->milter->run_as.at, state->at, state->line, warnings);
        return;
    }
    problems_add(warnings, state->line, "warning: no folder for the record of mail", state->at,
            "a folder of the user of `run_as`, or record { store = \"none\" }");
}

static bool candidate_admits_everybody(const struct config_list *clients)
{
    struct network network;

    for (size_t i = 0; i < clients->count; i++)
        if (network_parse(clients->at[i].at, &network) &&
                (network.prefix == 0 || (network.prefix == 96 && network.address[10] == 0xff)))
            return true;
    return false;
}

/* Of a TCP socket: a port that is taken, and clients without a limit. */
static void candidate_warn_of_socket(const struct config_milter *milter, struct problems *warnings)
{
    const char *at = strchr(milter->socket.at, '@');
    const char *port = strchr(milter->socket.at, ':');
    char address[ENDPOINT_TEXT_MAX];

    if (strncmp(milter->socket.at, "inet", 4) != 0 || at == NULL || port == NULL)
        return;
    snprintf(address, sizeof address, strchr(at, ':') != NULL ? "[%s]:%.*s" : "%s:%.*s", at + 1,
            (int)(at - port - 1), port + 1);
    port_check(&milter->socket, address, "verimail-milter", warnings);
    if (candidate_admits_everybody(&milter->clients))
        problems_add(warnings, milter->clients.at[0].line,
                "warning: a socket that everybody can reach, who is believed when saying who "
                "logged in",
                milter->socket.at, "clients = {the networks of your mail servers}");
}

/* What is believed of those who can reach it. */
static void candidate_print_socket(const struct config_milter *milter)
{
    if (strncmp(milter->socket.at, "inet", 4) != 0)
        return;
    printf("stamps at %s: believes these clients when they say who logged in: this machine",
            milter->socket.at);
    for (size_t i = 0; milter->clients_given && i < milter->clients.count; i++)
        printf(", %s", milter->clients.at[i].at);
    putchar('\n');
}

static void candidate_warn(const struct candidate *candidate, struct problems *warnings)
{
    const struct config *config = candidate->config;

    candidate_warn_of_relays(candidate, warnings);
    candidate_warn_of_daemons(candidate, warnings);
    for (size_t i = 0; i < config->milter_count; i++)
        candidate_warn_of_socket(&config->milter[i], warnings);
    across_warn_local(candidate->config, warnings);
    across_warn_keys(candidate->config, warnings);
    candidate_warn_of_state(candidate, warnings);
    for (size_t i = 0; notify_is_booted() && i < config->milter_count; i++)
        run_as_check_socket(config->milter->run_as.at, config->milter[i].socket.at,
                config->milter[i].socket.line, warnings);
}

static void candidate_print(const struct candidate *candidate, const char *config_path)
{
    const struct config *config = candidate->config;

    printf("OK: %s%s%s; %zu peer%s\n", config->stamp_count > 0 ? "stamps" : "",
            config->stamp_count > 0 && config->verify_count > 0 ? " and " : "",
            config->verify_count > 0 ? "verifies" : "", config->peers_count,
            config->peers_count == 1 ? "" : "s");
    printf("read: %s\n", config_path);
    for (size_t i = 0; config->stamp_count > 0 && i < config->milter_count; i++)
        candidate_print_socket(&config->milter[i]);
    if (config->stamp_count > 0)
        key_listing_print(stdout, config->stamp->key.at, KEY_HOST_SECRET, 1);
    for (size_t i = 0; i < config->milter_count; i++)
        if (config->milter[i].logins.at[0] == '/')
            printf("read: %s\n", config->milter[i].logins.at);
}

int candidate_test(const char *config_path)
{
    struct problems *problems = problems_init(config_path);
    struct candidate candidate = {0};
    const bool good = problems != NULL && candidate_read(config_path, &candidate, problems) &&
                      candidate_has_recorder(&candidate, problems);

    if (good)
        candidate_warn(&candidate, problems);
    if (good && notify_is_booted())
        candidate_warn_unreadable(&candidate, config_path, problems);
    fputs(problems != NULL ? problems_text(problems) : "out of memory\n", stderr);
    if (good)
        candidate_print(&candidate, config_path);
    const int status =
            problems != NULL && !problems_are_passing(problems) ? EX_CONFIG : EXIT_FAILURE;
    candidate_clear(&candidate);
    problems_free(&problems);
    return good ? EXIT_SUCCESS : status;
}
