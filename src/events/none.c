// SPDX-License-Identifier: ISC
#include "events/store.h"

#include <stdio.h>

/* There is no state; this is any valid address. */
static char nothing;

static void *none_open_none(const char *address, const struct record_kind *kind,
        enum eventstore_use use, char error_r[EVENTSTORE_ERROR_MAX])
{
    (void)address;
    (void)kind;
    if (use == EVENTSTORE_RECORD)
        return &nothing;
    snprintf(error_r, EVENTSTORE_ERROR_MAX,
            "nothing is recorded: the section record has store = \"none\"");
    return NULL;
}

static void close_none(void *store)
{
    (void)store;
}

static void set_size_none(void *store, uint64_t octets)
{
    (void)store;
    (void)octets;
}

static bool write_none(void *store, const void *events, size_t count,
        const struct eventstore_gap *gap, char error_r[EVENTSTORE_ERROR_MAX])
{
    (void)store;
    (void)events;
    (void)count;
    (void)gap;
    (void)error_r;
    return true;
}

static bool purge_none(
        void *store, uint64_t before, bool *more_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    (void)store;
    (void)before;
    (void)more_r;
    (void)error_r;
    return true;
}

static bool query_none(void *store, const char *sql, const struct eventstore_value *parameters,
        size_t parameters_count,
        bool (*row)(void *context, const struct eventstore_value *values, size_t count),
        void *context, char error_r[EVENTSTORE_ERROR_MAX])
{
    (void)store;
    (void)sql;
    (void)parameters;
    (void)parameters_count;
    (void)row;
    (void)context;
    (void)error_r;
    return true;
}

static bool begin_none(void *store, char error_r[EVENTSTORE_ERROR_MAX])
{
    (void)store;
    (void)error_r;
    return true;
}

static void end_none(void *store)
{
    (void)store;
}

const struct eventstore_backend eventstore_none = {
        .name = "none",
        .scheme = "none",
        .open = none_open_none,
        .close = close_none,
        .set_size = set_size_none,
        .write = write_none,
        .purge = purge_none,
        .query = query_none,
        .begin = begin_none,
        .end = end_none,
};
