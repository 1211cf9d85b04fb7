// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_QUERY_H
#define VERIMAIL_VERIMAILD_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/judge.h"
#include "verimaild/service.h"

/* A question with its payload opened and its judgement. It points into itself: it must not move. */
struct query {
    bool well_formed;
    struct question question;        /* borrows from the line; set when well formed, as all below */
    struct classic_key *classic_key; /* the payload has the form of 2013, for this key */
    enum payload_result payload_result; /* of a sealed payload */
    union {
        struct payload_opened sealed;
        struct classic_payload classic;
    } payload;
    struct judge judge; /* what the judgement rests on; `payload_state` is set by query_read() */
    struct judgement judgement;
};

/* Reads the line. Afterwards `classic_key` says whether opening the payload will cost an RSA
 * decryption, which the caller may want to ration. */
void query_read(const struct service *service, struct text line, struct query *query_r);

/* Opens the payload of a well-formed question, and gives the judge all that it needs. `lookup`,
 * `purged`, `unix_now`: as the judge has them. */
void query_open(const struct service *service, const struct rules_lookup *lookup, uint64_t purged,
        uint64_t unix_now, struct query *query);

/* The sending host that the payload names once it was opened; else empty. */
struct text query_host(const struct query *query);

/* Writes the answer line: to what is not well formed a bare NO. False, with nothing written, where
 * nothing may be answered (VERDICT_TEMPERROR). */
bool query_answer(const struct query *query, struct writer *w) __attribute__((warn_unused_result));

#endif
