// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_NETWORK_H
#define VERIMAIL_BASE_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* A range of addresses. IPv4 lies in IPv6 as mapped (::ffff:0:0/96). */
struct network {
    unsigned char address[16]; /* network order */
    unsigned prefix;           /* bits of the 128 */
};

/* Reads `127.0.0.0/8`, `2001:db8::/32`, or an address alone. Bits behind the prefix must be 0. An
 * IPv4 address mapped into IPv6 is the IPv4 address it is. */
bool network_parse(const char *text, struct network *network_r) __attribute__((warn_unused_result));

/* Whether the address, of either family, lies in it; mapped ones as the IPv4 address they are.
 * False for any other family. */
bool network_has(const struct network *network, const struct sockaddr *address);
bool network_any_has(const struct network *networks, size_t count, const struct sockaddr *address);

#endif
