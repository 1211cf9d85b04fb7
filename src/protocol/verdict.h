// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_VERDICT_H
#define VERIMAIL_PROTOCOL_VERDICT_H

#include <stdbool.h>

#include "protocol/text.h"

/* Design, section 1: the first three are on the wire, the others only on the verifier's side. */
enum verdict {
    VERDICT_YES,
    VERDICT_NO,
    VERDICT_ALLOW,
    VERDICT_NONE,
    VERDICT_TEMPERROR,
    VERDICT_PERMERROR,
};

/* Design, section 3: the one word that says why. REASON_NONE is no word at all. */
enum reason {
    REASON_NONE,
    REASON_STAMPED,
    REASON_REDIRECTED,
    REASON_CHANGED,
    REASON_REPLAYED,
    REASON_EXPIRED,
    REASON_UNCOUNTED,
    REASON_CLASSIC,
    REASON_UNSTAMPED,
    REASON_HOST,
    REASON_UNSERVED,
    REASON_TESTING,
    REASON_FORGED,
    REASON_REFUSED,
};

const char *verdict_name(enum verdict verdict); /* "YES", "none" ... */
const char *reason_name(enum reason reason);    /* "stamped" ...; "" for REASON_NONE */

/* Only the three that travel, exactly as written there. */
bool verdict_from_wire(struct text word, enum verdict *verdict_r)
        __attribute__((warn_unused_result));
bool reason_from_wire(struct text word, enum reason *reason_r) __attribute__((warn_unused_result));
/* Whether the table of design section 3 has this pair. */
bool verdict_has_reason(enum verdict verdict, enum reason reason);

#endif
