// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_ALARM_H
#define VERIMAIL_EVENTS_ALARM_H

#include <stdbool.h>

#include "events/counters.h"

#define ALARM_EVERY                                                                                \
    UINT64_C(60000) /* milliseconds between two lines of one kind of alarm in one process */

/* Alarms of one process: `event=alarm about=replay because="..."` at level alarm, each kind at most
 * once a minute; every one is counted. */
struct alarm {
    struct counters *counters;     /* borrowed */
    uint64_t said[COUNTER_ALARMS]; /* milliseconds; 0: never */
    uint64_t left_out[COUNTER_ALARMS];
};

/* `subject`: whom or what it is about, "" for nothing. `now`: milliseconds of one clock. */
void alarm_raise(struct alarm *alarm, enum counter_alarm about, const char *subject,
        const char *because, uint64_t now);

#endif
