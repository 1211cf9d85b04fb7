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
#define REPLAY_ENTRIES_MAX (RECEIVING_MAX / 4 + 1) /* the shortest entry is `a:1,` */

/* The count of a payload for one receiving domain. */
struct replay_entry {
    unsigned char domain[REPLAY_DOMAIN];
    uint32_t allowance;
};

/* The counts that a question raises (design, sections 3 and 4). Each entry is raised by one. If
 * that would bring any entry over its allowance, none is raised. */
struct count_request {
    uint64_t issued; /* Unix seconds; at most UINT32_MAX */
    unsigned char nonce[PAYLOAD_NONCE];
    uint64_t expires; /* Unix seconds: the payload is valid, and its count kept, until then */
    size_t entries_count;
    struct replay_entry entries[REPLAY_ENTRIES_MAX];
    enum replay_count result; /* REPLAY_PENDING until the store has finished it */
};

/* Makes the request for an opened payload and a question's `rcpt`. An empty `rcpt` means that the
 * question has none. The payload must have passed receiving_covers().
 *
 * Each domain of `rcpt` is one entry, even if it is named several times. If the payload says `*`,
 * or `rcpt` is empty, there is one entry `*` with the total's allowance. `per_recipient`: number of
 * checks that each recipient allows. `lifetime`: seconds. */
void count_request_make(const struct payload_opened *payload, struct text rcpt,
        uint32_t per_recipient, uint64_t lifetime, struct count_request *request_r);

#endif
