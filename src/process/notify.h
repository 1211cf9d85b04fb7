// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROCESS_NOTIFY_H
#define VERIMAIL_PROCESS_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>

/* The two small protocols of systemd that a service needs, sd_notify(3) and sd_listen_fds(3). Each
 * is stable and takes a few lines; libsystemd would bring four more libraries into a daemon that
 * starts as root. Without systemd both do nothing. */

/* Whether systemd runs this machine, as sd_booted(3) has it. */
bool notify_is_booted(void);

/* Sends `state` ("READY=1\n..."). */
void notify_send(const char *state);
/* RELOADING=1 with the monotonic time, which systemd requires. */
void notify_reloading(void);

/* Returns the number of sockets that systemd handed over; `first_r` is the first descriptor. */
size_t notify_listen_fds(int *first_r);

#endif
