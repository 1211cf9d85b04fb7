// SPDX-License-Identifier: ISC
#include "verimaild/tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/child.h"

#define SCHEME "lmdb:"

/* Several domains may share one. */
struct opened {
    const char *path; /* borrowed from the service */
    struct table *table;
    char error[TABLE_ERROR_MAX]; /* it could not be opened */
};

struct tables {
    const struct service *service;
    struct rules_lookup lookup;
    struct row row;    /* of the last look-up */
    bool failed;       /* since the last tables_take_error() */
    bool broken;       /* one of them failed once */
    uint64_t stale_at; /* milliseconds */
    char error[TABLE_ERROR_MAX + 256];
    size_t count;
    struct opened opened[];
};

static const char *tables_path_of(const char *address)
{
    return address + sizeof SCHEME - 1;
}

static enum rules_found tables_fail(struct tables *t, const struct opened *o, const char *error)
{
    t->failed = true;
    t->broken = true;
    snprintf(t->error, sizeof t->error, "%s: %s", o->path, error);
    return RULES_UNKNOWN;
}

static enum rules_found tables_find(void *context, const struct domain_policy *policy,
        struct text local, const struct rule **rule_r)
{
    struct tables *t = context;
    struct opened *o = &t->opened[service_table_of(policy)];

    if (o->table == NULL)
        return tables_fail(t, o, o->error);
    switch (table_find(o->table, local, text_of(policy->name), &t->row)) {
    case TABLE_OK:
        *rule_r = &t->row.rule;
        return RULES_FOUND;
    case TABLE_ABSENT:
        return RULES_ABSENT;
    case TABLE_ERROR:
        break;
    }
    return tables_fail(t, o, table_error(o->table));
}

struct tables *tables_open(const struct service *service, uint64_t mono_ms)
{
    const size_t count = service_tables(service);
    struct tables *t = calloc(1, sizeof *t + count * sizeof t->opened[0]);

    if (t == NULL)
        return NULL;
    t->service = service;
    t->count = count;
    t->stale_at = mono_ms + TABLES_AGAIN;
    t->lookup = (struct rules_lookup){.find = tables_find, .context = t};
    for (size_t i = 0; i < count; i++) {
        struct opened *o = &t->opened[i];
        o->path = tables_path_of(service_table(service, i));
        o->table = table_open_to_read(o->path, o->error);
        if (o->table == NULL)
            (void)tables_fail(t, o, o->error);
    }
    return t;
}

bool tables_are_open(const struct tables *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->opened[i].table == NULL)
            return false;
    return true;
}

void tables_close(struct tables **tables)
{
    struct tables *t = *tables;

    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++)
        table_close(&t->opened[i].table);
    free(t);
    *tables = NULL;
}

const struct rules_lookup *tables_lookup(const struct tables *t)
{
    return t->count > 0 ? &t->lookup : NULL;
}

const char *tables_take_error(struct tables *t)
{
    if (!t->failed)
        return NULL;
    t->failed = false;
    return t->error;
}

bool tables_are_stale(const struct tables *t, uint64_t mono_ms)
{
    return t->broken && mono_ms >= t->stale_at;
}

static void tables_open_each(const struct config *config, struct problems *problems)
{
    for (size_t i = 0; i < config->domains_count; i++) {
        const struct config_text *address = &config->domains[i].table;
        char error[TABLE_ERROR_MAX];
        if (address->at == NULL)
            continue;
        struct table *table = table_open_to_read(tables_path_of(address->at), error);
        if (table == NULL) {
            char what[TABLE_ERROR_MAX + 32];
            snprintf(what, sizeof what, "unusable users (%s)", error);
            problems_add(problems, address->line, what, address->at,
                    "a table that `verimail table build` made");
        }
        table_close(&table);
    }
}

static bool tables_any(const struct config *config)
{
    for (size_t i = 0; i < config->domains_count; i++)
        if (config->domains[i].table.at != NULL)
            return true;
    return false;
}

static bool tables_write_all(int fd, const char *at)
{
    size_t rest = strlen(at);

    while (rest > 0) {
        const ssize_t put = write(fd, at, rest);
        if (put < 0 && errno != EINTR)
            return false;
        rest -= put > 0 ? (size_t)put : 0;
        at += put > 0 ? put : 0;
    }
    return true;
}

struct tables_trial {
    const struct config *config;
    const struct identity *identity;
    struct problems *problems;
};

/* In the child: `problems` is a copy, so what is added to it is the report. */
static int tables_try(void *context, int report)
{
    const struct tables_trial *trial = context;
    struct problems *problems = trial->problems;
    const size_t before = strlen(problems_text(problems));

    if (identity_drop(trial->identity))
        tables_open_each(trial->config, problems);
    else
        problems_add(problems, 0, strerror(errno), "run_as", NULL);
    return tables_write_all(report, problems_text(problems) + before) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The check itself could not be done. */
static void tables_add_outcome(const struct child_outcome *outcome, struct problems *problems)
{
    char what[256] = "";
    struct writer w = writer_of(what, sizeof what - 1);

    writer_string(&w, "the tables of users could not be checked: the process for it ");
    child_outcome_write(outcome, &w);
    problems_add_passing(problems, what);
}

bool tables_check(
        const struct config *config, const struct identity *identity, struct problems *problems)
{
    struct tables_trial trial = {.config = config, .identity = identity, .problems = problems};
    const size_t before = problems_count(problems);
    char report[65536]; /* holds a line for each of many tables */

    if (!tables_any(config))
        return true;
    const struct child_outcome outcome =
            child_run(tables_try, &trial, TABLES_CHECK_TIMEOUT, report, sizeof report);
    problems_add_lines(problems, (struct text){report, outcome.reported});
    if (outcome.how != CHILD_EXITED || outcome.code != EXIT_SUCCESS)
        tables_add_outcome(&outcome, problems);
    return problems_count(problems) == before;
}
