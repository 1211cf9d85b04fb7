// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_BACKEND_H
#define VERIMAIL_REPLAY_BACKEND_H

#include "replay/replay.h"

/* A type of store. Each function does what the replay.h function of the same name does. A comment
 * marks those that may be NULL. */
struct replay_backend {
    const char *name;
    const char *const *schemes; /* prefixes of its addresses, ending with NULL */
    bool files;
    bool network;
    void *(*open)(const struct replay_setup *setup, uint64_t mono_ms, uint64_t unix_now);
    void (*close)(void *store);
    void (*submit)(void *store, struct count_request *request, uint64_t mono_ms, uint64_t unix_now);
    void (*commit)(void *store, uint64_t mono_ms, uint64_t unix_now);
    int (*fd)(const void *store);                                   /* NULL: -1 */
    void (*turn)(void *store, uint64_t mono_ms, uint64_t unix_now); /* NULL: nothing to do */
    int (*time_left)(const void *store, uint64_t mono_ms);          /* NULL: -1 */
    uint64_t (*purged)(const void *store, uint64_t unix_now);       /* NULL: 0 */
    bool (*is_stale)(const void *store);                            /* NULL: false */
    void (*health)(const void *store, struct replay_health *health_r);
};

extern const struct replay_backend replay_none;   /* every result is REPLAY_SKIPPED */
extern const struct replay_backend replay_memory; /* in this process's memory; for tests */
extern const struct replay_backend replay_lmdb;
extern const struct replay_backend replay_redis;
extern const struct replay_backend replay_redis_unix; /* Redis at a unix socket */

#endif
