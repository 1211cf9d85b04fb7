// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_QUESTION_LINE_H
#define VERIMAIL_COMMAND_QUESTION_LINE_H

#include "command/command.h"
#include "protocol/question.h"

/* A question as a person asks it on the command line; NULL: this part is not asked. */
struct question_line {
    const char *user; /* canonical text; a bare `local` stays one */
    const char *payload;
    const char *rcpt; /* domains in any form, divided by commas, or `*` */
    const char *digest;
    const char *ip;
};

/* Writes the line with its CRLF. False after a complaint about the part that is wrong. `w` must
 * have room for QUESTION_MAX octets. */
bool question_line_write(const struct question_line *asked, const struct invocation *invocation,
        struct writer *w) __attribute__((warn_unused_result));

#endif
