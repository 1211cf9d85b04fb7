// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_ACROSS_KEYS_H
#define VERIMAIL_CONFIG_ACROSS_KEYS_H

#include "config/config.h"
#include "config/problems.h"

/* Warns of keys that do not belong together, where one configuration has a service and a section
 * `stamp`: a `service_key` of another service, a host's key that no host lists, or that another one
 * does. Such stamps would be refused as forged. Reads the keys of both. What this process may not
 * read is not compared. */
void across_warn_keys(const struct config *config, struct problems *warnings);

#endif
