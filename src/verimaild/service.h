// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_SERVICE_H
#define VERIMAIL_VERIMAILD_SERVICE_H

#include "config/config.h"
#include "config/problems.h"
#include "protocol/classic.h"
#include "protocol/keyring.h"
#include "protocol/rules.h"

/* What the service answers from: its keys and its rules, made of a configuration once and not
 * changed after. It may be shared over fork(): nothing in it is a descriptor. */
struct service;

/* Reads the key files. NULL when anything is wrong: `problems` then says what, and on which line.
 * `config` must have a service section and outlive the service. */
struct service *service_init(const struct config *config, struct problems *problems);
void service_free(struct service **service);

/* After fork(): what a process does not inherit. */
void service_after_fork(struct service *service);

const struct keyring *service_keyring(const struct service *service);
const struct rules *service_rules(const struct service *service);
/* Whom a bare `user` means; empty when the configuration does not say. */
struct text service_default_domain(const struct service *service);
/* The key for payloads of 2013 to exactly this domain, or NULL. */
struct classic_key *service_classic_key(const struct service *service, struct text domain);

/* What the file `replay_password` says, NUL-terminated, in guarded memory; NULL: there is none. */
const char *service_replay_password(const struct service *service);
/* Seconds: no payload that is older is in time for any of the domains. */
uint64_t service_keep(const struct service *service);

/* The tables of users, each once: addresses as the configuration has them. */
size_t service_tables(const struct service *service);
const char *service_table(const struct service *service, size_t index);
/* Which of them has the users of this domain; its policy must be one of ours and have a table. */
size_t service_table_of(const struct domain_policy *policy);

#endif
