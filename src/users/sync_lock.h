// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_SYNC_LOCK_H
#define VERIMAIL_USERS_SYNC_LOCK_H

#include <stdint.h>

/* Who has asked a directory earlier must not write later: what he writes is older. So syncs take
 * turns, from before the first question to the end, one at a time for the tables of one folder.
 * Waits for at most so many seconds. Returns a descriptor, whose end is the turn's, or -1 with
 * errno, EWOULDBLOCK when it is still another's. `path`: of a table. */
int sync_lock_take(const char *path, uint64_t seconds);

#endif
