// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_RECORDER_SYNCING_H
#define VERIMAIL_RECORDER_SYNCING_H

#include <stdbool.h>

#include "events/counters.h"

/* The thread that writes the store of replay counts to the disk every second. */
struct syncing;

/* NULL when the store at this address needs no sync, or after an error is logged. `address` and
 * `counters` are borrowed. */
struct syncing *syncing_start(const char *address, struct counters *counters);
/* Lets the thread sync once more and end, without waiting for it. `whole`: counting has ended, and
 * the store is marked as clean. `syncing` may be NULL. */
void syncing_end(struct syncing *syncing, bool whole);
/* Waits until the thread has ended. */
void syncing_free(struct syncing **syncing);

#endif
