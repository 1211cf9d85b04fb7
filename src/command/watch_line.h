// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_WATCH_LINE_H
#define VERIMAIL_COMMAND_WATCH_LINE_H

#include <stdbool.h>
#include <stdio.h>

#include "events/store.h"

/* The columns of a shown row. The first is its id. */
#define WATCH_LINE_COLUMNS                                                                         \
    "id, time, verdict, reason, would_be, cause, \"user\", domain, host, receiving, ip, asker, "   \
    "stamp, issued, digest, listed, ms"
#define WATCH_LINE_COUNT 17

struct watch_line_look {
    unsigned width; /* columns of the terminal, at which lines are cut; 0: lines are not cut */
    bool colour;
};

/* Prints an event as a line. Texts from strangers are escaped. */
void watch_line_print(const struct eventstore_value values[WATCH_LINE_COUNT],
        const struct watch_line_look *look, FILE *out);
/* Prints an event as a JSON object in one line. */
void watch_line_print_json(const struct eventstore_value values[WATCH_LINE_COUNT], FILE *out);

#endif
