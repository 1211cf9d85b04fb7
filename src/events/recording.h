// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_RECORDING_H
#define VERIMAIL_EVENTS_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "events/alarm.h"
#include "events/ring.h"

#define RECORDING_BATCH 4096 /* events in one transaction */

/* The events on their way from the rings to the store; forgeries are noticed in passing. While the
 * store fails, events stay in the rings, and it is tried again and again. */
struct recording;

/* `alarm` and the rings are borrowed. NULL with errno. */
struct recording *recording_init(const struct config_service *service, struct ring *const *rings,
        size_t rings_count, struct alarm *alarm);
/* What was not recorded stays in the rings. */
void recording_free(struct recording **recording);

enum recording_state {
    RECORDING_IDLE,   /* nothing was there */
    RECORDING_DONE,   /* all that was there is recorded */
    RECORDING_MORE,   /* there is more: go on at once */
    RECORDING_FAILED, /* there is more, but it cannot be recorded now */
};

/* Records a batch, deletes what is old now and then, raises alarms. May wait for disk and
 * network. */
enum recording_state recording_turn(struct recording *recording);

/* The end is near: the next turn tries the store whatever happened before, and nothing old is
 * deleted any more. */
void recording_hurry(struct recording *recording);

/* The end: what is still there is lost, and counted as such. Returns how many. */
uint64_t recording_give_up(struct recording *recording);

#endif
