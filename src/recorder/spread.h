// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_RECORDER_SPREAD_H
#define VERIMAIL_RECORDER_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/address.h"
#include "protocol/text.h"

#define SPREAD_USERS 16384 /* tracked at a time; about 240 octets each */
#define SPREAD_WAITING 32  /* alarms that may wait to be reported */
#define SPREAD_FACTOR 3    /* an alarm takes so many times more than is usual */
#define SPREAD_DAY 4       /* floors of an hour are the floor of a day */

/* Counts to how many receiving domains each of our users sends within an hour and within a day, and
 * learns what is usual for each: a user who suddenly sends to many more has lost a password.
 *
 * The limit of a user is SPREAD_FACTOR times the most that the user ever had, but at least the
 * floor, and SPREAD_DAY times the floor for a day. What raised an alarm is usual from then on.
 * Without an alarm, what is usual grows by at most half in a week, so that nobody gets there step
 * by step. It is forgotten slowly: half of it in 36 weeks.
 *
 * Memory is bounded. When it runs out, the user with the least is dropped. Case and +detail of a
 * user are ignored. Domains are counted in bitmaps: the number is right within some percent. */
struct spread;

/* A user who sends to too many. */
struct spread_alarm {
    char user[ADDRESS_MAX + 1]; /* in lower case, without its detail */
    unsigned domains;
    unsigned usual; /* at most so many before */
    bool in_a_day;  /* else within an hour */
};

/* `floor`: the largest number within an hour that raises no alarm whatever is usual. NULL when out
 * of memory. */
struct spread *spread_init(uint64_t floor, size_t users);
void spread_free(struct spread **spread);

/* A message of the user to these domains, separated by commas, in any case. `unix_now`: seconds of
 * a clock that may be set. */
void spread_note(struct spread *spread, struct text user, struct text receiving, uint64_t unix_now);
/* The next alarm, oldest first, at most one of each kind for a user in an hour or a day. False when
 * there is none. */
bool spread_next(struct spread *spread, struct spread_alarm *alarm_r);

/* What is usual, in the file `path`, without names of users. Only users whose limit is above the
 * floor are in it. False with errno; a file that is not there is no error. Lines that are not valid
 * are ignored. */
bool spread_load(struct spread *spread, const char *path);
bool spread_save(const struct spread *spread, const char *path);

#endif
