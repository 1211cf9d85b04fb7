// SPDX-License-Identifier: ISC
#include "events/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/postgresql.h"
#include "events/sqlite.h"

static const struct eventstore_backend *const backends[] = {
        &eventstore_none,
        &eventstore_sqlite,
        &eventstore_postgresql,
        NULL,
};

struct eventstore {
    const struct eventstore_backend *backend;
    void *store;
    char error[EVENTSTORE_ERROR_MAX];
};

/* Whether the address has this store's scheme. A scheme without a colon must be all of it. */
static bool is_of_backend(const char *address, const struct eventstore_backend *backend)
{
    const size_t len = strlen(backend->scheme);

    return strncmp(address, backend->scheme, len) == 0 &&
           (strchr(backend->scheme, ':') != NULL || address[len] == '\0');
}

char *eventstore_address(const char *store, const char *state, const char *name)
{
    char *address = NULL;

    if (strcmp(store, eventstore_sqlite.name) != 0)
        return strdup(store);
    return asprintf(&address, "%s%s/%s", eventstore_sqlite.scheme, state, name) >= 0 ? address
                                                                                     : NULL;
}

struct eventstore *eventstore_open(const char *address, const struct record_kind *kind,
        enum eventstore_use use, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct eventstore *store = calloc(1, sizeof *store);

    if (store == NULL) {
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
        return NULL;
    }
    errno = EIO;
    for (size_t i = 0; backends[i] != NULL && store->backend == NULL; i++)
        if (is_of_backend(address, backends[i]))
            store->backend = backends[i];
    if (store->backend == NULL)
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "%s: there is no such kind of store", address);
    else
        store->store = store->backend->open(address, kind, use, error_r);
    if (store->store == NULL) {
        const int error = errno;
        free(store);
        errno = error;
        return NULL;
    }
    return store;
}

void eventstore_close(struct eventstore **store)
{
    if (*store == NULL)
        return;
    (*store)->backend->close((*store)->store);
    free(*store);
    *store = NULL;
}

const char *eventstore_error(const struct eventstore *store)
{
    return store->error;
}

const char *eventstore_backend(const struct eventstore *store)
{
    return store->backend->name;
}

bool eventstore_write(struct eventstore *store, const void *events, size_t count,
        const struct eventstore_gap *gap)
{
    return store->backend->write(store->store, events, count, gap, store->error);
}

void eventstore_set_size(struct eventstore *store, uint64_t octets)
{
    store->backend->set_size(store->store, octets);
}

bool eventstore_purge(struct eventstore *store, uint64_t before, bool *more_r)
{
    *more_r = false;
    return store->backend->purge(store->store, before, more_r, store->error);
}

bool eventstore_query(struct eventstore *store, const char *sql,
        const struct eventstore_value *parameters, size_t parameters_count,
        bool (*row)(void *context, const struct eventstore_value *values, size_t count),
        void *context)
{
    return store->backend->query(
            store->store, sql, parameters, parameters_count, row, context, store->error);
}

bool eventstore_begin(struct eventstore *store)
{
    return store->backend->begin(store->store, store->error);
}

void eventstore_end(struct eventstore *store)
{
    store->backend->end(store->store);
}
