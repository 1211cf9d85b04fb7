// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_QUESTION_LOG_H
#define VERIMAIL_VERIMAILD_QUESTION_LOG_H

#include <stdint.h>

#include "base/ratelimit.h"
#include "base/endpoint.h"
#include "verimaild/query.h"

/* What is said of questions and connections: a line each at level info, but for what anybody can
 * send without end: of that only so much a second, and how much was left out. */
struct questionlog {
    struct bucket bad;     /* malformed lines, connections that were refused or timed out */
    struct bucket forgery; /* NO */
    uint64_t left_out;
    uint64_t said; /* milliseconds: when the count was last logged */
};

void questionlog_init(struct questionlog *log);

/* `waited`: milliseconds from accept to answer. All times are milliseconds of one clock. */
void questionlog_answered(struct questionlog *log, const struct inquiry *inquiry,
        const struct endpoint *source, uint64_t waited, uint64_t now);
/* `why`: one word. */
void questionlog_unanswered(
        struct questionlog *log, const char *why, const struct endpoint *source, uint64_t now);
/* Logs what was left out, at most once in ten seconds unless `last`. */
void questionlog_flush(struct questionlog *log, uint64_t now, bool last);
/* When questionlog_flush() has something to do; UINT64_MAX: never. */
uint64_t questionlog_due(const struct questionlog *log);

#endif
