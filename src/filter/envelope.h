// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_ENVELOPE_H
#define VERIMAIL_FILTER_ENVELOPE_H

#include <stdbool.h>

#include "protocol/rcpt.h"
#include "protocol/receiving.h"

/* The recipients of a message, by domain: for a stamp how many each has, for a question which they
 * are. Domains that no stamp and no question could name (an address literal, a local name) are `*`,
 * on both sides alike. */
struct envelope {
    struct receiving *receiving;
    bool failed; /* out of memory, or there were more recipients than a stamp can have */
    struct rcpt rcpt;
};

/* False when out of memory. */
bool envelope_init(struct envelope *envelope_r) __attribute__((warn_unused_result));
void envelope_clear(struct envelope *envelope);

/* `path`: `<user@domain>`, as RCPT has it (RFC 5321, 4.1.2), also without the angle brackets, or
 * with a source route, which is passed over. */
void envelope_add(struct envelope *envelope, struct text path);

/* The value of rcpt=; empty when there was no recipient. */
struct text envelope_rcpt(const struct envelope *envelope);

#endif
