// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_SERVICE_H
#define VERIMAIL_VERIMAILD_SERVICE_H

#include "config/config.h"
#include "config/problems.h"
#include "protocol/classic.h"
#include "protocol/keyring.h"
#include "protocol/rules.h"
#include "verimaild/answer_keys.h"

/* The keys and the rules that the service answers from. They are made of a configuration once and
 * do not change. It may be shared over fork(): it holds no descriptor. */
struct service;

/* Reads the key files. NULL when anything is wrong: `problems` then says what, and on which line.
 * `config` must have a service section and outlive the service. */
struct service *service_init(const struct config *config, struct problems *problems);
void service_free(struct service **service);

/* After fork(): locks the secrets in memory again, which a child does not inherit. */
void service_after_fork(struct service *service);

const struct keyring *service_keyring(const struct service *service);
const struct answer_keys *service_answer_keys(const struct service *service);
const struct rules *service_rules(const struct service *service);
/* The domain of a bare `user`; empty when no domain is the default. */
struct text service_default_domain(const struct service *service);
/* The key for payloads of 2013 to exactly this domain, or NULL. */
struct classic_key *service_classic_key(const struct service *service, struct text domain);

/* The content of the file `replay_password`, NUL-terminated, in guarded memory; NULL: there is
 * none. */
const char *service_replay_password(const struct service *service);
/* Seconds: an older payload is not in time for any domain. */
uint64_t service_keep(const struct service *service);

/* The tables of users, each once: addresses as the configuration has them. */
size_t service_tables(const struct service *service);
const char *service_table(const struct service *service, size_t index);
/* The index of the table with this domain's users. The policy must be one of this service and have
 * a table. */
size_t service_table_of(const struct domain_policy *policy);

/* Reads the configuration of a service. NULL when anything is wrong, or it has no service section:
 * `problems` then says so. */
struct config *service_config_read(const char *path, struct problems *problems);

#endif
