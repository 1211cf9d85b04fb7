// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_RECORDER_LOOKOUT_H
#define VERIMAIL_RECORDER_LOOKOUT_H

#include <stdint.h>

#include "events/alarm.h"
#include "events/event.h"
#include "events/mail_event.h"
#include "events/recorder_setup.h"

/* Looks for trouble in the events on their way to the store, and raises alarms. */
struct lookout;

/* Reads what was learned before from the state folder, and writes it there every five minutes and
 * at the end. `setup`: its options `alarm_...`, and the folder where alarms are remembered. Both
 * are borrowed. NULL when out of memory. */
struct lookout *lookout_init(const struct recorder_setup *setup, struct alarm *alarm);
void lookout_free(struct lookout **lookout);

/* Pass every event once. `now`: monotonic milliseconds. */
void lookout_note(struct lookout *lookout, const struct event *event, uint64_t now);
void lookout_note_mail(struct lookout *lookout, const struct mail_event *event);
/* Raises what is due. An alarm of each kind is logged at most once a minute; further ones wait. */
void lookout_tell(struct lookout *lookout, uint64_t now);

#endif
