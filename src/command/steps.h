// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_STEPS_H
#define VERIMAIL_COMMAND_STEPS_H

#include <stdio.h>

#include "verimaild/query.h"

/* What step `number` of design section 3 looked at, as a sentence: the two sides of a comparison.
 * To be called after the step was taken. Everything that is somebody else's is escaped. */
void steps_describe(FILE *out, unsigned number, const struct query *query);

/* Why it was decided as it was; "" for what the step's description says by itself. */
const char *steps_why(const struct judgement *judgement);

#endif
