// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_COUNTING_H
#define VERIMAIL_TEST_COUNTING_H

#include <stdatomic.h>
#include <sys/types.h>

#include "folder.h"
#include "replay/replay.h"

#define COUNTING_TODAY UINT64_C(1767225600)
#define COUNTING_KEEP UINT64_C(605100) /* seconds */
#define COUNTING_HOUR UINT64_C(3600)
#define COUNTING_DOMAINS 60 /* of a payload that takes much room */
#define COUNTING_BATCH 500  /* of those */
#define COUNTING_WIDE 22    /* batches of them that are more than the first map holds */

/* What does not hold ends the process, whichever that is, with its line. */
#define must(holds) counting_must(holds, __LINE__)
void counting_must(bool holds, int line);

/* A folder for a store of counts, and the store's path in it. For cmocka. */
extern struct folder counting_folder;
extern char counting_path[FOLDER_PATH_MAX];
void counting_set_up(void);
void counting_tear_down(void);
/* The store is that of this name from now on. */
void counting_at(const char *name);
const char *counting_beside(const char *suffix); /* the path with that behind it */
bool counting_is_there(const char *suffix);
off_t counting_length(void);

/* A store of counts, its clock, and payloads that are asked about. */
struct counting {
    struct replay *replay;
    uint64_t now;   /* milliseconds; later with each step */
    uint64_t today; /* Unix seconds */
    size_t done;    /* items that came back */
};

/* `counting` stays where it is as long as it is open. */
void counting_open(struct counting *counting, uint64_t today);
struct replay_health counting_health(const struct counting *counting);
/* The payload of this number, issued then, with so many domains. */
struct replay_item counting_item(
        uint64_t issued, uint64_t number, uint32_t allowance, size_t domains);
/* All of them in one turn. */
void counting_turn(struct counting *counting, struct replay_item *items, size_t count);
/* One question about a payload with one domain. */
enum replay_count counting_ask(
        struct counting *counting, uint64_t issued, uint64_t number, uint32_t allowance);
/* Payloads of which each may be asked about once; how many were answered otherwise. */
uint64_t counting_ask_all(
        struct counting *counting, uint64_t first, uint64_t count, enum replay_count want);

/* Makes a store in which payloads 0 to 99 had all that they may. */
void counting_fill(void);
/* It cannot be opened, says why, fails, and wants to be opened again after a while. */
void counting_fails(const char *want);
/* Nothing is known of those from before `today`, and so for an hour nothing is said of them. */
void counting_is_begun_anew(uint64_t today);

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
extern struct replay_item counting_many[COUNTING_BATCH];
/* A turn of payloads that take much room, from this number on. */
void counting_wide_turn(struct counting *counting, uint64_t number, struct tally *tally);

#endif
