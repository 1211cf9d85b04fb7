// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_SOCKET_H
#define VERIMAIL_MILTER_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "config/config.h"

#define SOCKET_ERROR_MAX 512 /* octets with a NUL */

/* Opens what mail servers connect to, by libmilter, after callbacks_register(): a unix socket with
 * the mode that was asked for and with `group`; TCP gets TCP_NODELAY, which libmilter does not set.
 * A unix socket that another process still answers at is left alone, one that nobody does is
 * replaced, and what is no socket is refused. False with a sentence in `error_r`, also when the
 * group, or everybody where the mode is for them, could not get through one of the folders above
 * the socket. */
bool socket_open(const struct config_milter *milter, gid_t group, char error_r[SOCKET_ERROR_MAX])
        __attribute__((warn_unused_result));

/* Connects once and closes: libmilter looks at signals only then, or every five seconds. */
void socket_knock(const struct config_milter *milter);
/* Removes a unix socket, at the end. */
void socket_remove(const struct config_milter *milter);

#endif
