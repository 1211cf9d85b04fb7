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
    enum reason reason;   /* REASON_NONE: the verdict counts alone, without a ttl and a scope */
    uint32_t ttl;         /* seconds for which it may be reused for unstamped mail; 0: not said */
    bool scope_domain;    /* with a ttl: it holds for every user of exactly this author domain */
};

/* Writes the line with its CRLF; without a reason only the verdict. Fails when the verdict does not
 * travel, the reason is not one of its own, or the ttl is over its limit. */
bool answer_format(const struct answer *answer, struct writer *w)
        __attribute__((warn_unused_result));

/* Reads all that the service sent until it closed. It is strict: one line that ends in CRLF, one of
 * the three verdicts, a reason of that verdict, each name once; unknown names are ignored. A reason
 * that is not known counts as none, and so do the names behind it: later versions may have more.
 * `stamped`: the question had a payload; YES to one without is no answer. Anything else is false,
 * and the verdict VERDICT_TEMPERROR. */
bool answer_parse(struct text line, bool stamped, struct answer *answer_r)
        __attribute__((warn_unused_result));

#endif
