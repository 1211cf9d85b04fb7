// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_TERMINAL_H
#define VERIMAIL_COMMAND_TERMINAL_H

#include <stdbool.h>

/* The abilities of standard output. */

unsigned terminal_width(void); /* columns; 0: not a terminal */
/* Whether it is a terminal and NO_COLOR is not set. */
bool terminal_has_colour(void);
/* Whether the locale uses UTF-8. */
bool terminal_is_utf8(void);

#endif
