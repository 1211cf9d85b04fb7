// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_RECORDER_RECORDING_H
#define VERIMAIL_RECORDER_RECORDING_H

#include <stdint.h>

#include "events/alarm.h"
#include "events/recorder_setup.h"

#define RECORDING_BATCH 4096 /* events in one transaction */

/* Moves events from the rings to the store, and counts forgeries on the way. While the store fails,
 * events stay in the rings, and writing is retried. */
struct recording;

/* `alarm` and what `setup` points to are borrowed. NULL with errno. */
struct recording *recording_init(const struct recorder_setup *setup, struct alarm *alarm);
/* Events that were not recorded stay in the rings. */
void recording_free(struct recording **recording);

enum recording_state {
    RECORDING_IDLE,   /* there were no events */
    RECORDING_DONE,   /* all events are recorded */
    RECORDING_MORE,   /* there are more events: call again at once */
    RECORDING_FAILED, /* there are events that cannot be recorded now */
};

/* Records a batch, raises alarms, and at intervals deletes old events. It may wait for disk and
 * network. */
enum recording_state recording_turn(struct recording *recording);

/* Prepares for the end: the next turn tries the store even if it failed just before. Old events are
 * no longer deleted. */
void recording_hurry(struct recording *recording);

/* Gives up at the end: events still in the rings are lost, and counted as dropped. Returns their
 * number. */
uint64_t recording_give_up(struct recording *recording);

#endif
