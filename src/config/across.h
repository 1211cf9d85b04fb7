// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_ACROSS_H
#define VERIMAIL_CONFIG_ACROSS_H

#include "config/config.h"
#include "config/problems.h"

/* What is wrong between sections of a configuration whose values are right each for itself: what
 * would refuse or lose mail, or protect nobody. For `-t`. Nothing is read but the configuration.
 * Each begins with `warning: `. Times are Unix seconds. */

/* Whether the stamps of a host end within 30 days, or have ended. */
bool across_host_is_ending(const struct config_host *host, uint64_t unix_now);

/* Of what a service needs. */
void across_warn_service(const struct config *config, uint64_t unix_now, struct problems *warnings);

#endif
