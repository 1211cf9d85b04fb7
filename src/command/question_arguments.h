// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_QUESTION_ARGUMENTS_H
#define VERIMAIL_COMMAND_QUESTION_ARGUMENTS_H

#include "command/command.h"
#include "protocol/question.h"

/* A question as it is typed on the command line; NULL: the argument was not given. */
struct question_arguments {
    const char *user; /* canonical text, with its domain or without */
    const char *payload;
    const char *rcpt; /* domains in any form with commas between them, or `*` */
    const char *digest;
    const char *ip;
};

/* False after a complaint about the argument that is wrong. The question borrows from the arguments
 * and from `rcpt_r`. */
bool question_arguments_parse(const struct question_arguments *arguments,
        const struct invocation *invocation, struct rcpt *rcpt_r, struct question *question_r)
        __attribute__((warn_unused_result));

#endif
