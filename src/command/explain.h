// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_EXPLAIN_H
#define VERIMAIL_COMMAND_EXPLAIN_H

#include <stdio.h>

#include "verimaild/query.h"

/* A question judged step by step, with what each step saw. */
struct explanation;

/* What a question is judged by; all of it is borrowed. */
struct explanation_setup {
    const struct service *service;
    const struct config *config; /* the service's */
    const char *path;            /* of the configuration */
    uint64_t unix_now;           /* seconds */
};

/* `line`: the question, borrowed. NULL when the service does not take the line for a question, or
 * out of memory. */
struct explanation *explanation_init(const struct explanation_setup *setup, struct text line);
/* Wipes what was in the payload. */
void explanation_free(struct explanation **explanation);

enum verdict explanation_verdict(const struct explanation *explanation);
void explanation_print(const struct explanation *explanation, FILE *out);
void explanation_print_json(const struct explanation *explanation, FILE *out);

/* What step `number` of design section 3 looked at, as a sentence: the two sides of a comparison.
 * To be called after the step was taken. Everything that is somebody else's is escaped. */
void steps_describe(FILE *out, unsigned number, const struct query *query);

#endif
