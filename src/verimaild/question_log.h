// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_QUESTION_LOG_H
#define VERIMAIL_VERIMAILD_QUESTION_LOG_H

#include <stdint.h>

#include "base/endpoint.h"
#include "base/ratelimit.h"
#include "verimaild/query.h"

/* The log of questions and connections: a line for each, at level info. Of what anybody can send
 * without end, only so many lines a second are logged. The rest is counted, and the count is
 * logged. */
struct question_log {
    struct ratelimit bad;     /* malformed lines, connections that were refused or timed out */
    struct ratelimit forgery; /* NO */
    uint64_t left_out;
    uint64_t said; /* milliseconds: when the count was last logged */
};

void question_log_init(struct question_log *log);

/* `waited`: milliseconds from accept to answer. All times are milliseconds of one clock. */
void question_log_answered(struct question_log *log, const struct query *query,
        const struct endpoint *source, uint64_t waited, uint64_t mono_ms);
/* `why`: one word. */
void question_log_unanswered(
        struct question_log *log, const char *why, const struct endpoint *source, uint64_t mono_ms);
/* Logs what was left out, at most once in ten seconds unless `last`. */
void question_log_flush(struct question_log *log, uint64_t mono_ms, bool last);
/* When question_log_flush() has something to do; UINT64_MAX: never. */
uint64_t question_log_due(const struct question_log *log);

#endif
