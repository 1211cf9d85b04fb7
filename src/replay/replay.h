// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REPLAY_H
#define VERIMAIL_REPLAY_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "replay/count_request.h"

#define REPLAY_TIMEOUT 2000   /* milliseconds that a question waits for its count */
#define REPLAY_UNCOUNTED 3600 /* seconds for which a lost store's payloads are not counted */
#define REPLAY_ERROR_MAX 256  /* octets of a sentence's end, with a NUL */

/* How often payloads were asked about (design, section 8). A store is one process's, and one
 * thread's; several processes count together in what lies behind it. Items are handed in with
 * replay_submit(), and moved together by replay_commit() at the end of a turn of the event loop;
 * `done` is called for each of them, once, with its result set: in replay_submit(), replay_commit()
 * or replay_turn(). It must not call the store. No call waits for the network. `mono_ms`:
 * milliseconds of one clock, `unix_now`: Unix seconds. */
struct replay;

struct replay_setup {
    const char *address;  /* the option `replay`: none, memory:, lmdb:PATH, redis... */
    const char *password; /* of Redis, what the file says; NULL: none. Borrowed for good. */
    const char *ca;       /* path of a file of certificates for rediss://; NULL: the machine's */
    uint64_t keep;        /* seconds: no payload that is older is in time for any domain */
    void (*done)(void *context, struct count_request *request);
    void *context;
};

/* Opens the store as the user that the process is at this moment, before it is shut in. A store
 * that cannot be used now (a server that is down, a file that is damaged or not ours) is no error:
 * what it should count comes out as REPLAY_FAILED. Servers' names are looked up here, which alone
 * may wait for the network, for a second or so each. NULL when out of memory. The address must be
 * one that the configuration took. */
struct replay *replay_open(const struct replay_setup *setup, uint64_t mono_ms, uint64_t unix_now);
void replay_close(struct replay **replay);

/* `request` stays where it is until it is done. */
void replay_submit(
        struct replay *replay, struct count_request *request, uint64_t mono_ms, uint64_t unix_now);
void replay_commit(struct replay *replay, uint64_t mono_ms, uint64_t unix_now);

/* To be watched for EPOLLIN: then, and when the time is up, replay_turn() has something to do. -1:
 * there is none, commit does it all. It is the same as long as the store is open. */
int replay_fd(const struct replay *replay);
void replay_turn(struct replay *replay, uint64_t mono_ms, uint64_t unix_now);
/* Milliseconds; -1: never. */
int replay_time_left(const struct replay *replay, uint64_t mono_ms);

/* Payloads issued before this were forgotten: Unix seconds, 0: none were. */
uint64_t replay_purged(const struct replay *replay);
/* The store was recreated by another process: this one should make way for a successor. What it is
 * asked to count until then fails. */
bool replay_is_stale(const struct replay *replay);

/* How the store is. `error_r`: what is wrong with it, "" if nothing is; `failures` counts what was
 * REPLAY_FAILED since the start, `entries` and `bytes` are what it holds, 0 when it cannot say. */
struct replay_health {
    uint64_t failures;
    uint64_t entries;
    uint64_t bytes;
    char error[REPLAY_ERROR_MAX];
};
void replay_health(const struct replay *replay, struct replay_health *health_r);

/* What a worker's system call filter must let through for a store at this address. */
bool replay_needs_files(const char *address);
bool replay_needs_network(const char *address);

/* Writes a store's file to the disk, beside the processes that count in it and wait for nothing
 * (design, section 8). It opens neither an environment nor a lock. */
struct replay_sync;

/* NULL when a store at this address needs none, or out of memory. The file may come later. */
struct replay_sync *replay_sync_init(const char *address);
void replay_sync_free(struct replay_sync **sync);

/* Once a second or so; waits for the disk. False with errno. */
bool replay_sync_run(struct replay_sync *sync);
/* Nobody counts any more, and nobody will before the next start: writes everything and marks the
 * store as whole, so that it is believed after the next boot. False with errno. */
bool replay_sync_finish(struct replay_sync *sync);

#endif
