// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_ENVELOPE_H
#define VERIMAIL_FILTER_ENVELOPE_H

#include <stdbool.h>

#include "protocol/rcpt.h"
#include "protocol/receiving.h"

/* The recipients of a message, by domain. A stamp says how many each domain has, a question says
 * which domains they are. Both write `*` for a domain that they cannot name: an address literal or
 * a local name. */
struct envelope {
    struct receiving *receiving;
    bool failed; /* out of memory, or more recipients than a stamp can have */
    struct rcpt rcpt;
};

/* False when out of memory. */
bool envelope_init(struct envelope *envelope_r) __attribute__((warn_unused_result));
void envelope_clear(struct envelope *envelope);

/* `path`: of a MAIL or RCPT command (RFC 5321, 4.1.2), with or without angle brackets. */

/* What is in its brackets. */
struct text envelope_address(struct text path);

/* A source route in the path is ignored. */
void envelope_add(struct envelope *envelope, struct text path);

/* The value of rcpt=; empty when there was no recipient. */
struct text envelope_rcpt(const struct envelope *envelope);

#endif
