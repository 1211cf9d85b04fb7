// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_EXPLAIN_H
#define VERIMAIL_COMMAND_EXPLAIN_H

#include <stdio.h>

#include "verimaild/query.h"

/* A question judged step by step, with what each step saw. */
struct explanation;

/* `line`: the question, borrowed, as is the service. `unix_now`: seconds. NULL when the service
 * does not take the line for a question, or out of memory. */
struct explanation *explanation_init(
        const struct service *service, struct text line, uint64_t unix_now);
/* Wipes what was in the payload. */
void explanation_free(struct explanation **explanation);

enum verdict explanation_verdict(const struct explanation *explanation);
void explanation_print(const struct explanation *explanation, FILE *out);
void explanation_print_json(const struct explanation *explanation, FILE *out);

/* What step `number` of design section 3 looked at, as a sentence: the two sides of a comparison.
 * To be called after the step was taken. Everything that is somebody else's is escaped. */
void steps_describe(FILE *out, unsigned number, const struct query *query);

/* Why it was decided as it was, or would be if the domain were not under test; "" for what the
 * step's description says by itself. */
const char *steps_why(const struct judgement *judgement);

#endif
