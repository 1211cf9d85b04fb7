// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_REPORT_H
#define VERIMAIL_REPORT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "events/store.h"

struct report_wish {
    uint64_t since;     /* Unix milliseconds */
    uint64_t until;     /* Unix milliseconds */
    const char *domain; /* an A-label; NULL: all */
};

/* What the record says, as JSON (verimail(1) documents its members), from which the text and the
 * page are made. NULL with the reason in `why_r`. */
json_t *report_make(struct eventstore *store, const struct report_wish *wish,
        char why_r[EVENTSTORE_WHY_MAX]);

/* One screen of a terminal; `width`: columns, `colour`: whether it may have some. Texts that came
 * from strangers are escaped. */
void report_print(const json_t *report, unsigned width, bool colour, FILE *out);
/* One page that needs nothing else: charts as inline SVG, no script. */
void report_print_html(const json_t *report, FILE *out);

#endif
