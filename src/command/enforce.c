// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "command/arguments.h"
#include "command/config_change.h"
#include "command/daemon.h"
#include "command/escape.h"
#include "command/record.h"

#define SINCE_DEFAULT "7d"
#define RELOAD_TIMEOUT 45000 /* milliseconds */
#define COLUMNS 4

/* One run of `verimail enforce`. */
struct job {
    const struct invocation *invocation;
    struct problems *problems;
    struct config *config;
    struct time_argument since;
    bool yes;
};

/* A stage of the roll-out that can end. */
struct enforce_stage {
    const char *name;
    const char *subject; /* "the service" */
    const char *daemon;
    bool (*is_begun)(const struct config *config);
    struct eventstore *(*store)(const struct record *record);
    const char *count; /* SQL: how many would have been refused since $1 */
    const char *rows;  /* SQL: of whom, why and how many of them; the most first */
    bool (*change)(const struct config *config, struct edit *edit);
    const char *after; /* what is so from then on */
};

/* The origin: domains that are under test. */

static bool enforce_origin_is_begun(const struct config *config)
{
    for (size_t i = 0; i < config->domains_count; i++)
        if (config->domains[i].policy.testing)
            return true;
    return false;
}

static struct eventstore *enforce_events(const struct record *record)
{
    return record->events;
}

static bool enforce_change_origin(const struct config *config, struct edit *edit)
{
    bool ok = true;

    for (size_t i = 0; ok && i < config->domains_count; i++) {
        const struct config_domain *domain = &config->domains[i];
        const struct edit_step path[] = {{"domain", domain->name.at}, {NULL, NULL}};
        ok = !domain->policy.testing || edit_set(edit, path, "testing", "false");
    }
    return ok;
}

/* The receiver: the milter acts on nothing. */

static bool enforce_receiver_is_begun(const struct config *config)
{
    return config->verify_count > 0 && strcmp(config->verify->mode.at, "monitor") == 0;
}

static struct eventstore *enforce_mail(const struct record *record)
{
    return record->mail;
}

static bool enforce_change_receiver(const struct config *config, struct edit *edit)
{
    const struct edit_step path[] = {{"verify", NULL}, {NULL, NULL}};

    (void)config;
    return edit_set(edit, path, "mode", "enforce");
}

#define WOULD_BE_HINDERED                                                                          \
    "FROM mail WHERE \"time\" >= $1 AND would_be IN ('rejected', 'quarantined', 'deferred')"

static const struct enforce_stage stages[] = {
        {
                .name = "receiver",
                .subject = "this machine",
                .daemon = DAEMON_MILTER,
                .is_begun = enforce_receiver_is_begun,
                .store = enforce_mail,
                .count = "SELECT COUNT(*) " WOULD_BE_HINDERED,
                .rows = "SELECT author, would_be, reason, COUNT(*) AS n " WOULD_BE_HINDERED
                        " GROUP BY author, would_be, reason ORDER BY n DESC, author, would_be, "
                        "reason LIMIT 20",
                .change = enforce_change_receiver,
                .after = "Mail that a domain says NO to is refused from now on. `on_no` in the "
                         "section verify says how.",
        },
        {
                .name = "origin",
                .subject = "the service",
                .daemon = DAEMON_SERVICE,
                .is_begun = enforce_origin_is_begun,
                .store = enforce_events,
                .count = "SELECT COUNT(*) FROM event WHERE \"time\" >= $1 AND would_be <> ''",
                .rows = "SELECT \"user\", would_be, cause, COUNT(*) AS n FROM event "
                        "WHERE \"time\" >= $1 AND would_be <> '' GROUP BY \"user\", would_be, "
                        "cause ORDER BY n DESC, \"user\", would_be, cause LIMIT 20",
                .change = enforce_change_origin,
                .after = "Others refuse from now on what the service says NO to.",
        },
};

static bool enforce_take_count(void *context, const struct eventstore_value *values, size_t count)
{
    if (count == 1)
        *(int64_t *)context = values[0].number;
    return false;
}

/* `12  alice@example.org  refused, host` */
static bool enforce_print_row(void *context, const struct eventstore_value *values, size_t count)
{
    (void)context;
    if (count != COLUMNS)
        return false;
    printf("  %6lld  ", (long long)values[3].number);
    escape_put(stdout, values[0].text.len > 0 ? values[0].text : text_of("(no certain author)"));
    fputs("  ", stdout);
    escape_put(stdout, values[1].text);
    if (values[2].text.len > 0) {
        fputs(", ", stdout);
        escape_put(stdout, values[2].text);
    }
    putchar('\n');
    return true;
}

/* What would have been refused. Without a record there is nothing to show, and that is said. */
static enum status enforce_show(
        const struct job *job, const struct enforce_stage *stage, struct eventstore *store)
{
    const struct eventstore_value since = record_number(job->since.milliseconds);
    int64_t count = 0;

    if (store == NULL) {
        printf("There is no record of what %s would have refused.\n", stage->subject);
        return STATUS_OK;
    }
    if (!eventstore_query(store, stage->count, &since, 1, enforce_take_count, &count)) {
        command_complain(job->invocation, "the record: %s", eventstore_error(store));
        return STATUS_INPUT;
    }
    if (count == 0) {
        printf("By its record %s would have refused nothing.\n", stage->subject);
        return STATUS_OK;
    }
    printf("By its record %s would have refused %lld times; the most often:\n", stage->subject,
            (long long)count);
    if (eventstore_query(store, stage->rows, &since, 1, enforce_print_row, NULL))
        return STATUS_OK;
    command_complain(job->invocation, "the record: %s", eventstore_error(store));
    return STATUS_INPUT;
}

