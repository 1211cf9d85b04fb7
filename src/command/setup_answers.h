// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_SETUP_ANSWERS_H
#define VERIMAIL_COMMAND_SETUP_ANSWERS_H

#include "command/arguments.h"
#include "setup/plan.h"

/* What `verimail setup` was told by its options. NULL, or no values: it was not. */
struct setup_options {
    struct arguments_values domains;
    const char *only;
    const char *host;
    const char *target;
    struct arguments_values addresses;
    struct arguments_values networks;
    const char *mail_server;
    const char *peer;
    const char *test_to;
    const char *export;
    struct arguments_values imports;
    bool no_test;
    bool yes;
};

/* Fills the answers of a plan in: from the options, else from what the configuration has (`now`;
 * NULL: there is none), else from this machine, which is the answer to a question unless another
 * one is typed. STATUS_OK, or another status after a complaint. */
enum status setup_answers(const struct invocation *invocation, const struct setup_options *options,
        const struct config *now, struct plan *plan) __attribute__((warn_unused_result));

/* The addresses of the option. False when out of memory. */
bool setup_answers_addresses(const struct setup_options *options, struct config_list *addresses_r);

/* Asks on standard output. `answer`: what an empty line means; NULL: it must be typed. The caller
 * frees what it returns; NULL: standard input has ended. */
char *setup_answers_ask(const char *question, const char *answer);

#endif
