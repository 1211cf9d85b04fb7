// SPDX-License-Identifier: ISC
#include "replay/replay.h"

#include <stdlib.h>
#include <string.h>

#include "replay/backend.h"

static const struct replay_backend *const backends[] = {
        &replay_none,
        &replay_memory,
        &replay_lmdb,
        &replay_redis,
        &replay_redis_unix,
        NULL,
};

struct replay {
    const struct replay_backend *backend;
    void *store;
};

static const struct replay_backend *replay_backend_of(const char *address)
{
    for (const struct replay_backend *const *backend = backends; *backend != NULL; backend++)
        for (const char *const *scheme = (*backend)->schemes; *scheme != NULL; scheme++)
            if (strncmp(address, *scheme, strlen(*scheme)) == 0)
                return *backend;
    abort(); /* the configuration refuses other addresses */
}

struct replay *replay_open(const struct replay_setup *setup, uint64_t mono_ms, uint64_t unix_now)
{
    struct replay *replay = calloc(1, sizeof *replay);

    if (replay == NULL)
        return NULL;
    replay->backend = replay_backend_of(setup->address);
    replay->store = replay->backend->open(setup, mono_ms, unix_now);
    if (replay->store == NULL) {
        free(replay);
        return NULL;
    }
    return replay;
}

void replay_close(struct replay **replay)
{
    if (*replay == NULL)
        return;
    (*replay)->backend->close((*replay)->store);
    free(*replay);
    *replay = NULL;
}

void replay_submit(
        struct replay *replay, struct count_request *request, uint64_t mono_ms, uint64_t unix_now)
{
    replay->backend->submit(replay->store, request, mono_ms, unix_now);
}

void replay_commit(struct replay *replay, uint64_t mono_ms, uint64_t unix_now)
{
    replay->backend->commit(replay->store, mono_ms, unix_now);
}

int replay_fd(const struct replay *replay)
{
    return replay->backend->fd != NULL ? replay->backend->fd(replay->store) : -1;
}

void replay_turn(struct replay *replay, uint64_t mono_ms, uint64_t unix_now)
{
    if (replay->backend->turn != NULL)
        replay->backend->turn(replay->store, mono_ms, unix_now);
}

int replay_time_left(const struct replay *replay, uint64_t mono_ms)
{
    return replay->backend->time_left != NULL ? replay->backend->time_left(replay->store, mono_ms)
                                              : -1;
}

uint64_t replay_purged(const struct replay *replay, uint64_t unix_now)
{
    return replay->backend->purged != NULL ? replay->backend->purged(replay->store, unix_now) : 0;
}

bool replay_is_stale(const struct replay *replay)
{
    return replay->backend->is_stale != NULL && replay->backend->is_stale(replay->store);
}

void replay_health(const struct replay *replay, struct replay_health *health_r)
{
    *health_r = (struct replay_health){0};
    replay->backend->health(replay->store, health_r);
}

bool replay_needs_files(const char *address)
{
    return replay_backend_of(address)->files;
}

bool replay_needs_network(const char *address)
{
    return replay_backend_of(address)->network;
}
