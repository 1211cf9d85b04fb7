// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_NETWORK_H
#define VERIMAIL_BASE_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "protocol/text.h"

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

#define NETWORK_CLIENT_MAX 7 /* octets */

/* The network that is taken for one SMTP client: the /24 of an IPv4 address, however it is written,
 * or the /48 of an IPv6 address; as a NUL and its octets. Empty: the text is no address. */
struct text network_of_client(struct text address, char octets_r[NETWORK_CLIENT_MAX]);

#endif
