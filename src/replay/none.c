// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "replay/backend.h"

struct none {
    struct replay_setup setup;
};

static void *none_open_none(const struct replay_setup *setup, uint64_t mono_ms, uint64_t unix_now)
{
    struct none *none = calloc(1, sizeof *none);

    (void)mono_ms;
    (void)unix_now;
    if (none != NULL)
        none->setup = *setup;
    return none;
}

static void none_submit(
        void *store, struct count_request *request, uint64_t mono_ms, uint64_t unix_now)
{
    const struct none *none = store;

    (void)mono_ms;
    (void)unix_now;
    request->result = REPLAY_SKIPPED;
    none->setup.done(none->setup.context, request);
}

static void none_commit(void *store, uint64_t mono_ms, uint64_t unix_now)
{
    (void)store;
    (void)mono_ms;
    (void)unix_now;
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
