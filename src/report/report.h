// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_REPORT_H
#define VERIMAIL_REPORT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "events/store.h"

struct report_wish {
    uint64_t since;     /* Unix milliseconds; belongs to the period */
    uint64_t until;     /* Unix milliseconds, later than `since`; does not belong to it */
    const char *domain; /* an A-label; NULL: all */
};

/* How the text looks. */
struct report_look {
    unsigned width; /* columns; what is too small or too large is taken as what can be done */
    bool colour;
    bool utf8; /* whether there is more than ASCII to draw bars with */
};

/* What the record says, as JSON (verimail(1) documents its members), from which the text and the
 * page are made. NULL with the reason in `error_r`. The store counts; what comes to memory is the
 * tops of its lists. */
json_t *report_make(struct eventstore *store, const struct report_wish *wish,
        char error_r[EVENTSTORE_ERROR_MAX]);

/* One screen of a terminal. Texts that came from strangers are escaped, and cut in their middle
 * where they are too long. */
void report_print(const json_t *report, const struct report_look *look, FILE *out);
/* One page that needs nothing else: charts as inline SVG, no script. */
void report_print_html(const json_t *report, FILE *out);

#endif
