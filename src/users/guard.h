// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_GUARD_H
#define VERIMAIL_USERS_GUARD_H

#include <stdbool.h>

/* LMDB believes what is in its file, which lies in memory as it is on the disk. One that was
 * damaged, or cut short while it was in use, leads it to where there is nothing. The table's owner
 * shall then hear that it is damaged, and the process live on. */

/* Before the first guard_run(), and before system calls are forbidden. Any number of times. */
void guard_install(void);

/* Does `work`; false when a signal or guard_give_up() ended it halfway. It should hold nothing that
 * must be given back. */
bool guard_run(void (*work)(void *context), void *context) __attribute__((warn_unused_result));

/* Ends the work from within; returns when none is under way. */
void guard_give_up(void);

#endif
