// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_RECORDER_H
#define VERIMAIL_TEST_FIXTURE_RECORDER_H

#include "events/event.h"
#include "events/recorder_setup.h"
#include "events/store.h"
#include "folder.h"

#define FIXTURE_RECORDER_RINGS 2
#define FIXTURE_RECORDER_SIZE (UINT64_C(10) << 30)
#define FIXTURE_RECORDER_DAY UINT64_C(86400000) /* milliseconds */

/* What a supervisor has: a recorder, and what it shares with it. */
struct fixture_recorder {
    struct folder folder;
    struct counters *counters;
    int counters_fd;
    struct ring *rings[FIXTURE_RECORDER_RINGS];
    struct recorder_setup setup;
    pid_t pid;
    int control;
    char events[FOLDER_PATH_MAX + 16]; /* the store's address */
    char replay[FOLDER_PATH_MAX + 16];
};

/* Gives a file to the recorder's user, when the test runs as root. */
void fixture_recorder_give_away(const struct fixture_recorder *p, const char *path);
void fixture_recorder_open(struct fixture_recorder *p);
void fixture_recorder_start(struct fixture_recorder *p);
/* Ends it; returns its status as waitpid(2) has it. */
int fixture_recorder_end(struct fixture_recorder *p);
int fixture_recorder_tell(struct fixture_recorder *p, char order);
void fixture_recorder_kill(struct fixture_recorder *p);
void fixture_recorder_close(struct fixture_recorder *p);
void fixture_recorder_put_about(struct fixture_recorder *p, const char *user, enum verdict verdict,
        enum reason reason, uint32_t number);
/* Events have a number, in the place of the milliseconds that they took. */
void fixture_recorder_put(struct fixture_recorder *p, uint32_t first, uint32_t count);
/* The first value of the first row; the number -1 while there is no store. */
struct eventstore_value fixture_recorder_asked(const struct fixture_recorder *p, const char *sql);
void fixture_recorder_nap(void);
void fixture_recorder_show_log(const struct fixture_recorder *p);
void fixture_recorder_wait_for_number(
        const struct fixture_recorder *p, const char *sql, int64_t want);
void fixture_recorder_wait_for_count(
        const struct fixture_recorder *p, const _Atomic uint64_t *counter, uint64_t least);
void fixture_recorder_check_number(const struct fixture_recorder *p, const char *sql, int64_t want);
void fixture_recorder_check_text(
        const struct fixture_recorder *p, const char *sql, const char *want);
unsigned fixture_recorder_count_lines(const struct fixture_recorder *p, const char *what);

#endif
