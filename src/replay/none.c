// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "replay/backend.h"

struct none {
    struct replay_setup setup;
};

static void *none_open_none(const struct replay_setup *setup, uint64_t now, uint64_t today)
{
    struct none *none = calloc(1, sizeof *none);

    (void)now;
    (void)today;
    if (none != NULL)
        none->setup = *setup;
    return none;
}

static void none_submit(void *store, struct count_request *item, uint64_t now, uint64_t today)
{
    const struct none *none = store;

    (void)now;
    (void)today;
    item->result = REPLAY_SKIPPED;
    none->setup.done(none->setup.context, item);
}

static void none_commit(void *store, uint64_t now, uint64_t today)
{
    (void)store;
    (void)now;
    (void)today;
}

static void none_health(const void *store, struct replay_health *health_r)
{
    (void)store;
    (void)health_r;
}

static const char *const schemes[] = {"none", NULL};

const struct replay_backend replay_none = {
        .name = "none",
        .schemes = schemes,
        .open = none_open_none,
        .close = free,
        .submit = none_submit,
        .commit = none_commit,
        .health = none_health,
};
