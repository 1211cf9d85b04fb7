// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_STATS_H
#define VERIMAIL_VERIMAILD_STATS_H

#include <stdint.h>

#include "base/endpoint.h"
#include "events/alarm.h"
#include "events/counters.h"
#include "events/ration.h"
#include "events/ring.h"
#include "replay/replay.h"
#include "verimaild/keyuse.h"
#include "verimaild/query.h"

/* The log of questions and connections: a line for each, at level info. What anybody can send
 * without end is rationed (ration.h). The rest is counted, and the count is logged. */
struct question_log {
    struct ration *ration; /* borrowed */
    uint64_t left_out;
    uint64_t said; /* milliseconds: when the count was last logged */
};

void question_log_init(struct question_log *log, struct ration *ration);

/* `waited`: milliseconds from accept to answer. All times are milliseconds of one clock. False when
 * the question is left out. */
bool question_log_answered(struct question_log *log, const struct query *query,
        const struct endpoint *source, uint64_t waited, uint64_t mono_ms);
/* `why`: one word. `key_id`: of the answer key that a sealed question names; NULL: none. */
void question_log_unanswered(struct question_log *log, const char *why, const unsigned char *key_id,
        const struct endpoint *source, uint64_t mono_ms);
/* Logs what was left out, at most once in ten seconds unless `last`. */
void question_log_flush(struct question_log *log, uint64_t mono_ms, bool last);
/* When question_log_flush() has something to do; UINT64_MAX: never. */
uint64_t question_log_due(const struct question_log *log);

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

void stats_init(struct stats *stats, struct keyuse *keyuse, struct counters *counters,
        struct ring *ring, struct ration *ration);
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
/* A sealed question that does not open. `key_id`: that of the answer key that it names. */
void stats_not_opened(struct stats *stats, const unsigned char *key_id,
        const struct endpoint *source, uint64_t mono_ms);

#endif
