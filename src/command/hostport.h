// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_HOSTPORT_H
#define VERIMAIL_COMMAND_HOSTPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"

#define PLACE_PORT "26"
#define PLACE_HOST_MAX 254  /* octets with a NUL */
#define PLACE_CAUSE_MAX 160 /* the same */

/* Where a person says that a service is. */
struct place {
    char host[PLACE_HOST_MAX]; /* a name, or an address without brackets */
    char port[6];
};

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. */
bool place_parse(const char *text, struct place *place_r) __attribute__((warn_unused_result));

/* Looks the name up as this machine does, before `deadline` (clock_milliseconds()). Returns how
 * many endpoints there are, at most `size`; 0 with why in `cause_r`. */
size_t place_find(const struct place *place, uint64_t deadline, struct endpoint *endpoints_r,
        size_t size, char cause_r[PLACE_CAUSE_MAX]);

#endif
