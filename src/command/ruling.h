// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_RULING_H
#define VERIMAIL_COMMAND_RULING_H

#include "command/advice.h"
#include "config/config.h"
#include "config/edit.h"
#include "protocol/address.h"

/* An answer of the service, to be traced to the lines that decided it. */
struct ruling {
    const struct config *config;
    const char *path; /* of the configuration */
    const struct address *user;
    struct text host;            /* that made the stamp; empty: unknown */
    const struct advice *advice; /* about the answer, or what it would be without a test */
    bool is_testing;
};

/* Calls `each` with each line that decided, as in `verimail.conf:12: hosts = {}`, or the row of a
 * table, escaped; and then with what would change it. `is_change` tells which. Tables of users are
 * opened: none may be open in this process. */
void ruling_trace(const struct ruling *ruling,
        void (*each)(void *context, const char *sentence, bool is_change), void *context);

/* `FILE:LINE: ` and the option as the file has it. If it has none: the section, and that it does
 * not have the option. `option` NULL: the section. False when there is no such section. */
bool ruling_print_place(FILE *out, const struct edit *edit, const char *path,
        const struct edit_step *steps, const char *option);

#endif
