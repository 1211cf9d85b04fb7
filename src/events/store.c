// SPDX-License-Identifier: ISC
#include "events/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct eventstore_kind *const kinds[] = {
        &eventstore_none,
        &eventstore_sqlite,
        &eventstore_postgresql,
        NULL,
};

struct eventstore {
    const struct eventstore_kind *kind;
    void *store;
    char error[EVENTSTORE_ERROR_MAX];
};

/* A scheme without a colon is all of the address. */
static bool is_of_kind(const char *address, const struct eventstore_kind *kind)
{
    const size_t len = strlen(kind->scheme);

    return strncmp(address, kind->scheme, len) == 0 &&
           (strchr(kind->scheme, ':') != NULL || address[len] == '\0');
}

struct eventstore *eventstore_open(
        const char *address, enum eventstore_use use, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct eventstore *store = calloc(1, sizeof *store);

    if (store == NULL) {
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
        return NULL;
    }
    for (size_t i = 0; kinds[i] != NULL && store->kind == NULL; i++)
        if (is_of_kind(address, kinds[i]))
            store->kind = kinds[i];
    if (store->kind == NULL)
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "%s: there is no such kind of store", address);
    else
        store->store = store->kind->open(address, use, error_r);
    if (store->store == NULL) {
        free(store);
        return NULL;
    }
    return store;
}

void eventstore_close(struct eventstore **store)
{
    if (*store == NULL)
        return;
    (*store)->kind->close((*store)->store);
    free(*store);
    *store = NULL;
}

const char *eventstore_error(const struct eventstore *store)
{
    return store->error;
}

const char *eventstore_kind(const struct eventstore *store)
{
    return store->kind->name;
}

bool eventstore_write(struct eventstore *store, const struct event *events, size_t count,
        uint64_t dropped, uint64_t now)
{
    return store->kind->write(store->store, events, count, dropped, now, store->error);
}

bool eventstore_purge(struct eventstore *store, uint64_t before, bool *more_r)
{
    *more_r = false;
    return store->kind->purge(store->store, before, more_r, store->error);
}

bool eventstore_query(struct eventstore *store, const char *sql,
        const struct eventstore_value *parameters, size_t parameters_count,
        bool (*row)(void *context, const struct eventstore_value *values, size_t count),
        void *context)
{
    return store->kind->query(
            store->store, sql, parameters, parameters_count, row, context, store->error);
}
