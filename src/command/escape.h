// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_ESCAPE_H
#define VERIMAIL_COMMAND_ESCAPE_H

#include <stdio.h>

#include "protocol/text.h"

/* Writes octets from anywhere to a terminal. `\`, and octets that are not printable ASCII, become
 * \xNN. */
void escape_put(FILE *out, struct text t);
/* The same for a sentence that may already have such escapes: `\` stays. */
void escape_controls(FILE *out, struct text t);
/* Writes a quoted value as the configuration file has it. Printable ASCII, even of several lines,
 * reads back as `t`. */
void escape_quoted(FILE *out, struct text t);

#endif
