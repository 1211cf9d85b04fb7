// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_FORGERIES_H
#define VERIMAIL_EVENTS_FORGERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events/event.h"

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
/* The next alarm that is due, oldest first: one for a user in an hour. False when none is. Only
 * this process is known here: alarm_history.h knows those before it. */
bool forgeries_next(struct forgeries *forgeries, struct forgery *forgery_r);

#endif
