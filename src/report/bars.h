// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_BARS_H
#define VERIMAIL_REPORT_BARS_H

#include "report/report.h"

/* Draws the verdicts over time as bars of characters: a line for each step if there are few, or an
 * upright bar for each if there are many. */

#define BARS_PARTS 3 /* YES, ALLOW, NO: from the left, or from the bottom */

void bars_print(
        const json_t *times, uint64_t step_seconds, const struct report_look *look, FILE *out);

/* Reads the verdicts of a step, or of the whole report. Returns their sum. */
uint64_t bars_parts(const json_t *counted, uint64_t parts_r[BARS_PARTS]);
/* The largest sum of any step, at least 1. */
uint64_t bars_largest(const json_t *times);
/* Divides `cells` among the parts as fairly as whole cells allow. A part that is not 0 gets at
 * least one cell, if there are enough. */
void bars_share(const uint64_t parts[BARS_PARTS], unsigned cells, unsigned cells_r[BARS_PARTS]);

#endif
