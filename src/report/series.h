// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_SERIES_H
#define VERIMAIL_REPORT_SERIES_H

#include "report/scope.h"

#define SERIES_MOST 61 /* steps: 60 days that begin and end within a day */

/* How a period is divided, in UTC: by hours (2 days or less), days (60 or less), or weeks from
 * Monday on, as many together as it takes. */
uint64_t series_step(uint64_t since, uint64_t until); /* milliseconds */
/* Where the step begins that the moment lies in. */
uint64_t series_begin(uint64_t moment, uint64_t step);

/* The verdicts of each step from `first` on, and of the whole: the members questions, yes, no,
 * allow, unlisted (questions about users that nobody lists), step_seconds, times. */
void series_put(struct scope *scope, uint64_t first, json_t *report, uint64_t *unlisted_r);

#endif