static enum status enforce_look(const struct job *job, const struct enforce_stage *stage)
{
    struct record_addresses addresses = {NULL, NULL};
    struct record record = {NULL, NULL};
    enum status status = STATUS_OK;

    if (strcmp(job->config->record->store.at, "none") == 0)
        return enforce_show(job, stage, NULL);
    status = record_find(job->invocation, &addresses);
    if (status == STATUS_OK)
        status = record_open(job->invocation, &addresses, &record);
    record_addresses_free(&addresses);
    if (status == STATUS_OK)
        status = enforce_show(job, stage, stage->store(&record));
    record_close(&record);
    return status;
}

static enum status enforce_reload(const struct job *job, const struct enforce_stage *stage)
{
    struct daemon_reload reload;

    switch (daemon_reload(stage->daemon, job->invocation->config_path, &reload)) {
    case DAEMON_RELOADED:
        if (strcmp(stage->daemon, DAEMON_SERVICE) != 0 ||
                daemon_has_reloaded(&reload, RELOAD_TIMEOUT))
            return STATUS_OK;
        command_complain(job->invocation, "%s did not reload in time: `journalctl -u %s` says why",
                stage->daemon, stage->daemon);
        return STATUS_FAILURE;
    case DAEMON_ABSENT:
        command_complain(job->invocation, "%s does not run here: it counts when it is started",
                stage->daemon);
        return STATUS_OK;
    case DAEMON_DENIED:
        break;
    }
    command_complain(job->invocation, "this user may not reload %s: run it as root", stage->daemon);
    return STATUS_FAILURE;
}

static enum status enforce_take(const struct job *job, const struct enforce_stage *stage)
{
    struct edit *edit = edit_load(job->invocation->config_path);
    enum status status = STATUS_FAILURE;

    if (edit == NULL || !stage->change(job->config, edit))
        command_complain(job->invocation, "%s cannot be changed", job->invocation->config_path);
    else
        status = config_change_apply(job->invocation, edit, job->yes);
    edit_free(&edit);
    if (status == STATUS_OK)
        status = enforce_reload(job, stage);
    if (status == STATUS_OK)
        puts(stage->after);
    return status;
}

/* The stage that was named, or the first one that has begun. NULL after a complaint, or when there
 * is nothing to be done. */
static const struct enforce_stage *enforce_find(
        const struct job *job, const char *name, enum status *status_r)
{
    const struct enforce_stage *found = NULL;

    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        if (name != NULL ? strcmp(name, stages[i].name) == 0
                         : found == NULL && stages[i].is_begun(job->config))
            found = &stages[i];
    *status_r = STATUS_OK;
    if (found == NULL && name != NULL) {
        command_complain(job->invocation, "%s: expected origin or receiver", name);
        *status_r = STATUS_USAGE;
    } else if (found == NULL || !found->is_begun(job->config)) {
        puts(name == NULL ? "Nothing is under test."
                : strcmp(name, "origin") == 0
                        ? "No domain is under test."
                        : "The milter is not in `mode = monitor`, or does not verify.");
        found = NULL;
    }
    return found;
}

static enum status enforce(struct job *job, const char *name)
{
    enum status status = STATUS_CONFIG;

    job->config = command_read_config(job->invocation, &job->problems);
    if (job->config == NULL)
        return status;
    const struct enforce_stage *stage = enforce_find(job, name, &status);
    if (stage == NULL)
        return status;
    status = enforce_look(job, stage);
    return status == STATUS_OK ? enforce_take(job, stage) : status;
}

static enum status enforce_run(const struct invocation *invocation)
{
    struct job job = {.invocation = invocation};
    const char *since = NULL;
    const char *name = NULL;
    const struct arguments_option options[] = {
            {"--since", .value = &since},
            {"--yes", .flag = &job.yes},
            {NULL},
    };

    if (!arguments_read(invocation, options, 0, 1, &name))
        return STATUS_USAGE;
    if (!time_argument_parse(since != NULL ? since : SINCE_DEFAULT, unix_ms(), &job.since)) {
        command_complain(invocation, "--since %s: " TIME_ARGUMENT_EXPECTED, since);
        return STATUS_USAGE;
    }
    const enum status status = enforce(&job, name);
    config_free(&job.config);
    problems_free(&job.problems);
    return status;
}

const struct command command_enforce = {
        .name = "enforce",
        .synopsis = "[origin|receiver] [--since TIME] [--yes]",
        .summary = "end a test: refuse what would have been refused",
        .help = "  origin         the service says NO for domains that were under test\n"
                "  receiver       the milter acts on what it finds\n"
                "  --since TIME   show what would have been refused since then, as in 30d; 7d if "
                "not "
                "given\n"
                "  --yes          do not ask\n"
                "\n"
                "Without a name it ends the receiver's test, and then the origin's.\n",
        .run = enforce_run,
};
