// SPDX-License-Identifier: ISC
#include "command/revoke.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "command/arguments.h"
#include "command/config_change.h"
#include "command/daemon.h"
#include "command/escape.h"
#include "command/proof.h"
#include "command/ruling.h"
#include "verimaild/live_keys.h"

#define RELOAD_TIMEOUT 45000 /* milliseconds: 30 s to be ready, 10 s for what is open */

/* What it takes to revoke or restore one user. */
struct job {
    const struct invocation *invocation;
    struct problems *problems;
    struct config *config;
    struct keyring *ring; /* NULL: the service cannot be asked */
    const struct config_domain *domain;
    struct address user;
    char local[ADDRESS_MAX + 1];
    char key[ADDRESS_MAX + 1]; /* of the user in a table */
    struct user_rule rule;     /* the one in force before */
    struct revoke_row row;
    uint64_t now;
    bool only_sent;
    bool yes;
    bool restores;
    struct endpoint endpoint;
    const struct shared_key *shared; /* of a host that was permitted; else of any */
    struct client_outcome before;
};

static enum status revoke_parse_user(struct job *job, const char *user)
{
    const char *of_bare = "";
    struct writer key = writer_of(job->key, sizeof job->key - 1);

    for (size_t i = 0; i < job->config->domains_count; i++)
        if (job->config->domains[i].is_default)
            of_bare = job->config->domains[i].name.at;
    if (!address_parse(text_of(user), text_of(of_bare), &job->user)) {
        command_complain(job->invocation, "%s: expected a user, as in alice@example.org", user);
        return STATUS_DATA;
    }
    job->domain = user_rule_domain(job->config, address_domain(&job->user));
    if (job->domain == NULL ||
            !text_equal_fold(text_of(job->domain->name.at), address_domain(&job->user))) {
        command_complain(job->invocation, "%s: no such domain in %s: there is no rule to change",
                user, job->invocation->config_path);
        return STATUS_DATA;
    }
    const struct text local = address_local(&job->user);
    memcpy(job->local, local.at, local.len);
    if (!row_key(local, text_of(job->domain->name.at), &key))
        return STATUS_DATA;
    job->row = (struct revoke_row){.invocation = job->invocation,
            .path = user_rule_table(job->domain),
            .key = job->key,
            .unix_now = job->now,
            .only_sent = job->only_sent};
    return STATUS_OK;
}

static enum status revoke_prepare(struct job *job, const char *user)
{
    job->config = command_read_config(job->invocation, &job->problems);
    if (job->config == NULL)
        return STATUS_CONFIG;
    if (job->config->service_count == 0) {
        command_complain(job->invocation, "%s: no service section: run this where the service runs",
                job->invocation->config_path);
        return STATUS_CONFIG;
    }
    const enum status status = revoke_parse_user(job, user);
    if (status != STATUS_OK)
        return status;
    user_rule_find(job->domain, &job->user, &job->rule);
    if (job->rule.kind == USER_RULE_UNKNOWN) {
        command_complain(job->invocation, "%s: %s", job->row.path, job->rule.error);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

static bool revoke_has(const char *const *names, size_t count, const char *host)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(names[i], host) == 0)
            return true;
    return false;
}

/* Whether the rule lets the host send for the user. */
static bool revoke_permits(
        const struct config_domain *domain, const struct user_rule *found, const char *host)
{
    const struct rule *rule = &found->is.rule;
    const struct config_list *hosts = &domain->hosts;

    if (found->kind == USER_RULE_NONE || found->kind == USER_RULE_UNKNOWN)
        return false;
    for (size_t i = 0; rule->mode != RULE_HOSTS_ONLY && i < hosts->count; i++)
        if (strcasecmp(hosts->at[i].at, host) == 0)
            return true;
    return revoke_has(rule->hosts.names, rule->hosts.count, host);
}

/* Gets ready to ask the running service, and asks it what it says now. */
static void revoke_ask_before(struct job *job)
{
    const size_t before = problems_count(job->problems);

    if (!proof_find_service(job->config, &job->endpoint))
        return;
    job->ring = live_keys_load(job->config, job->problems);
    if (problems_count(job->problems) > before) {
        command_print_problems(job->problems);
        (void)keyring_free(&job->ring); /* if it fails, the process's end frees it */
        job->ring = NULL;
    }
    for (size_t i = 0; job->ring != NULL && i < keyring_count(job->ring); i++) {
        const struct shared_key *key = keyring_at(job->ring, i);
        if (job->shared == NULL || revoke_permits(job->domain, &job->rule, key->host)) {
            job->shared = key;
            if (revoke_permits(job->domain, &job->rule, key->host))
                break;
        }
    }
    if (job->shared != NULL)
        proof_ask(&job->endpoint, job->shared, &job->user, job->now, &job->before);
}

