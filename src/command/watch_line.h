// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_WATCH_LINE_H
#define VERIMAIL_COMMAND_WATCH_LINE_H

#include <stdbool.h>
#include <stdio.h>

#include "events/store.h"

/* The columns of a row that is shown, the first of which is its id. */
#define WATCH_LINE_COLUMNS                                                                         \
    "id, time, verdict, reason, cause, \"user\", domain, host, receiving, ip, asker, listed, ms"
#define WATCH_LINE_COUNT 13

struct watch_line_look {
    unsigned width; /* columns of a terminal, into which a line is cut; 0: nothing is cut */
    bool colour;
};

/* One event as a line; strangers' texts are escaped. */
void watch_line_print(const struct eventstore_value values[WATCH_LINE_COUNT],
        const struct watch_line_look *look, FILE *out);
/* As a JSON object in one line. */
void watch_line_print_json(const struct eventstore_value values[WATCH_LINE_COUNT], FILE *out);

#endif
