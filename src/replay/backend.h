// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_BACKEND_H
#define VERIMAIL_REPLAY_BACKEND_H

#include "replay/replay.h"

/* A kind of store. The functions do what those of replay.h of the same names do; those that may be
 * NULL say so. */
struct replay_backend {
    const char *name;
    const char *const *schemes; /* what its addresses begin with, NULL at the end */
    bool files;
    bool network;
    void *(*open)(const struct replay_setup *setup, uint64_t mono_ms, uint64_t unix_now);
    void (*close)(void *store);
    void (*submit)(void *store, struct count_request *request, uint64_t mono_ms, uint64_t unix_now);
    void (*commit)(void *store, uint64_t mono_ms, uint64_t unix_now);
    int (*fd)(const void *store);                                   /* NULL: -1 */
    void (*turn)(void *store, uint64_t mono_ms, uint64_t unix_now); /* NULL: nothing to do */
    int (*time_left)(const void *store, uint64_t mono_ms);          /* NULL: -1 */
    uint64_t (*purged)(const void *store);                          /* NULL: 0 */
    bool (*is_stale)(const void *store);                            /* NULL: false */
    void (*health)(const void *store, struct replay_health *health_r);
};

extern const struct replay_backend replay_none;   /* everything is REPLAY_SKIPPED */
extern const struct replay_backend replay_memory; /* this process's own; for tests */
extern const struct replay_backend replay_lmdb;
extern const struct replay_backend replay_redis;
extern const struct replay_backend replay_redis_unix; /* the same at a unix socket */

#endif
