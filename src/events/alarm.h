// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_ALARM_H
#define VERIMAIL_EVENTS_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events/counters.h"
#include "events/event.h"

#define ALARM_EVERY UINT64_C(60000) /* milliseconds between two log lines of one kind */

/* The alarms of one process: `event=alarm about=replay because="..."` at level alarm. Each kind is
 * logged at most once a minute; every alarm is counted. */
struct alarm {
    struct counters *counters;     /* borrowed */
    uint64_t said[COUNTER_ALARMS]; /* monotonic milliseconds of the last log line; 0: never */
    uint64_t left_out[COUNTER_ALARMS];
};

/* Counts an alarm, and logs it unless one of its kind was logged within ALARM_EVERY. `subject`: the
 * user or thing that it is about, "" for nothing. `now`: monotonic milliseconds. */
void alarm_raise(struct alarm *alarm, enum counter_alarm about, const char *subject,
        const char *because, uint64_t now);
/* The same with what to do about it. */
void alarm_raise_with_remedy(struct alarm *alarm, enum counter_alarm about, const char *subject,
        const char *because, const char *remedy, uint64_t now);

#define FORGERIES_USERS 65536 /* tracked at a time; 72 octets each */
#define FORGERIES_WAITING 32  /* alarms that may wait to be reported */

/* Counts the questions about each user that were answered NO within the last hour, and up to ten
 * minutes more.
 *
 * Strangers choose the user names, so the number of entries is limited. When space runs out, the
 * user with the fewest questions is dropped. Case and +detail of a user are ignored. Questions
 * about a domain that is not served do not count. */
struct forgeries;

/* A user whose forgeries are over the limit. */
struct forgery {
    char user[ADDRESS_MAX + 1]; /* in lower case, without its detail */
    uint64_t network;           /* source of most of them (privacy.h); 0: none or not known */
};

/* `limit`: the largest number in an hour without an alarm. NULL when out of memory. */
struct forgeries *forgeries_init(uint64_t limit, size_t users);
void forgeries_free(struct forgeries **forgeries);

/* Counts an event. Pass every event once. `now`: monotonic milliseconds. */
void forgeries_note(struct forgeries *forgeries, const struct event *event, uint64_t now);
/* The next alarm that is due, oldest first, at most one for a user in an hour. False when there is
 * none. Only alarms of this process are known; alarm_history_has() knows those of earlier ones. */
bool forgeries_next(struct forgeries *forgeries, struct forgery *forgery_r);

#define ALARM_HISTORY_FILE "alarms"
#define ALARM_HISTORY_KEEP 3600          /* seconds: of a user */
#define ALARM_HISTORY_KEEP_TEXTS 2678400 /* seconds: of a payload; 31 days */

/* The users and payloads about which an alarm was raised lately. They are kept in a file in the
 * folder `state`, so that a restart or reload does not repeat the alarm. A line is `UNIX-SECONDS
 * SUBJECT`: until when not to repeat it. */

/* Whether an alarm is not to be repeated. Also false when the file cannot be read: a repeated alarm
 * is better than a missed one. */
bool alarm_history_has(const char *folder, const char *subject, uint64_t unix_now);

/* Adds an alarm for `keep` seconds, and removes those whose time is over. False with errno; the
 * file is then unchanged. */
bool alarm_history_add(const char *folder, const char *subject, uint64_t keep, uint64_t unix_now);

#endif
