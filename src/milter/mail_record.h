// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_MAIL_RECORD_H
#define VERIMAIL_MILTER_MAIL_RECORD_H

#include <stdbool.h>

#include "events/ring.h"
#include "filter/decision_event.h"

/* The way of a worker's messages into the record: rationed (events/ration.h), and through a ring to
 * the recorder. A process has one of it. */

/* Call it before there are threads. `ring` is borrowed; NULL: nothing is recorded. False when out
 * of memory. */
bool mail_record_start(struct ring *ring) __attribute__((warn_unused_result));

/* Whether messages are recorded from now on: they are at the start. They are counted in any case.
 */
void mail_record_switch(bool on);

/* Records and counts what was done with a message. Any thread may call it. It waits for nothing but
 * another thread's call. `instead`: what was done, where the mail server does not do what was
 * decided; MAIL_ACTION_NONE where it does. */
void mail_record_put(const struct decision_event *event, enum mail_action instead);

#endif
