// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_REPORT_H
#define VERIMAIL_REPORT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "events/store.h"

#define REPORT_BY_HOUR UINT64_C(172800000) /* milliseconds: two days */

struct report_wish {
    struct eventstore *events; /* of the service; NULL: there is no such record */
    struct eventstore *mail;   /* of the milter; the same */
    uint64_t since;            /* Unix milliseconds, inclusive */
    uint64_t until;            /* Unix milliseconds, later than `since`, exclusive */
    const char *domain;        /* of users and authors, an A-label; NULL: all */
};

/* How the text looks. */
struct report_look {
    unsigned width; /* columns; out of range: the nearest possible width */
    bool colour;
    bool utf8; /* whether bars may use characters beyond ASCII */
};

/* Makes the report as JSON, from which the text and the page are made; verimail(1) documents its
 * members. It is about whole hours, or about whole days if it is longer than REPORT_BY_HOUR: the
 * first and the last are complete. The store does the counting, and only the tops of its lists are
 * held in memory. NULL with the reason in `error_r`.
 */
json_t *report_make(const struct report_wish *wish, char error_r[EVENTSTORE_ERROR_MAX]);

/* Prints it as text. Texts from strangers are escaped. No line is wider than the look; what does
 * not fit continues on the next. */
void report_print(const json_t *report, const struct report_look *look, FILE *out);
/* Prints one self-contained page: charts as inline SVG, no script. */
void report_print_html(const json_t *report, FILE *out);

#endif
