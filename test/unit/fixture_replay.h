// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_REPLAY_H
#define VERIMAIL_TEST_FIXTURE_REPLAY_H

#include <stdatomic.h>
#include <sys/types.h>

#include "folder.h"
#include "replay/clean_flag.h"
#include "replay/replay.h"

#define FIXTURE_REPLAY_TODAY UINT64_C(1767225600)
#define FIXTURE_REPLAY_KEEP UINT64_C(605100) /* seconds */
#define FIXTURE_REPLAY_HOUR UINT64_C(3600)
#define FIXTURE_REPLAY_DOMAINS 60 /* of a large payload */
#define FIXTURE_REPLAY_BATCH 500  /* of those */
#define FIXTURE_REPLAY_WIDE 22    /* batches of them that are more than the first map holds */

/* Aborts this process, the test or a child of it, with the line if the condition is false. */
#define must(holds) fixture_replay_must(holds, __LINE__)
void fixture_replay_must(bool holds, int line);

/* A folder for a store of counts, and the store's path in it. Call the first two from BEFORE_EACH()
 * and AFTER_EACH(). */
extern struct folder fixture_replay_folder;
extern char fixture_replay_path[FOLDER_PATH_MAX];
void fixture_replay_set_up(void);
void fixture_replay_tear_down(void);
/* From now on the store is the file of this name in the folder. */
void fixture_replay_at(const char *name);
const char *fixture_replay_beside(const char *suffix); /* the path with that suffix */
bool fixture_replay_is_there(const char *suffix);
off_t fixture_replay_length(void);
/* The store's flag, with its lock. */
struct clean_flag *fixture_replay_flag(void);

/* A store of counts, its clock, and payloads that are asked about. */
struct fixture_replay {
    struct replay *replay;
    uint64_t mono_ms; /* later with each step */
    uint64_t unix_now;
    size_t done; /* requests that came back */
};

/* `fixture` must not move while the store is open. */
void fixture_replay_open(struct fixture_replay *fixture, uint64_t unix_now);
struct replay_health fixture_replay_health(const struct fixture_replay *fixture);
/* A request about the payload of this number. */
struct count_request fixture_replay_item(
        uint64_t issued, uint64_t number, uint32_t allowance, size_t domains);
/* Submits them all, and commits once. */
void fixture_replay_turn(struct fixture_replay *fixture, struct count_request *items, size_t count);
/* Counts one question about a payload with one domain. */
enum replay_count fixture_replay_ask(
        struct fixture_replay *fixture, uint64_t issued, uint64_t number, uint32_t allowance);
/* Counts each of these payloads, with an allowance of 1, and returns how many did not get `want`.
 */
uint64_t fixture_replay_ask_all(
        struct fixture_replay *fixture, uint64_t first, uint64_t count, enum replay_count want);

/* Removes the store, if there is one. */
void fixture_replay_forget(void);
/* Makes a store in which payloads 0 to 99 have used their allowance. */
void fixture_replay_fill(void);
/* The store cannot be opened: it says why, fails requests, and asks to be tried again later. */
void fixture_replay_fails(const char *want);
/* The store was recreated at `unix_now`: requests about older payloads fail for an hour. */
void fixture_replay_is_recreated(uint64_t unix_now);

/* What several processes report to the test, in shared memory. */
struct tally {
    _Atomic uint64_t within;
    _Atomic uint64_t wrong;
    _Atomic bool go;
};

struct tally *tally_make(void);
/* Runs `work` in a child. */
pid_t tally_start(void (*work)(struct tally *), struct tally *tally);
/* Waits until all children ended with success. */
void tally_wait(const pid_t *pids, size_t count);

/* Buffer for the requests of a turn. */
extern struct count_request fixture_replay_many[FIXTURE_REPLAY_BATCH];
/* A turn of large payloads, from this number on. */
void fixture_replay_wide_turn(struct fixture_replay *fixture, uint64_t number, struct tally *tally);

#endif
