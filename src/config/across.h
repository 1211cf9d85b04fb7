// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_ACROSS_H
#define VERIMAIL_CONFIG_ACROSS_H

#include "config/config.h"
#include "config/problems.h"

/* What is wrong between sections whose values are right each for itself: what would refuse, lose or
 * defer all mail. For `-t`. Nothing is read but the configuration; across_keys.h reads keys. Each
 * warning begins with `warning: `. Times are Unix seconds. */

/* Whether the stamps of a host end within 30 days, or have ended. */
bool across_host_is_ending(const struct config_host *host, uint64_t unix_now);

/* The domain that is served under exactly this name; NULL: none. */
const struct config_domain *across_domain(const struct config *config, const char *name);

/* Of hosts and domains, where there is a section `service`. */
void across_warn_service(const struct config *config, uint64_t unix_now, struct problems *warnings);
/* Of stamps and peers for domains that are served by the same configuration. */
void across_warn_local(const struct config *config, struct problems *warnings);

#endif
