// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_BARS_H
#define VERIMAIL_REPORT_BARS_H

#include "report/report.h"

/* Draws counts over time as bars of characters: a line for each step if there are few, or an
 * upright bar for each if there are many. */

#define BARS_PARTS_MAX 4

/* A part of a bar. */
struct bars_part {
    const char *name;       /* "YES" */
    const char *members[2]; /* of a step: what it counts; the second may be NULL */
    const char *class;      /* of its shape in the page */
    const char *colour;     /* of its cells on a terminal */
    const char *block;      /* a cell in UTF-8 */
    char letter;            /* a cell in ASCII */
    const char *meaning;    /* a few words */
};

/* What the bars of one series are made of: from the left, or from the bottom. */
struct bars {
    const char *whole; /* "questions" */
    const char *one;   /* "question" */
    size_t count;
    struct bars_part parts[BARS_PARTS_MAX];
};

extern const struct bars bars_questions;
extern const struct bars bars_messages; /* that came in */

void bars_print(const struct bars *bars, const json_t *times, uint64_t step_seconds,
        const struct report_look *look, FILE *out);

/* Reads the parts of a step, or of the whole series. Returns their sum. */
uint64_t bars_values(
        const struct bars *bars, const json_t *counted, uint64_t values_r[BARS_PARTS_MAX]);
/* The largest sum of any step, at least 1. */
uint64_t bars_largest(const struct bars *bars, const json_t *times);
/* Divides `cells` among the values as fairly as whole cells allow. A value that is not 0 gets at
 * least one cell, if there are enough. */
void bars_share(const uint64_t *values, size_t count, unsigned cells, unsigned *cells_r);

#endif
