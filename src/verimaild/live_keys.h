// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_LIVE_KEYS_H
#define VERIMAIL_VERIMAILD_LIVE_KEYS_H

#include "config/config.h"
#include "config/problems.h"
#include "protocol/keyring.h"

/* The ring of all pairs of a service key and a host key that the configuration names, in it or by
 * files and folders. It is sealed. It has what could be read, also when something is wrong:
 * `problems` then says what, and on which line. NULL when out of memory. `config` must have a
 * service section and outlive the ring, which borrows the names of hosts. */
struct keyring *live_keys_load(const struct config *config, struct problems *problems);

#endif
