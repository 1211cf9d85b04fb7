// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_CONFIG_CHANGE_H
#define VERIMAIL_COMMAND_CONFIG_CHANGE_H

#include <stdio.h>

#include "command/command.h"
#include "config/edit.h"

/* Prints the lines that differ: `PATH:LINE:`, the old ones behind `-`, the new ones behind `+`. */
void config_change_print(FILE *out, const char *path, struct text old, struct text new);

/* Shows how `edit` changes the configuration, and puts it in place with a copy kept, if the person
 * agrees: by `yes`, or at the terminal. A text that is no good configuration is refused. A file
 * that cannot be written stays, with a sentence about what to write by hand. */
enum status config_change_apply(
        const struct invocation *invocation, const struct edit *edit, bool yes);

#endif
