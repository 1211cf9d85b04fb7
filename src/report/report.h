// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_REPORT_H
#define VERIMAIL_REPORT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "events/store.h"

struct report_wish {
    uint64_t since;     /* Unix milliseconds, inclusive */
    uint64_t until;     /* Unix milliseconds, later than `since`, exclusive */
    const char *domain; /* an A-label; NULL: all */
};

/* How the text looks. */
struct report_look {
    unsigned width; /* columns; out of range: the nearest possible width */
    bool colour;
    bool utf8; /* whether bars may use characters beyond ASCII */
};

/* Makes the report as JSON, from which the text and the page are made; verimail(1) documents its
 * members. The store does the counting, and only the tops of its lists are held in memory. NULL
 * with the reason in `error_r`. */
json_t *report_make(struct eventstore *store, const struct report_wish *wish,
        char error_r[EVENTSTORE_ERROR_MAX]);

/* Prints one screen of a terminal. Texts from strangers are escaped. Texts that are too long lose
 * their middle. */
void report_print(const json_t *report, const struct report_look *look, FILE *out);
/* Prints one self-contained page: charts as inline SVG, no script. */
void report_print_html(const json_t *report, FILE *out);

#endif
