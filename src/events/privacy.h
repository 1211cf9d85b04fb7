// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_PRIVACY_H
#define VERIMAIL_EVENTS_PRIVACY_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>

#include "events/event.h"

#define PRIVACY_TEXT_MAX INET6_ADDRSTRLEN /* octets, with a NUL */

/* How much of the addresses in an event is recorded: the option events_ip. */
enum privacy {
    PRIVACY_FULL,
    PRIVACY_NETWORK,
    PRIVACY_NONE,
};

bool privacy_find(const char *word, enum privacy *privacy_r) __attribute__((warn_unused_result));

/* The network that an address lies in, IPv4 /24 or IPv6 /48, as a number; 0 when it is no address.
 * An IPv4 address mapped into IPv6 is the IPv4 address it is. */
uint64_t privacy_network(struct text address);
/* `192.0.2.0`, `2001:db8:7::`: the network's first address; empty for 0. */
struct text privacy_text(uint64_t network, char buffer_r[PRIVACY_TEXT_MAX]);
/* The same with its prefix: `192.0.2.0/24`. */
struct text privacy_prefix_text(uint64_t network, char buffer_r[PRIVACY_TEXT_MAX]);

/* What an event's texts lie in afterwards, as far as they are new. */
struct privacy_buffer {
    char ip[PRIVACY_TEXT_MAX];
    char asker[PRIVACY_TEXT_MAX];
};

/* Both its addresses: as they are, cut to their networks, or empty. What is no address is empty
 * too, unless all is told. */
void privacy_apply(enum privacy privacy, struct event *event, struct privacy_buffer *buffer);

#endif
