// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_TERMINAL_H
#define VERIMAIL_COMMAND_TERMINAL_H

#include <stdbool.h>

/* What standard output is good for. */

unsigned terminal_width(void); /* columns; 0 when it is no terminal */
/* A terminal, whose user did not set NO_COLOR. */
bool terminal_has_colour(void);
/* Whether this locale's characters are UTF-8. */
bool terminal_is_utf8(void);

#endif
