// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_PROOF_H
#define VERIMAIL_COMMAND_PROOF_H

#include "base/endpoint.h"
#include "client/client.h"
#include "command/verify_setup.h"
#include "config/config.h"
#include "protocol/keyring.h"

/* What the service that runs on this machine says to a stamp. A service's key and a host's public
 * one share what the host's secret key and the service's public one share. So a process that may
 * read the service's keys can make a stamp as any of its hosts does. */

/* The first address of the service as a client on this machine reaches it. False when the
 * configuration has no service, or the kernel picks its port. */
bool proof_find_service(const struct config *config, struct endpoint *endpoint_r)
        __attribute__((warn_unused_result));

/* Asks about a stamp for `user` by the host of `key`, issued then (Unix seconds). */
void proof_ask(const struct endpoint *endpoint, const struct shared_key *key,
        const struct address *user, uint64_t issued, struct client_outcome *outcome_r);

/* The same through the DNS, or the peer of the configuration. */
void proof_ask_through(const struct verify_setup *setup, const struct shared_key *key,
        const struct address *user, uint64_t issued, struct client_outcome *outcome_r);

/* The answer as a person reads it: "NO refused", or "no answer: ..." */
#define PROOF_TEXT_MAX 320
void proof_text(const struct client_outcome *outcome, char text_r[PROOF_TEXT_MAX]);

#endif
