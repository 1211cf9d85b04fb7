// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_CALLBACKS_H
#define VERIMAIL_MILTER_CALLBACKS_H

#include <stdbool.h>

#include "milter/snapshot.h"

/* What libmilter calls: each session's events are brought to session.h, and what it decides back to
 * the mail server. One for a process, as libmilter is. */

/* Registers with libmilter: before the socket is opened. `client` is borrowed; NULL when nothing is
 * verified. */
bool callbacks_register(struct client *client) __attribute__((warn_unused_result));

/* The configuration for sessions that begin from now on. Takes over one count. Before
 * callbacks_run(), and then at any time from any thread. */
void callbacks_use(struct snapshot *snapshot);

/* Talks to mail servers until SIGTERM (libmilter also stops at SIGINT and SIGHUP). False when
 * libmilter gave up. */
bool callbacks_run(void) __attribute__((warn_unused_result));

#endif
