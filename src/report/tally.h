// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_TALLY_H
#define VERIMAIL_REPORT_TALLY_H

#include "report/scope.h"

/* Names and how often each came, as a JSON object. What the store groups by is finer than what is
 * shown (addresses instead of networks, lists instead of their domains), so sums are made here, of
 * at most TALLY_GROUPS of the store's groups, the largest. */
#define TALLY_GROUPS "20000"

void tally_add(struct scope *scope, json_t *tally, struct text name, int64_t count);
/* The `most` largest as an array of {`key`: name, "questions": count}; frees the tally. */
json_t *tally_top(struct scope *scope, json_t *tally, const char *key, size_t most);

#endif
