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

/* One count of a payload. */
struct replay_entry {
    unsigned char domain[REPLAY_DOMAIN];
    uint32_t allowance;
};

/* What a question wants to be counted (design, sections 3, step 10, 4 and 8): all its entries are
 * raised by one, or, if that would bring any over its allowance, none. */
struct count_request {
    uint64_t issued; /* Unix seconds; at most UINT32_MAX */
    unsigned char nonce[PAYLOAD_NONCE];
    uint64_t expires; /* Unix seconds: the payload is good until then, the count is kept as long */
    size_t entries_count;
    struct replay_entry entries[REPLAY_ENTRIES_MAX];
    enum replay_count result; /* REPLAY_PENDING until the store is done with it */
};

/* What is to be counted of an opened payload that is asked about with `rcpt` (a question's; empty:
 * the question has none). The payload must have passed the steps before (receiving_covers()). Its
 * own entries count: where it says `*`, or the question has no `rcpt`, one entry `*` with the
 * total's allowance. A domain that stands twice in `rcpt` is one. `per_recipient`: checks that each
 * recipient gives room for; `lifetime`: seconds. */
void count_request_make(const struct payload_opened *payload, struct text rcpt,
        uint32_t per_recipient, uint64_t lifetime, struct count_request *item_r);

#endif
