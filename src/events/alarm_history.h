// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_ALARM_HISTORY_H
#define VERIMAIL_EVENTS_ALARM_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

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
