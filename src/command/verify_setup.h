// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_VERIFY_SETUP_H
#define VERIMAIL_COMMAND_VERIFY_SETUP_H

#include <stdio.h>

#include "command/command.h"
#include "filter/verifier.h"

/* What it takes to ask over the network, by the section `verify`. Where there is no such section,
 * or no configuration file at all, its defaults apply. */
struct verify_setup {
    struct problems *problems;
    struct config *config; /* NULL: there is no file */
    struct config_verify defaults;
    const struct config_verify *verify; /* one of the two */
    struct verifier *verifier;
    struct client *client;
};

/* Anything but STATUS_OK: after a complaint. Call verify_setup_clear() in either case. */
enum status verify_setup_init(const struct invocation *invocation, struct verify_setup *setup_r)
        __attribute__((warn_unused_result));
void verify_setup_clear(struct verify_setup *setup);

/* "192.0.2.1:26 (mx.example.org, by _verimail._tcp.example.org; DNS insecure)", or "127.0.0.1:26
 * (the peer "example.org" of the configuration)": where an answer came from; nothing when no
 * service was asked. */
void verify_setup_print_source(FILE *out, const struct client_outcome *outcome);

#endif
