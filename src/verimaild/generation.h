// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_GENERATION_H
#define VERIMAIL_VERIMAILD_GENERATION_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "config/problems.h"
#include "events/counters.h"
#include "process/identity.h"
#include "protocol/keyring.h"

/* The workers that run with one reading of the configuration, and what they run with. A reload
 * makes a new generation beside the old one. `mono_ms`: milliseconds of one clock. */
struct generation;

#define GENERATIONS_MAX 16 /* with those that still finish; one more reload waits */

/* What all generations have in common, as long as the supervisor runs. */
struct generation_shared {
    struct counters *counters;
    int counters_fd;      /* for recorders */
    const char *recorder; /* the path of that program */
};

/* Reads the configuration, locks the state folder unless `before` (may be NULL) has done that, and
 * reads the keys and the tables. NULL when anything is wrong: `problems` then says what. */
struct generation *generation_init(const char *path, const struct generation *before,
        const struct generation_shared *shared, struct problems *problems);
/* Opens the sockets that `before` (may be NULL) does not have. `all`: all generations, NULL among
 * them. No process is started. False when that cannot be: `problems` then says why. */
bool generation_open(struct generation *generation, const struct generation *before,
        struct generation *const *all, size_t all_count, struct problems *problems)
        __attribute__((warn_unused_result));
/* Frees what the supervisor holds. There must be no processes left. */
void generation_free(struct generation **generation);

/* Forks the recorder and all workers. `forget` is called first in each child: it must let go of
 * what is the supervisor's alone. False when one could not be started. */
bool generation_start(
        struct generation *generation, uint64_t mono_ms, void (*forget)(const struct generation *));
/* Forks those that died and whose time has come. Takes the socket for the counters where another
 * process had it. */
void generation_restart(struct generation *generation, uint64_t mono_ms);
/* Milliseconds until generation_restart() or generation_expire() has something to do; -1: never. */
int generation_time_left(const struct generation *generation, uint64_t mono_ms);

/* A process ended. False when it is not one of this generation. */
bool generation_reaped(struct generation *generation, pid_t pid, int status, uint64_t mono_ms);

bool generation_is_ready(const struct generation *generation);   /* all have said so */
bool generation_has_failed(const struct generation *generation); /* one died before it could */
/* A worker has no store of counts, or not all tables of users. Another one tries again. */
bool generation_lacks_stores(const struct generation *generation);
/* Lets those workers that lack them accept all the same. */
void generation_serve(struct generation *generation);
size_t generation_workers(const struct generation *generation); /* that run */
size_t generation_alive(const struct generation *generation);   /* with the recorder */

/* What to wait for, then to call generation_heard(): a descriptor for each worker that has not said
 * that it is ready. */
size_t generation_poll(const struct generation *generation, struct pollfd *fds_r, size_t size);
void generation_heard(struct generation *generation);

/* Tells the workers to finish. With a successor they leave what is queued to it. No worker is
 * started again. generation_expire() kills those that have not finished in time. */
void generation_retire(
        struct generation *generation, const struct generation *successor, uint64_t mono_ms);
/* When this generation is retired and its workers have ended: tells its recorder to finish. `last`:
 * no worker of any generation runs or will run. True the one time that it does so. */
bool generation_dismiss(struct generation *generation, bool last, uint64_t mono_ms);
bool generation_is_retired(const struct generation *generation);
void generation_expire(struct generation *generation, uint64_t mono_ms);

/* When all its processes have ended: counts the events that its recorder did not take as lost, for
 * the next recorder. */
void generation_count_lost(struct generation *generation);

/* Writes down when its keys were used. `unix_now`: seconds. False with errno. */
bool generation_save_keyuse(const struct generation *generation, uint64_t unix_now);
/* Puts the ages of its keys into the counters, after generation_save_keyuse(). */
void generation_show_keys(const struct generation *generation);
const struct keyring *generation_keyring(const struct generation *generation);
const struct config *generation_config(const struct generation *generation);
void generation_log(const struct generation *generation);

#endif
