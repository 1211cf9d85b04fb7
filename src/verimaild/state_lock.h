// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_STATE_LOCK_H
#define VERIMAIL_VERIMAILD_STATE_LOCK_H

#include <stdint.h>

#include "config/config.h"
#include "config/problems.h"
#include "process/identity.h"

/* Milliseconds: as long as the workers of a dead service may go on. */
#define STATE_LOCK_WAIT 15000

/* The lock on the state folder, which only one verimaild has. Its workers have it, too: where a
 * supervisor was killed, a new one waits until they have ended. */
struct state_lock;

/* Locks the folder `state`, or shares the lock that `before` (may be NULL) has on it. A file `lock`
 * in it stands for the folder, so that workers need no descriptor of a folder; it is made as
 * `identity`. Waits without `before`, at most STATE_LOCK_WAIT, and less after SIGTERM or SIGINT,
 * which must be blocked. NULL when it cannot be locked: `problems` then says which process has it.
 */
struct state_lock *state_lock_open(const struct config_text *state, const struct identity *identity,
        const struct state_lock *before, struct problems *problems);
/* Closes this process's descriptor. The lock ends with the last process that has one. */
void state_lock_close(struct state_lock **lock);

#endif
