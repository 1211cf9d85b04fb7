// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_SYNC_H
#define VERIMAIL_REPLAY_SYNC_H

#include <stdbool.h>

/* Writes a store's file to the disk, beside the processes that count in it and wait for nothing
 * (design, section 8). It opens neither an environment nor a lock. */
struct replay_sync;

/* NULL when a store at this address needs none, or out of memory. The file may come later. */
struct replay_sync *replay_sync_init(const char *address);
void replay_sync_free(struct replay_sync **sync);

/* Once a second or so; waits for the disk. False with errno. */
bool replay_sync_run(struct replay_sync *sync);
/* Nobody counts any more, and nobody will before the next start: writes everything and marks the
 * store as whole, so that it is believed after the next boot. False with errno. */
bool replay_sync_finish(struct replay_sync *sync);

#endif
