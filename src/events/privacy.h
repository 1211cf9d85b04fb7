// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_PRIVACY_H
#define VERIMAIL_EVENTS_PRIVACY_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "protocol/text.h"

#define PRIVACY_TEXT_MAX INET6_ADDRSTRLEN /* octets, with a NUL */

/* How much of an event's addresses is recorded (option `ip` of the section `record`). */
enum privacy {
    PRIVACY_FULL,
    PRIVACY_NETWORK,
    PRIVACY_NONE,
};

bool privacy_find(const char *word, enum privacy *privacy_r) __attribute__((warn_unused_result));

/* The network of an address as a number: IPv4 /24 or IPv6 /48. 0 when it is not an address. An IPv4
 * address mapped into IPv6 counts as IPv4. */
uint64_t privacy_network(struct text address);
uint64_t privacy_network_of(const struct endpoint *endpoint);
/* `192.0.2.0`, `2001:db8:7::`: the network's first address; empty for 0. */
struct text privacy_text(uint64_t network, char buffer_r[PRIVACY_TEXT_MAX]);
/* The same with its prefix: `192.0.2.0/24`. */
struct text privacy_prefix_text(uint64_t network, char buffer_r[PRIVACY_TEXT_MAX]);

/* Applies the setting to an address: it stays, is cut to its network, or becomes empty. With any
 * setting but PRIVACY_FULL, a text that is not an address also becomes empty. What it becomes is
 * borrowed from `buffer_r`. */
struct text privacy_apply(
        enum privacy privacy, struct text address, char buffer_r[PRIVACY_TEXT_MAX]);

#endif
