// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_TEXTS_H
#define VERIMAIL_EVENTS_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events/event.h"

#define TEXTS_OCTETS ((size_t)4 * 1024 * 1024)
#define TEXTS_WAITING 32 /* alarms that may wait to be reported */

/* Counts with how many different texts each payload came that are not the one it was made for
 * (design, section 3, step 7): a mailing list, or somebody who has a stamp and forges messages.
 *
 * The memory is limited. When it runs out, the payload with the fewest texts is dropped. */
struct texts;

/* A payload with too many texts. */
struct texts_alarm {
    char stamp[EVENT_STAMP + 1];
    char user[ADDRESS_MAX + 1];
    uint64_t issued; /* Unix seconds */
};

/* `limit`: the largest number of texts without an alarm, at least 1. NULL when out of memory. */
struct texts *texts_init(size_t limit, size_t octets);
void texts_free(struct texts **texts);

/* Counts an event. Pass every event once. `now`: monotonic milliseconds. */
void texts_note(struct texts *texts, const struct event *event, uint64_t now);
/* The next alarm, oldest first, one for a payload. False when there is none. Only alarms of this
 * process are known; alarm_history_has() knows those of earlier ones. */
bool texts_next(struct texts *texts, struct texts_alarm *alarm_r);

#endif