/* Whether the answer shows that the user is revoked. */
static bool revoke_is_proof(const struct client_outcome *after)
{
    return (after->verdict == VERDICT_NO && after->reason == REASON_REFUSED) ||
           (after->verdict == VERDICT_ALLOW && after->reason == REASON_TESTING);
}

static enum status revoke_prove(const struct job *job)
{
    struct client_outcome after;
    char now[PROOF_TEXT_MAX];
    char address[ENDPOINT_TEXT_MAX];

    if (job->shared == NULL) {
        command_complain(job->invocation,
                "not proven: this process cannot ask the service about a stamp: see "
                "`verimail explain`");
        return STATUS_FAILURE;
    }
    proof_ask(&job->endpoint, job->shared, &job->user, job->now, &after);
    proof_text(&after, now);
    endpoint_format(&job->endpoint, address);
    if (after.verdict == VERDICT_TEMPERROR) {
        command_complain(job->invocation,
                "not proven: the service at %s gives %s. The change counts when it runs: "
                "`systemctl status verimaild`",
                address, now);
        return STATUS_FAILURE;
    }
    if (!job->restores && !revoke_is_proof(&after)) {
        command_complain(job->invocation,
                "the service at %s still says %s: is it one of this configuration?", address, now);
        return STATUS_FAILURE;
    }
    printf("the service at %s says %s to a stamp of %s for %s", address, now, job->shared->host,
            job->user.text);
    if (job->before.verdict != VERDICT_TEMPERROR) {
        proof_text(&job->before, now);
        printf("; before it said %s", now);
    }
    putchar('\n');
    if (after.reason == REASON_TESTING)
        printf("%s is under test: the NO is an ALLOW until `verimail enforce origin`\n",
                job->domain->name.at);
    return STATUS_OK;
}

static enum status revoke_reload(const struct job *job)
{
    struct daemon_reload reload;

    switch (daemon_reload(DAEMON_SERVICE, job->invocation->config_path, &reload)) {
    case DAEMON_RELOADED:
        if (daemon_has_reloaded(&reload, RELOAD_TIMEOUT))
            return STATUS_OK;
        command_complain(job->invocation,
                "verimaild did not reload in time: `journalctl -u verimaild` says why");
        return STATUS_FAILURE;
    case DAEMON_ABSENT:
        command_complain(job->invocation,
                "verimaild does not run here by this file: if it runs elsewhere, reload it there");
        return STATUS_OK;
    case DAEMON_DENIED:
        break;
    }
    command_complain(
            job->invocation, "verimaild: %s: as root: systemctl reload verimaild", strerror(errno));
    return STATUS_FAILURE;
}

/* Rules of the user with a detail of its own are rules of another user. */
static void revoke_name_details(const struct job *job)
{
    const size_t len = strlen(job->local);

    for (size_t i = 0; i < job->domain->users_count; i++) {
        const char *local = job->domain->users[i].local.at;
        if (strncasecmp(local, job->local, len) == 0 && local[len] == '+')
            printf("%s@%s has a rule of its own, which stays: %s:%u\n", local, job->domain->name.at,
                    job->invocation->config_path, job->domain->users[i].line);
    }
}

/* What `edit` says of a change: STATUS_OK, and whether there is one. */
static enum status revoke_check_edit(
        const struct job *job, enum revocation_result result, bool *changed_r)
{
    *changed_r = result == REVOCATION_DONE;
    switch (result) {
    case REVOCATION_DONE:
    case REVOCATION_NOTHING:
        return STATUS_OK;
    case REVOCATION_BY_HAND:
        command_complain(job->invocation,
                "%s:%u: the rule has comments inside its values: change it by hand: hosts = {}",
                job->invocation->config_path, job->rule.section->line);
        return STATUS_DATA;
    case REVOCATION_NO_MEMORY:
        break;
    }
    command_complain(job->invocation, "out of memory");
    return STATUS_FAILURE;
}

/* The rule in the file. */
static enum status revoke_in_file(struct job *job, bool *changed_r)
{
    struct edit *edit = edit_load(job->invocation->config_path);
    const struct revocation what = {job->domain->name.at, job->local, job->now, job->only_sent};
    enum revocation_result result = REVOCATION_NO_MEMORY;

    *changed_r = false;
    if (edit == NULL) {
        command_complain(job->invocation, "%s: %s", job->invocation->config_path, strerror(errno));
        return STATUS_INPUT;
    }
    if (job->restores)
        result = revocation_undo(edit, &what);
    else if (user_rule_section(job->domain, text_of(job->local)) != NULL)
        result = revocation_change(edit, &what);
    else
        result = job->rule.is_too_long ? REVOCATION_BY_HAND
                                       : revocation_add(edit, &what, &job->rule.is.rule);
    enum status status = revoke_check_edit(job, result, changed_r);
    if (status == STATUS_OK && *changed_r)
        status = config_change_apply(job->invocation, edit, job->yes);
    if (status == STATUS_OK && *changed_r)
        status = revoke_reload(job);
    edit_free(&edit);
    return status;
}

