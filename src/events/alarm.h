// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_ALARM_H
#define VERIMAIL_EVENTS_ALARM_H

#include <stdint.h>

#include "events/counters.h"

#define ALARM_EVERY UINT64_C(60000) /* milliseconds between two log lines of one kind */

/* The alarms of one process: `event=alarm about=replay because="..."` at level alarm. Each kind is
 * logged at most once a minute; every alarm is counted. */
struct alarm {
    struct counters *counters;     /* borrowed */
    uint64_t said[COUNTER_ALARMS]; /* monotonic milliseconds of the last log line; 0: never */
    uint64_t left_out[COUNTER_ALARMS];
};

/* What to do about an alarm of this kind: a command, or a line of the configuration, in one line.
 * `{}` stands for the subject. */
const char *alarm_remedy(enum counter_alarm about);

/* Counts an alarm, and logs it with its remedy, unless one of its kind was logged within
 * ALARM_EVERY. `subject`: the user or thing that it is about, "" for nothing. `now`: monotonic
 * milliseconds. */
void alarm_raise(struct alarm *alarm, enum counter_alarm about, const char *subject,
        const char *because, uint64_t now);
/* The same with a remedy that says more than that of its kind. */
void alarm_raise_with_remedy(struct alarm *alarm, enum counter_alarm about, const char *subject,
        const char *because, const char *remedy, uint64_t now);

#endif
