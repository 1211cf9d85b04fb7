// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_TRIAL_H
#define VERIMAIL_SETUP_TRIAL_H

#include "setup/plan.h"

/* Whether a machine does what it was set up for. Each says what it found, and is false with a
 * sentence when that is not what it should be. */

/* The service says YES to a stamp of this host. */
bool trial_of_keys(const struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX])
        __attribute__((warn_unused_result));
/* A message goes through the mail server, which asks the milter about it. */
bool trial_of_mail(const struct plan *plan, FILE *out, char error_r[PLAN_ERROR_MAX])
        __attribute__((warn_unused_result));

#endif