/* Wherever the rule is: a section decides before a row does, and both may be there. */
static enum status revoke_everywhere(struct job *job)
{
    const bool has_section = user_rule_section(job->domain, text_of(job->local)) != NULL;
    char error[TABLE_ERROR_MAX];
    struct row row;
    enum status status = STATUS_OK;
    bool changed = false;

    const bool has_row =
            job->row.path != NULL && revoke_row_get(&job->row, &row, error) == TABLE_OK;
    if (job->row.path != NULL && (has_row || !has_section))
        status = revoke_row_take(&job->row, &job->rule.is.rule);
    if (status == STATUS_OK && (has_section || job->row.path == NULL))
        status = revoke_in_file(job, &changed);
    revoke_name_details(job);
    return status;
}

static enum status revoke_do(struct job *job)
{
    if (job->rule.kind == USER_RULE_NONE) {
        command_complain(job->invocation,
                "%s has no rule in %s, and there is none for *: its mail is refused already",
                job->user.text, job->invocation->config_path);
        return STATUS_NO;
    }
    revoke_ask_before(job);
    const enum status status = revoke_everywhere(job);
    return status == STATUS_OK ? revoke_prove(job) : status;
}

static void revoke_print_ruling(void *context, const char *sentence, bool is_change)
{
    const struct job *job = context;

    if (!is_change)
        command_complain(job->invocation, "its rule: %s", sentence);
}

static enum status restore_do(struct job *job)
{
    bool in_table = false;
    bool in_file = false;
    enum status status = STATUS_OK;

    revoke_ask_before(job);
    if (job->row.path != NULL)
        status = revoke_row_restore(&job->row, &in_table);
    if (status == STATUS_OK)
        status = revoke_in_file(job, &in_file);
    if (status != STATUS_OK)
        return status;
    if (in_table || in_file)
        return revoke_prove(job);
    const struct ruling ruling = {.config = job->config,
            .path = job->invocation->config_path,
            .user = &job->user,
            .advice = advice_find(VERDICT_NO, REASON_REFUSED, "host")};
    command_complain(job->invocation, "%s was not revoked by `verimail revoke`", job->user.text);
    ruling_trace(&ruling, revoke_print_ruling, job);
    return STATUS_NO;
}

static enum status revoke_run_as(const struct invocation *invocation, bool restores)
{
    struct job job = {.invocation = invocation,
            .now = unix_now(),
            .restores = restores,
            .before = {.verdict = VERDICT_TEMPERROR}};
    const char *user = NULL;
    const struct arguments_option revoke_options[] = {
            {"--sent", .flag = &job.only_sent}, {"--yes", .flag = &job.yes}, {NULL}};
    const struct arguments_option *options = restores ? revoke_options + 1 : revoke_options;

    if (!arguments_read(invocation, options, 1, 1, &user))
        return STATUS_USAGE;
    enum status status = revoke_prepare(&job, user);
    if (status == STATUS_OK)
        status = restores ? restore_do(&job) : revoke_do(&job);
    if (job.ring != NULL)
        (void)keyring_free(&job.ring); /* if it fails, the process's end frees it */
    config_free(&job.config);
    problems_free(&job.problems);
    return status;
}

static enum status revoke_run(const struct invocation *invocation)
{
    return revoke_run_as(invocation, false);
}

static enum status restore_run(const struct invocation *invocation)
{
    return revoke_run_as(invocation, true);
}

const struct command command_revoke = {
        .name = "revoke",
        .synopsis = "USER [--sent] [--yes]",
        .summary = "take back a user's right to send, or what the user has sent",
        .help = "  --sent   take back only what was stamped until now; the user goes on sending\n"
                "  --yes    change the configuration without asking\n"
                "\n"
                "The rule is changed where it is: in the domain's table of users, or in its\n"
                "section of the configuration, of which a copy is kept. The service reloads, and\n"
                "its answer about the user is shown. `verimail restore USER` undoes it.\n",
        .run = revoke_run,
};

const struct command command_restore = {
        .name = "restore",
        .synopsis = "USER [--yes]",
        .summary = "undo `revoke`",
        .help = "  --yes    change the configuration without asking\n"
                "\n"
                "The rule becomes what it was before `verimail revoke`, in the table and in the\n"
                "configuration, and the service's answer about the user is shown.\n",
        .run = restore_run,
};
