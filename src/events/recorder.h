// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_RECORDER_H
#define VERIMAIL_EVENTS_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "events/alarm.h"
#include "events/counters.h"
#include "events/ring.h"
#include "process/identity.h"

#define RECORDER_FINISH 5000  /* milliseconds for what is left; the store may take longer */
#define RECORDER_ORPHAN 11000 /* milliseconds that workers may go on without a supervisor */

/* What the supervisor says to a recorder, an octet each. At the end of the socket the supervisor is
 * dead and workers may go on for a while: as long as events come, they are recorded. */
enum recorder_order {
    RECORDER_STOP = 's',      /* all workers have ended: record what is left, mark the store of
                               * replay counts as whole, and end */
    RECORDER_HAND_OVER = 'h', /* the same, but others go on counting */
};

/* Everything a recorder is given at its fork; all of it borrowed. */
struct recorder_setup {
    const struct config_service
            *service; /* events, events_keep, events_ip, alarm_forgeries, replay */
    const struct identity *identity;
    int control;
    int metrics; /* a listening socket, or -1 */
    struct counters *counters;
    struct ring *const *rings; /* of the generation's workers */
    size_t rings_count;
};

/* The third process of design section 9: records events, shows the counters, raises alarms about
 * forgeries and about its store, and writes the replay counts to the disk. It may be slow and may
 * die; workers never notice. Returns the exit status. */
int recorder_run(const struct recorder_setup *setup);

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
