// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_EMPLOYED_H
#define VERIMAIL_TEST_EMPLOYED_H

#include "events/store.h"
#include "folder.h"
#include "recorder/recorder.h"

#define EMPLOYED_RINGS 2
#define EMPLOYED_DAY UINT64_C(86400000) /* milliseconds */

/* What a parent has: a recorder and what is shared with it. */
struct employed {
    struct folder folder;
    struct config_service service;
    struct identity identity;
    struct counters *counters;
    struct ring *rings[EMPLOYED_RINGS];
    struct recorder_setup setup;
    pid_t pid;
    int control;
    char events[FOLDER_PATH_MAX + 16]; /* the store's address */
    char replay[FOLDER_PATH_MAX + 16];
};

/* As root, whose files are a recorder's is known by its user alone. */
void employed_give_away(const struct employed *p, const char *path);
void employed_open(struct employed *p);
void employed_start(struct employed *p);
/* The status with which it ended, as waitpid(2) says it. */
int employed_end(struct employed *p);
int employed_tell(struct employed *p, char order);
void employed_kill(struct employed *p);
void employed_close(struct employed *p);
void employed_put_about(struct employed *p, const char *user, enum verdict verdict,
        enum reason reason, uint32_t number);
/* Events are told apart by a number, which is said to be the milliseconds that they took. */
void employed_put(struct employed *p, uint32_t first, uint32_t count);
/* The first value of the first row; a number -1 while there is no store. */
struct eventstore_value employed_asked(const struct employed *p, const char *sql);
void employed_nap(void);
void employed_show_log(const struct employed *p);
void employed_wait_for_number(const struct employed *p, const char *sql, int64_t want);
void employed_wait_for_count(
        const struct employed *p, const _Atomic uint64_t *counter, uint64_t least);
void employed_check_number(const struct employed *p, const char *sql, int64_t want);
void employed_check_text(const struct employed *p, const char *sql, const char *want);
unsigned employed_count_lines(const struct employed *p, const char *what);

#endif
