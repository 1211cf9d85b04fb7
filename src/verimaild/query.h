// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_QUERY_H
#define VERIMAIL_VERIMAILD_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/judge.h"
#include "verimaild/service.h"

/* One question on its way through the service, from the line that came to the answer. */
struct query {
    bool well_formed;
    struct question question;        /* borrows from the line; set when well formed, as all below */
    struct classic_key *classic_key; /* the payload has the form of 2013, for this key */
    enum payload_state payload_state;
    enum payload_result payload_result; /* of a sealed payload */
    union {
        struct payload_opened sealed;
        struct classic_payload classic;
    } payload;
    struct judgement judgement;
};

/* Reads the line. Afterwards `classic_key` says whether opening the payload will cost an RSA
 * decryption, which the caller may want to ration. */
void query_read(const struct service *service, struct text line, struct query *inquiry_r);

/* Opens the payload; nothing to do for a line that is not well formed. */
void query_open(const struct service *service, struct query *inquiry);

/* What the judgement rests on besides the service and the question. */
struct circumstances {
    const struct rules_elsewhere *elsewhere; /* NULL: all rules are in memory */
    enum replay_count replay;
    uint64_t purged; /* Unix seconds, as the judge has it */
    uint64_t now;    /* Unix seconds */
};

/* What the judge is given. The result borrows from all three. */
struct judge_case query_case(const struct service *service,
        const struct circumstances *circumstances, const struct query *inquiry);

/* Opens and judges. */
void query_judge(const struct service *service, const struct circumstances *circumstances,
        struct query *inquiry);

/* The sending host that the payload names once it was opened; else empty. */
struct text query_host(const struct query *inquiry);

/* Writes the answer line: to what is not well formed a bare NO. False, with nothing written, where
 * nothing may be answered (VERDICT_TEMPERROR). */
bool query_answer(const struct query *inquiry, struct writer *w)
        __attribute__((warn_unused_result));

#endif
