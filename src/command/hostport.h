// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_HOSTPORT_H
#define VERIMAIL_COMMAND_HOSTPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"

#define HOSTPORT_PORT "26"
#define HOSTPORT_HOST_MAX 254  /* octets with a NUL */
#define HOSTPORT_ERROR_MAX 160 /* the same */

/* A service's host and port, as a person writes it. */
struct hostport {
    char host[HOSTPORT_HOST_MAX]; /* a name, or an address without brackets */
    char port[6];
};

/* Reads HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. */
bool hostport_parse(const char *text, struct hostport *hostport_r)
        __attribute__((warn_unused_result));

/* Looks up the name with this machine's resolver, until `deadline` (mono_ms()). Returns the number
 * of endpoints, at most `size`. 0 with the cause in `error_r`. */
size_t hostport_find(const struct hostport *hostport, uint64_t deadline,
        struct endpoint *endpoints_r, size_t size, char error_r[HOSTPORT_ERROR_MAX]);

#endif
