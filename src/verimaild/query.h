// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_QUERY_H
#define VERIMAIL_VERIMAILD_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/judge.h"
#include "verimaild/sealed_clients.h"
#include "verimaild/service.h"

/* How a question came: what its answer is sealed with. */
struct query_seal {
    bool is_sealed;
    unsigned char key_id[KEY_ID_OCTETS]; /* of the answer key; these are set when it is sealed */
    unsigned char client[KEY_OCTETS];
    unsigned char nonce[SEALED_NONCE];
    struct sealed_secret secret;
};

/* A question with its payload opened and its judgement. It points into itself: it must not move. */
struct query {
    struct query_seal seal;
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

enum query_unsealed {
    QUERY_PLAIN,
    QUERY_OPENED,
    QUERY_NOT_OPENED, /* it gets no answer */
};

/* Opens a line that is sealed. The question is then in `buffer`, which may be where the line is.
 * `seal_r` has the key id of what does not open, or zeros where it cannot be read. */
enum query_unsealed query_unseal(const struct service *service, struct sealed_clients *clients,
        struct text line, char buffer[QUESTION_MAX], struct text *question_r,
        struct query_seal *seal_r);

/* Reads the line. Afterwards `classic_key` says whether opening the payload will cost an RSA
 * decryption, which the caller may want to ration. */
void query_read(const struct service *service, struct text line, struct query *query_r);

/* Opens the payload of a well-formed question, and gives the judge all that it needs. `lookup`,
 * `purged`, `unix_now`: as the judge has them. */
void query_open(const struct service *service, const struct rules_lookup *lookup, uint64_t purged,
        uint64_t unix_now, struct query *query);

/* The sending host that the payload names once it was opened; else empty. */
struct text query_host(const struct query *query);

/* Writes the answer line, sealed if the question was: to what is not well formed a bare NO. False,
 * with nothing written, where nothing may be answered (VERDICT_TEMPERROR). */
bool query_answer(const struct query *query, struct writer *w) __attribute__((warn_unused_result));

#endif
