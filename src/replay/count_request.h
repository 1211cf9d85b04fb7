// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_COUNT_REQUEST_H
#define VERIMAIL_REPLAY_COUNT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/judge.h"
#include "protocol/payload.h"
#include "protocol/receiving.h"

#define REPLAY_DOMAIN 8 /* octets: BLAKE2b of a receiving domain's A-label, or of `*` */
#define REPLAY_ENTRIES_MAX (RECEIVING_MAX / 4 + 1) /* `a:1,` is the shortest */

/* The count of a payload for one receiving domain. */
struct replay_entry {
    unsigned char domain[REPLAY_DOMAIN];
    uint32_t allowance;
};

/* What a question wants counted (design, sections 3 and 4). All entries are raised by one; if that
 * would bring any of them over its allowance, none is. */
struct count_request {
    uint64_t issued; /* Unix seconds; at most UINT32_MAX */
    unsigned char nonce[PAYLOAD_NONCE];
    uint64_t expires; /* Unix seconds: the payload is good, and its count kept, until then */
    size_t entries_count;
    struct replay_entry entries[REPLAY_ENTRIES_MAX];
    enum replay_count result; /* REPLAY_PENDING until the store is done with it */
};

/* The request for an opened payload and a question's `rcpt` (empty: the question has none). The
 * payload must have passed receiving_covers(). Each domain of `rcpt` is one entry, however often it
 * is named. If the payload says `*`, or there is no `rcpt`, there is one entry `*` with the total's
 * allowance. `per_recipient`: checks that each recipient allows; `lifetime`: seconds. */
void count_request_make(const struct payload_opened *payload, struct text rcpt,
        uint32_t per_recipient, uint64_t lifetime, struct count_request *item_r);

#endif
