// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_GUARD_H
#define VERIMAIL_USERS_GUARD_H

#include <stdbool.h>

/* Protects a process from a damaged table. LMDB trusts its file, which is mapped into memory. A
 * file that is damaged, or truncated while in use, can make LMDB access invalid addresses. With the
 * guard the caller gets an error instead, and the process lives on. */

/* Call it before the first guard_run(), and before system calls are forbidden. It may be called
 * several times. */
void guard_install(void);

/* Runs `work`. False when a signal or guard_give_up() ended it early. `work` should hold nothing
 * that must be released. */
bool guard_run(void (*work)(void *context), void *context) __attribute__((warn_unused_result));

/* Ends the work from inside it. Returns only if no work is running. */
void guard_give_up(void);

#endif
