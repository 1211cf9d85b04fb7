// SPDX-License-Identifier: ISC
#include "verimaild/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* In the child: `problems` is a copy, so what is added to it is written to `fd`. */
static void tables_run_check(const struct config *config, const struct identity *identity,
        struct problems *problems, int fd)
{
    const size_t before = strlen(problems_text(problems));

    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(TABLES_CHECK_TIMEOUT);
    if (identity_drop(identity))
        tables_open_each(config, problems);
    else
        problems_add(problems, 0, strerror(errno), "run_as", NULL);
    _exit(tables_write_all(fd, problems_text(problems) + before) ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void tables_take_problems(int fd, struct problems *problems)
{
    char buffer[65536]; /* holds a line for each of many tables */
    size_t used = 0;
    ssize_t got = 0;

    do {
        got = read(fd, buffer + used, sizeof buffer - used);
        used += got > 0 ? (size_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    problems_add_lines(problems, (struct text){buffer, used});
}

/* The status of waitpid(2) with which the child ended; -1: none could be started. */
static int tables_fork_check(
        const struct config *config, const struct identity *identity, struct problems *problems)
{
    int ends[2];
    int status = -1;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    const pid_t child = fork();
    if (child == 0)
        tables_run_check(config, identity, problems, ends[1]);
    close(ends[1]);
    if (child > 0) {
        tables_take_problems(ends[0], problems);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    }
    close(ends[0]);
    return status;
}

bool tables_check(
        const struct config *config, const struct identity *identity, struct problems *problems)
{
    const size_t before = problems_count(problems);

    if (tables_any(config) && tables_fork_check(config, identity, problems) != 0)
        problems_add(problems, 0, "the tables of users could not be checked", NULL,
                "a check that ends within 10 seconds");
    return problems_count(problems) == before;
}
