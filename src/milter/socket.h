// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_SOCKET_H
#define VERIMAIL_MILTER_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "config/config.h"

#define SOCKET_ERROR_MAX 512 /* octets with a NUL */

enum socket_result {
    SOCKET_OPENED,
    SOCKET_BUSY, /* another process answers at it */
    SOCKET_FAILED,
};

/* Makes libmilter open the socket for mail servers. Call it after callbacks_register().
 *
 * A unix socket gets the configured mode, and `group`. One that a dead process left is replaced.
 * SOCKET_FAILED, with a sentence in `error_r`, if something else has its path, or if those whom its
 * mode admits (the group, or everybody) cannot pass through the folders above it. SOCKET_BUSY has a
 * sentence, too.
 *
 * TCP gets TCP_NODELAY, which libmilter does not set, and a filter of the kernel: packets of others
 * than `clients` and the machine itself are dropped before there is a connection. */
enum socket_result socket_open(const struct config_milter *milter, gid_t group,
        char error_r[SOCKET_ERROR_MAX]) __attribute__((warn_unused_result));

/* A connection as a mail server has it, which may not stand yet; it does not wait. -1: none. */
int socket_connect(const struct config_milter *milter);
/* Connects and closes. libmilter notices a signal only at a new connection, or within five seconds.
 */
void socket_knock(const struct config_milter *milter);
/* Removes a unix socket when the program ends. */
void socket_remove(const struct config_milter *milter);

#endif
