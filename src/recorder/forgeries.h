// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_RECORDER_FORGERIES_H
#define VERIMAIL_RECORDER_FORGERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events/event.h"
#include "protocol/address.h"

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

#endif
