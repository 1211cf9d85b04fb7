// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_TALLY_H
#define VERIMAIL_MILTER_TALLY_H

#include <stddef.h>

#include "events/counters.h"
#include "events/mail_event.h"

/* The worker's side of the counters. A process has one of it. All threads may use it at once.
 * Without tally_open(), as in a test of another part, nothing is counted. */

/* `counters` is borrowed; `section`: whose of them they are. What another worker of that section
 * left as its present state is forgotten. */
void tally_open(struct counters *counters, size_t section);

/* A message that was decided about. */
void tally_message(const struct mail_event *event);
/* An SMTP session began (1), or ended (-1). */
void tally_session(int change);
/* There were too many. */
void tally_refused_session(void);

#endif
