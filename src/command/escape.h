// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_ESCAPE_H
#define VERIMAIL_COMMAND_ESCAPE_H

#include <stdio.h>

#include "protocol/text.h"

/* Anybody's octets for a terminal: those that are not printable ASCII, and `\`, become \xNN. */
void escape_put(FILE *out, struct text t);
/* The same for a sentence that may hold such escapes already: `\` stays. */
void escape_controls(FILE *out, struct text t);
/* A value as the configuration file has it, in quotes. Printable ASCII, on several lines too,
 * reads back as `t`. */
void escape_quoted(FILE *out, struct text t);

#endif
