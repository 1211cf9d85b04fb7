// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_ENDPOINT_H
#define VERIMAIL_BASE_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#define ENDPOINT_TEXT_MAX 56 /* octets: [IPv6]:PORT and a NUL */

/* An address and a port to listen on or to connect to. */
struct endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len;
    bool wildcard; /* written as `*`: all of IPv6 and of IPv4; `address` is then [::] */
};

/* Reads `192.0.2.1:26`, `[2001:db8::1]:26` or `*:26`; port 0 is one that the kernel picks. Names
 * are not looked up. */
bool endpoint_parse(const char *text, struct endpoint *endpoint_r)
        __attribute__((warn_unused_result));

/* `192.0.2.1:26`; an IPv4 address mapped into IPv6 is written as the IPv4 address it is. */
void endpoint_format(const struct endpoint *endpoint, char text_r[ENDPOINT_TEXT_MAX]);
/* The same without the port and its brackets. */
void endpoint_format_address(const struct endpoint *endpoint, char text_r[ENDPOINT_TEXT_MAX]);

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* The IPv4 address mapped into IPv6 as itself; all others as they are. */
struct endpoint endpoint_unmapped(const struct endpoint *endpoint);
/* In the machine's order. */
unsigned endpoint_port(const struct endpoint *endpoint);
/* Whether it is all addresses of its family, 0.0.0.0 or [::]. */
bool endpoint_is_any(const struct endpoint *endpoint);
/* Whether it can be connected to: it is neither all addresses nor has port 0. */
bool endpoint_is_target(const struct endpoint *endpoint);
/* Whether it is an address that only this machine reaches. */
bool endpoint_is_loopback(const struct endpoint *endpoint);

#endif
