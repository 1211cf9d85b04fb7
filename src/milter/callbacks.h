// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_CALLBACKS_H
#define VERIMAIL_MILTER_CALLBACKS_H

#include <stdbool.h>

#include "milter/snapshot.h"

/* What libmilter calls. It reports the events of each connection to session.h, and does what that
 * decides. A process has one of it, because libmilter has global state. */

/* Call it before socket_open(). `client` is borrowed; NULL: nothing is verified. False when
 * libmilter refuses. */
bool callbacks_register(struct client *client) __attribute__((warn_unused_result));

/* Sets the snapshot for connections that begin from now on, and takes over its count. Call it
 * before callbacks_run(), and later at any time from any thread. */
void callbacks_use(struct snapshot *snapshot);

/* Serves mail servers until SIGTERM, SIGINT or SIGHUP. False when libmilter fails. */
bool callbacks_run(void) __attribute__((warn_unused_result));

#endif
