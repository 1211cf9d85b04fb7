// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_REPLAY_H
#define VERIMAIL_TEST_FIXTURE_REPLAY_H

#include <stdatomic.h>
#include <sys/types.h>

#include "folder.h"
#include "replay/replay.h"

#define FIXTURE_REPLAY_TODAY UINT64_C(1767225600)
#define FIXTURE_REPLAY_KEEP UINT64_C(605100) /* seconds */
#define FIXTURE_REPLAY_HOUR UINT64_C(3600)
#define FIXTURE_REPLAY_DOMAINS 60 /* of a payload that takes much room */
#define FIXTURE_REPLAY_BATCH 500  /* of those */
#define FIXTURE_REPLAY_WIDE 22    /* batches of them that are more than the first map holds */

/* What does not hold ends the process, whichever that is, with its line. */
#define must(holds) fixture_replay_must(holds, __LINE__)
void fixture_replay_must(bool holds, int line);

/* A folder for a store of counts, and the store's path in it. For BEFORE_EACH() and AFTER_EACH().
 */
extern struct folder fixture_replay_folder;
extern char fixture_replay_path[FOLDER_PATH_MAX];
void fixture_replay_set_up(void);
void fixture_replay_tear_down(void);
/* The store is that of this name from now on. */
void fixture_replay_at(const char *name);
const char *fixture_replay_beside(const char *suffix); /* the path with that behind it */
bool fixture_replay_is_there(const char *suffix);
off_t fixture_replay_length(void);

/* A store of counts, its clock, and payloads that are asked about. */
struct fixture_replay {
    struct replay *replay;
    uint64_t now;   /* milliseconds; later with each step */
    uint64_t today; /* Unix seconds */
    size_t done;    /* items that came back */
};

/* `fixture` stays where it is as long as it is open. */
void fixture_replay_open(struct fixture_replay *fixture, uint64_t today);
struct replay_health fixture_replay_health(const struct fixture_replay *fixture);
/* The payload of this number, issued then, with so many domains. */
struct count_request fixture_replay_item(
        uint64_t issued, uint64_t number, uint32_t allowance, size_t domains);
/* All of them in one turn. */
void fixture_replay_turn(struct fixture_replay *fixture, struct count_request *items, size_t count);
/* One question about a payload with one domain. */
enum replay_count fixture_replay_ask(
        struct fixture_replay *fixture, uint64_t issued, uint64_t number, uint32_t allowance);
/* Payloads of which each may be asked about once; how many were answered otherwise. */
uint64_t fixture_replay_ask_all(
        struct fixture_replay *fixture, uint64_t first, uint64_t count, enum replay_count want);

/* Makes a store in which payloads 0 to 99 had all that they may. */
void fixture_replay_fill(void);
/* It cannot be opened, says why, fails, and wants to be opened again after a while. */
void fixture_replay_fails(const char *want);
/* Nothing is known of those from before `today`, and so for an hour nothing is said of them. */
void fixture_replay_is_begun_anew(uint64_t today);

/* What several processes tell the test. */
struct tally {
    _Atomic uint64_t within;
    _Atomic uint64_t wrong;
    _Atomic bool go;
};

struct tally *tally_make(void);
/* Does the work in a process of its own. */
pid_t tally_start(void (*work)(struct tally *), struct tally *tally);
/* Until they have ended well. */
void tally_wait(const pid_t *pids, size_t count);

/* Room for a turn's items. */
extern struct count_request fixture_replay_many[FIXTURE_REPLAY_BATCH];
/* A turn of payloads that take much room, from this number on. */
void fixture_replay_wide_turn(struct fixture_replay *fixture, uint64_t number, struct tally *tally);

#endif
