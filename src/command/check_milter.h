// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_CHECK_MILTER_H
#define VERIMAIL_COMMAND_CHECK_MILTER_H

#include "command/arguments.h"

/* What `verimail check --milter` says to a milter, as a mail server would; NULL: it was not given.
 */
struct check_milter {
    const char *socket;
    const char *mail_from;
    const struct arguments_values *rcpt;
    const char *ip;
    const char *login;
    const char *daemon_name;
    const char *timeout; /* seconds */
    bool as_json;
};

/* Gives the milter the message on standard input, and prints what it does. Returns what its action
 * or its result means, as `verimail check` does; STATUS_FAILURE when it does not answer. */
enum status check_milter(const struct invocation *invocation, const struct check_milter *asked);

#endif
