// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_NOTIFY_H
#define VERIMAIL_PROCESS_NOTIFY_H

#include <stddef.h>

/* The two small protocols of systemd that a service needs, sd_notify(3) and sd_listen_fds(3). They
 * are stable and a few lines each, and libsystemd would bring four more libraries into a daemon
 * that starts as root. Without systemd both do nothing. */

/* Sends `state` ("READY=1\n..."). */
void notify_send(const char *state);
/* RELOADING=1 with the time that systemd wants beside it. */
void notify_reloading(void);

/* The number of descriptors that were handed to us, and the first of them in `first_r`. */
size_t notify_listen_fds(int *first_r);

#endif
