// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_RECORDER_ALARM_HISTORY_H
#define VERIMAIL_RECORDER_ALARM_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define ALARM_HISTORY_FILE "alarms"
#define ALARM_HISTORY_KEEP 3600          /* seconds: of forgeries, and of a host's clock */
#define ALARM_HISTORY_KEEP_SENDING 86400 /* seconds: of a user who sends */
#define ALARM_HISTORY_KEEP_TEXTS 2678400 /* seconds: of a payload; 31 days */

/* The users, payloads and hosts about which an alarm was raised lately. They are kept in a file in
 * the folder `state`, so that a restart or reload does not repeat the alarm. A line is
 * `UNIX-SECONDS SUBJECT`: until when not to repeat it. */

/* Whether an alarm is not to be repeated. Also false when the file cannot be read: a repeated alarm
 * is better than a missed one. */
bool alarm_history_has(const char *folder, const char *subject, uint64_t unix_now);

/* Adds an alarm for `keep` seconds, and removes those whose time is over. False with errno; the
 * file is then unchanged, or perhaps not on the disk. */
bool alarm_history_add(const char *folder, const char *subject, uint64_t keep, uint64_t unix_now);

#endif
