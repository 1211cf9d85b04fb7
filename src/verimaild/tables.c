// SPDX-License-Identifier: ISC
#include "verimaild/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "lmdb:"

/* Several domains may share one. */
struct opened {
    const char *path; /* borrowed from the service */
    struct table *table;
    char why[TABLE_ERROR_MAX]; /* it could not be opened */
};

struct tables {
    const struct service *service;
    struct rules_lookup lookup;
    struct row row;    /* of the last look-up */
    bool failed;       /* since that was last told */
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

static enum rules_found tables_fail(struct tables *t, const struct opened *o, const char *why)
{
    t->failed = true;
    t->broken = true;
    snprintf(t->error, sizeof t->error, "%s: %s", o->path, why);
    return RULES_UNKNOWN;
}

static enum rules_found tables_find(void *context, const struct domain_policy *policy,
        struct text local, const struct rule **rule_r)
{
    struct tables *t = context;
    struct opened *o = &t->opened[service_table_of(policy)];

    if (o->table == NULL)
        return tables_fail(t, o, o->why);
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

struct tables *tables_open(const struct service *service, uint64_t now)
{
    const size_t count = service_tables(service);
    struct tables *t = calloc(1, sizeof *t + count * sizeof t->opened[0]);

    if (t == NULL)
        return NULL;
    t->service = service;
    t->count = count;
    t->stale_at = now + TABLES_AGAIN;
    t->lookup = (struct rules_lookup){.find = tables_find, .context = t};
    for (size_t i = 0; i < count; i++) {
        struct opened *o = &t->opened[i];
        o->path = tables_path_of(service_table(service, i));
        o->table = table_open_to_read(o->path, o->why);
        if (o->table == NULL)
            (void)tables_fail(t, o, o->why);
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

bool tables_are_stale(const struct tables *t, uint64_t now)
{
    return t->broken && now >= t->stale_at;
}

void tables_check(const struct config *config, struct problems *problems)
{
    for (size_t i = 0; i < config->domains_count; i++) {
        const struct config_text *address = &config->domains[i].table;
        char why[TABLE_ERROR_MAX];
        if (address->at == NULL)
            continue;
        struct table *table = table_open_to_read(tables_path_of(address->at), why);
        if (table == NULL) {
            char what[TABLE_ERROR_MAX + 32];
            snprintf(what, sizeof what, "unusable users (%s)", why);
            problems_add(problems, address->line, what, address->at,
                    "a table that `verimail table build` made");
        }
        table_close(&table);
    }
}
