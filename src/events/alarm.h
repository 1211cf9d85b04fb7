// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_ALARM_H
#define VERIMAIL_EVENTS_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events/counters.h"
#include "events/event.h"

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

#define FORGERIES_USERS 65536 /* at a time; 72 octets each */
#define FORGERIES_WAITING 32  /* alarms that may wait to be told */

/* How many questions about each user were answered NO within the last hour, and up to ten minutes
 * more. Strangers choose the names, so there is room for so many; where it is short, the user
 * goes about whom least was asked. A user is the same in any case and with any +detail. Questions
 * about a domain that is not served are nobody's forgeries. */
struct forgeries;

/* Somebody whose forgeries have passed the limit. */
struct forgery {
    char user[ADDRESS_MAX + 1]; /* in lower case, without its detail */
    uint64_t network;           /* that most of them come from (privacy.h); 0: none or not known */
};

/* `limit`: so many in an hour are no alarm yet. NULL when out of memory. */
struct forgeries *forgeries_init(uint64_t limit, size_t users);
void forgeries_free(struct forgeries **forgeries);

/* Any event; each only once. `now`: milliseconds of one clock. */
void forgeries_note(struct forgeries *forgeries, const struct event *event, uint64_t now);
/* The next alarm that is due, oldest first: one for a user in an hour. False when none is. It
 * knows this process alone: alarm_history_has() knows those before it. */
bool forgeries_next(struct forgeries *forgeries, struct forgery *forgery_r);

#define ALARM_HISTORY_FILE "alarms"
#define ALARM_HISTORY_KEEP 3600 /* seconds */

/* The users about whom an alarm was raised within the last hour, in a file of the folder `state`,
 * so that neither a restart nor a reload raises it again. A line is `UNIX-SECONDS USER`. */

/* Whether there was one. False also when the file cannot be read: better an alarm too many. */
bool alarm_history_has(const char *folder, const char *user, uint64_t unix_now);

/* Adds one, and forgets those that are older than an hour. False with errno; what was there
 * stays. */
bool alarm_history_add(const char *folder, const char *user, uint64_t unix_now);

#endif
