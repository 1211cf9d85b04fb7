// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_APPLY_H
#define VERIMAIL_SETUP_APPLY_H

#include "setup/plan.h"

/* Carries a plan out. Every step can be taken again, so that a plan which was interrupted can be
 * made and carried out anew. */

/* Says what would be done. */
void apply_print(const struct plan *plan, FILE *out);

/* Does it, and says what was done. False after saying which step failed, and what is done. */
bool apply_plan(struct plan *plan, FILE *out) __attribute__((warn_unused_result));

/* Reloads the daemons of a machine, where systemd runs them and they run. False with a sentence. */
bool apply_reload(unsigned roles, char error_r[PLAN_ERROR_MAX]) __attribute__((warn_unused_result));

#endif
