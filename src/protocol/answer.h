// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_ANSWER_H
#define VERIMAIL_PROTOCOL_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"
#include "protocol/verdict.h"

#define ANSWER_MAX 512      /* octets a client reads, line end included */
#define ANSWER_TTL_MAX 3600 /* seconds */

/* An answer (design, section 2). */
struct answer {
    enum verdict verdict; /* one of the three that travel */
    enum reason reason;   /* REASON_NONE: the verdict stands alone, and so does what follows not */
    uint32_t ttl;         /* seconds for which it may be reused for unstamped mail; 0: not said */
    bool scope_domain;    /* with a ttl: it holds for every user of exactly this author domain */
};

/* Writes the line with its CRLF; without a reason only the verdict. Fails when the verdict does not
 * travel, the reason is not one of its own, or the ttl is over its limit. */
bool answer_format(const struct answer *answer, struct writer *w)
        __attribute__((warn_unused_result));

/* Reads the whole of what the service sent until it closed. Strict: one line that ends in CRLF, a
 * verdict of the three, a reason of that verdict, each name once; unknown names are passed over.
 * Everything else is false, and the verdict then VERDICT_TEMPERROR. */
bool answer_parse(struct text line, struct answer *answer_r) __attribute__((warn_unused_result));

#endif
