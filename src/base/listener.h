// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_LISTENER_H
#define VERIMAIL_BASE_LISTENER_H

#include "base/endpoint.h"

#define LISTENER_DEFER 1 /* seconds for which the kernel keeps a silent connection from us */

/* Opens a TCP socket that listens with SO_REUSEPORT and TCP_DEFER_ACCEPT, not blocking, closed on
 * exec. With `alone` no other socket may listen there, of this process or another, whatever its
 * options: else EADDRINUSE. Without it, this one joins others that share the address. `*` is one
 * socket for IPv6 and IPv4, or for IPv4 where the machine has no IPv6. Port 0: `bound_r`, which may
 * be `endpoint` itself, has the one that the kernel picked. Returns the descriptor, or -1 with
 * errno. */
int listener_open(const struct endpoint *endpoint, bool alone, struct endpoint *bound_r);

/* Makes one that somebody else opened (socket activation) behave like ours. False with errno when
 * it is no listening TCP socket. */
bool listener_adopt(int fd, struct endpoint *bound_r);

#endif
