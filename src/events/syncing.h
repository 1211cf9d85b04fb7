// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_SYNCING_H
#define VERIMAIL_EVENTS_SYNCING_H

#include <stdbool.h>

#include "events/counters.h"

/* The thread that writes the store of replay counts to the disk, each second. */
struct syncing;

/* NULL when the store at this address needs none, or with a line in the log. */
struct syncing *syncing_start(const char *address, struct counters *counters);
/* Once more, and then no more; does not wait for it. `whole`: nobody counts any more, and the store
 * is marked so. NULL is none. */
void syncing_end(struct syncing *syncing, bool whole);
/* Waits until that is done. */
void syncing_free(struct syncing **syncing);

#endif
