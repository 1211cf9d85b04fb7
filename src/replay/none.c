// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "replay/backend.h"

struct none {
    struct replay_setup setup;
};

static void *open_none(const struct replay_setup *setup, uint64_t now, uint64_t today)
{
    struct none *none = calloc(1, sizeof *none);

    (void)now;
    (void)today;
    if (none != NULL)
        none->setup = *setup;
    return none;
}

static void submit(void *store, struct count_request *item, uint64_t now, uint64_t today)
{
    const struct none *none = store;

    (void)now;
    (void)today;
    item->result = REPLAY_SKIPPED;
    none->setup.done(none->setup.context, item);
}

static void commit(void *store, uint64_t now, uint64_t today)
{
    (void)store;
    (void)now;
    (void)today;
}

static void health(const void *store, struct replay_health *health_r)
{
    (void)store;
    (void)health_r;
}

static const char *const schemes[] = {"none", NULL};

const struct replay_backend replay_none = {
        .name = "none",
        .schemes = schemes,
        .open = open_none,
        .close = free,
        .submit = submit,
        .commit = commit,
        .health = health,
};
