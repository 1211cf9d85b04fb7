// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_TERMINAL_H
#define VERIMAIL_COMMAND_TERMINAL_H

#include <stdbool.h>

#include "command/command.h"

/* The abilities of standard output. */

/* The columns of a line: what the option --width says, or those of the terminal, or 80. False after
 * a complaint. */
bool terminal_take_width(
        const struct invocation *invocation, const char *option, unsigned *columns_r);
/* Whether it is a terminal and NO_COLOR is not set. */
bool terminal_has_colour(void);
/* Whether the locale uses UTF-8. */
bool terminal_is_utf8(void);

#endif
