// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_PULSE_H
#define VERIMAIL_MILTER_PULSE_H

#include <stdbool.h>

#include "config/config.h"

/* libmilter's pool gives a command to an idle thread, and may give many to the same one. If that
 * thread then waits for a service, the other commands wait until some thread is through with its
 * own. A thread that is through, or a new one, looks for such commands; so connections of our own
 * give libmilter something to do when all its threads wait. */

/* Connects to the milter's own socket, which is open, before the process loses the way to it. */
void pulse_open(const struct config_milter *milter);
/* Makes the thread. False with errno. */
bool pulse_start(void) __attribute__((warn_unused_result));

/* Around what may wait for a service. */
void pulse_begin(void);
void pulse_end(void);

#endif
