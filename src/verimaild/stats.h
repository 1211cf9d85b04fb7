// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_STATS_H
#define VERIMAIL_VERIMAILD_STATS_H

#include "events/alarm.h"
#include "events/counters.h"
#include "events/ring.h"
#include "replay/replay.h"
#include "verimaild/desk.h"
#include "verimaild/keyuse.h"
#include "verimaild/question_log.h"

/* Where a worker writes down what it did: the log, the counters, the way to the recorder, the last
 * use of keys. All but the log is borrowed. */
struct books {
    struct keyuse *keyuse;
    struct counters *counters;
    struct ring *ring;
    struct alarm alarm;
    struct questionlog log;
    uint64_t failures; /* of the store of replay counts, as far as they were told */
    bool troubled;     /* and whether something was wrong with it */
};

void books_init(
        struct books *books, struct keyuse *keyuse, struct counters *counters, struct ring *ring);
/* `now`: milliseconds of one clock; `today`: Unix milliseconds. */
void books_answered(struct books *books, const struct asked *asked, uint64_t now, uint64_t today);
/* How the store of replay counts is: what failed is counted, and that something is wrong with it an
 * alarm, as is each look that finds more failures. */
void books_store(struct books *books, const struct replay_health *health, uint64_t now);
/* Why a user's rule could not be looked up; NULL: it could. */
void books_tables(struct books *books, const char *error, uint64_t now);
/* A question that did not get as far as the store. */
void books_uncounted(struct books *books, uint64_t now);
/* `why`: one word. */
void books_unanswered(
        struct books *books, const char *why, const struct endpoint *source, uint64_t now);

#endif
