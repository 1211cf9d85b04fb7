// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/backend.h"

/* A list of all counts, searched from the start. That is fast enough for tests, its only use. */
struct count {
    unsigned char nonce[PAYLOAD_NONCE];
    unsigned char domain[REPLAY_DOMAIN];
    uint64_t issued;
    uint32_t count;
};

struct memory {
    struct replay_setup setup;
    uint64_t purged;
    uint64_t failures;
    const char *failure; /* why the latest one failed */
    size_t size;
    size_t used;
    struct count *counts;
};

static void *open_memory(const struct replay_setup *setup, uint64_t mono_ms, uint64_t unix_now)
{
    struct memory *memory = calloc(1, sizeof *memory);

    (void)mono_ms;
    (void)unix_now;
    if (memory != NULL)
        memory->setup = *setup;
    return memory;
}

static void close_memory(void *store)
{
    struct memory *memory = store;

    free(memory->counts);
    free(memory);
}

static struct count *memory_find(struct memory *memory, const struct count_request *request,
        const struct replay_entry *entry)
{
    for (size_t i = 0; i < memory->used; i++) {
        struct count *count = &memory->counts[i];
        if (count->issued == request->issued &&
                memcmp(count->nonce, request->nonce, sizeof count->nonce) == 0 &&
                memcmp(count->domain, entry->domain, sizeof count->domain) == 0)
            return count;
    }
    return NULL;
}

static void memory_purge(struct memory *memory, uint64_t unix_now)
{
    const uint64_t mark = unix_now > memory->setup.keep ? unix_now - memory->setup.keep : 0;
    size_t left = 0;

    for (size_t i = 0; i < memory->used; i++)
        if (memory->counts[i].issued >= mark)
            memory->counts[left++] = memory->counts[i];
    if (left < memory->used && mark > memory->purged)
        memory->purged = mark;
    memory->used = left;
}

static bool memory_make_room(struct memory *memory, size_t more)
{
    if (memory->used + more <= memory->size)
        return true;
    const size_t size = (memory->size + more) * 2;
    struct count *larger = reallocarray(memory->counts, size, sizeof *larger);
    if (larger == NULL)
        return false;
    memory->counts = larger;
    memory->size = size;
    return true;
}

static void raise_one(struct memory *memory, const struct count_request *request,
        const struct replay_entry *entry)
{
    struct count *count = memory_find(memory, request, entry);

    if (count == NULL) {
        count = &memory->counts[memory->used++];
        *count = (struct count){.issued = request->issued};
        memcpy(count->nonce, request->nonce, sizeof count->nonce);
        memcpy(count->domain, entry->domain, sizeof count->domain);
    }
    count->count++;
}

static enum replay_count memory_fail(struct memory *memory, const char *failure)
{
    memory->failures++;
    memory->failure = failure;
    return REPLAY_FAILED;
}

static enum replay_count memory_count_request(
        struct memory *memory, const struct count_request *request)
{
    if (request->issued < memory->purged)
        return memory_fail(memory, "its count was deleted: it is too old");
    if (!memory_make_room(memory, request->entries_count))
        return memory_fail(memory, "out of memory");
    for (size_t i = 0; i < request->entries_count; i++) {
        const struct count *count = memory_find(memory, request, &request->entries[i]);
        if ((count != NULL ? count->count : 0) >= request->entries[i].allowance)
            return REPLAY_OVER;
    }
    for (size_t i = 0; i < request->entries_count; i++)
        raise_one(memory, request, &request->entries[i]);
    return REPLAY_WITHIN;
}

static void memory_submit(
        void *store, struct count_request *request, uint64_t mono_ms, uint64_t unix_now)
{
    struct memory *memory = store;

    (void)mono_ms;
    memory_purge(memory, unix_now);
    request->result = memory_count_request(memory, request);
    memory->setup.done(memory->setup.context, request);
}

static void memory_commit(void *store, uint64_t mono_ms, uint64_t unix_now)
{
    (void)store;
    (void)mono_ms;
    (void)unix_now;
}

static uint64_t memory_purged(const void *store, uint64_t unix_now)
{
    const struct memory *memory = store;

    (void)unix_now;
    return memory->purged;
}

static void memory_health(const void *store, struct replay_health *health_r)
{
    const struct memory *memory = store;

    health_r->failures = memory->failures;
    if (memory->failure != NULL)
        snprintf(health_r->failure, sizeof health_r->failure, "%s", memory->failure);
    health_r->entries = memory->used;
    health_r->bytes = memory->size * sizeof *memory->counts;
}

static const char *const schemes[] = {"memory:", NULL};

const struct replay_backend replay_memory = {
        .name = "memory",
        .schemes = schemes,
        .open = open_memory,
        .close = close_memory,
        .submit = memory_submit,
        .commit = memory_commit,
        .purged = memory_purged,
        .health = memory_health,
};
