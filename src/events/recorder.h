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

/* What the supervisor sends to a recorder, one octet each. The end of the socket means that the
 * supervisor is dead. Workers may go on for a while: as long as events come, they are recorded. */
enum recorder_order {
    /* All workers have ended: record the rest, mark the store of replay counts as clean, and end.
     */
    RECORDER_STOP = 's',
    /* The same, but others go on counting. */
    RECORDER_HAND_OVER = 'h',
    /* With a descriptor: the listening socket for the counters. */
    RECORDER_METRICS = 'm',
};

/* Sends a recorder the listening socket for the counters. `control`: the supervisor's end. */
void recorder_give_metrics(int control, int metrics);

/* What a recorder gets at its fork, all borrowed. */
struct recorder_setup {
    const struct config_service *service; /* state, alarm_forgeries, replay */
    const struct config_record *record;
    const struct identity *identity;
    int control;
    int metrics; /* a listening socket, or -1 */
    struct counters *counters;
    struct ring *const *rings; /* of the generation's workers */
    size_t rings_count;
};

/* Runs the recorder process (design, section 9). It records events, serves the counters, raises
 * alarms about forgeries and its store, and writes replay counts to the disk. If it is slow or
 * dies, workers are not affected. Returns the exit status. */
int recorder_run(const struct recorder_setup *setup);

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
