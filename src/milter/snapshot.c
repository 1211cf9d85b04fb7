// SPDX-License-Identifier: ISC
#include "milter/snapshot.h"

#include <stdlib.h>

struct snapshot *snapshot_init(const struct bundle *bundle, struct problems *problems)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    const struct policy_files files = bundle_files(bundle);

    if (snapshot == NULL) {
        problems_add_memory(problems);
        return NULL;
    }
    atomic_init(&snapshot->count, 1);
    snapshot->config = bundle_parse(bundle, problems);
    if (snapshot->config != NULL &&
            policy_init(snapshot->config, config_find_milter(snapshot->config, bundle->section),
                    &files, problems, &snapshot->policy))
        return snapshot;
    snapshot_release(&snapshot);
    return NULL;
}

struct snapshot *snapshot_hold(struct snapshot *snapshot)
{
    atomic_fetch_add(&snapshot->count, 1);
    return snapshot;
}

void snapshot_release(struct snapshot **snapshot)
{
    struct snapshot *released = *snapshot;

    *snapshot = NULL;
    if (released == NULL || atomic_fetch_sub(&released->count, 1) > 1)
        return;
    policy_clear(&released->policy);
    config_free(&released->config);
    free(released);
}
