// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_STATS_H
#define VERIMAIL_VERIMAILD_STATS_H

#include "events/alarm.h"
#include "events/counters.h"
#include "events/ring.h"
#include "replay/replay.h"
#include "verimaild/keyuse.h"
#include "verimaild/query.h"
#include "verimaild/question_log.h"

/* Where a worker writes down what it did: the log, the counters, the ring to the recorder, the use
 * of keys. All but the log is borrowed. `mono_ms`: milliseconds of one clock. */
struct stats {
    struct keyuse *keyuse;
    struct counters *counters;
    struct ring *ring;
    struct alarm alarm;
    struct question_log log;
    uint64_t failures; /* of the store of replay counts, as of the last look */
    bool troubled;     /* something was wrong with the store at the last look */
};

void stats_init(
        struct stats *stats, struct keyuse *keyuse, struct counters *counters, struct ring *ring);
/* `waited`: milliseconds from accept to answer; `unix_ms`: milliseconds, too. */
void stats_answered(struct stats *stats, const struct query *query, const struct endpoint *source,
        uint64_t waited, uint64_t mono_ms, uint64_t unix_ms);
/* How the store of replay counts is. Counts what failed. Raises an alarm when something begins to
 * be wrong with the store, and at each look that finds more failures. */
void stats_store(struct stats *stats, const struct replay_health *health, uint64_t mono_ms);
/* Why a user's rule could not be looked up; NULL: it could. */
void stats_tables(struct stats *stats, const char *error, uint64_t mono_ms);
/* A question that is not counted because too many wait for the store. */
void stats_uncounted(struct stats *stats, uint64_t mono_ms);
/* `why`: one word. */
void stats_unanswered(
        struct stats *stats, const char *why, const struct endpoint *source, uint64_t mono_ms);

#endif
