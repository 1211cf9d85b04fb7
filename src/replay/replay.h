// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REPLAY_H
#define VERIMAIL_REPLAY_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "replay/count_request.h"

#define REPLAY_TIMEOUT 2000   /* milliseconds that a question waits for its count */
#define REPLAY_UNCOUNTED 3600 /* seconds for which a lost store's payloads are not counted */
#define REPLAY_ERROR_MAX 256  /* octets of an error text, with its NUL */

/* Counts how often each payload was asked about (design, section 8).
 *
 * A store belongs to one process and one thread. Several processes count together in the storage
 * behind it. replay_submit() hands in a request. replay_commit() moves all submitted requests
 * together at the end of an event loop turn.
 *
 * `done` is called once for each request, with its result set. The call comes from replay_submit(),
 * replay_commit() or replay_turn(). `done` must not call the store.
 *
 * No call waits for the network, except that replay_open() may look up names. `mono_ms` is
 * monotonic milliseconds, `unix_now` Unix seconds. */
struct replay;

struct replay_setup {
    const char *address;  /* the option `replay`: none, memory:, lmdb:PATH, redis... */
    const char *password; /* of Redis, from its file; NULL: none. Borrowed until close. */
    const char *ca; /* path of a certificate file for rediss://; NULL: the machine's certificates */
    uint64_t keep;  /* seconds: an older payload has expired for every domain */
    void (*done)(void *context, struct count_request *request);
    void *context;
};

/* Opens the store. Call it before the process is sandboxed; it runs as the process's current user.
 *
 * A store that cannot be used now is not an error: the server may be down, or the file damaged or
 * not ours. Its requests then result in REPLAY_FAILED.
 *
 * Server names are looked up here. This is the only call that may wait for the network, about a
 * second for each name. The address must have passed the configuration's check. NULL when out of
 * memory. */
struct replay *replay_open(const struct replay_setup *setup, uint64_t mono_ms, uint64_t unix_now);
void replay_close(struct replay **replay);

/* `request` is borrowed, and must stay at its address until it is done. */
void replay_submit(
        struct replay *replay, struct count_request *request, uint64_t mono_ms, uint64_t unix_now);
void replay_commit(struct replay *replay, uint64_t mono_ms, uint64_t unix_now);

/* The descriptor to watch for EPOLLIN. Call replay_turn() when it is ready or replay_time_left()
 * has passed. -1: there is none, and replay_commit() does all the work. The value does not change
 * while the store is open. */
int replay_fd(const struct replay *replay);
void replay_turn(struct replay *replay, uint64_t mono_ms, uint64_t unix_now);
/* Milliseconds until replay_turn() is due; -1: never. */
int replay_time_left(const struct replay *replay, uint64_t mono_ms);

/* Unix seconds: payloads issued before this time were forgotten. 0: none were, or the clock is
 * behind that time, and nothing is counted. */
uint64_t replay_purged(const struct replay *replay, uint64_t unix_now);
/* Another process recreated the store. This process should be replaced by a new one. Until then its
 * requests fail. */
bool replay_is_stale(const struct replay *replay);

/* The state of the store. `error` says what is wrong now, or is "". `failures` counts REPLAY_FAILED
 * results since the start, and `failure` says why the latest of them failed: it stays when `error`
 * is over. `entries` and `bytes` are the store's size, 0 if it is not known. */
struct replay_health {
    uint64_t failures;
    uint64_t entries;
    uint64_t bytes;
    bool closed; /* it could not be opened; another process should try again */
    char error[REPLAY_ERROR_MAX];
    char failure[REPLAY_ERROR_MAX];
};
void replay_health(const struct replay *replay, struct replay_health *health_r);

/* What a worker's system call filter must allow for a store at this address. */
bool replay_needs_files(const char *address);
bool replay_needs_network(const char *address);

/* Writes a store's file to the disk (design, section 8). It runs beside the counting processes,
 * which never wait for the disk. It opens neither an LMDB environment nor a lock. */
struct replay_sync;

/* NULL when a store at this address needs no sync, or when out of memory. The file may be created
 * later. */
struct replay_sync *replay_sync_init(const char *address);
void replay_sync_free(struct replay_sync **sync);

/* Call it about once a second. It waits for the disk. False with errno. */
bool replay_sync_run(struct replay_sync *sync);
/* Writes everything and marks the store as clean, so that the next boot trusts it. Call it after
 * all counting has ended; it must not resume before the next start. False with errno. */
bool replay_sync_finish(struct replay_sync *sync);

#endif
