// SPDX-License-Identifier: ISC
#include "protocol/verdict.h"

static const char *const verdict_names[] = {
        [VERDICT_YES] = "YES",
        [VERDICT_NO] = "NO",
        [VERDICT_ALLOW] = "ALLOW",
        [VERDICT_NONE] = "none",
        [VERDICT_TEMPERROR] = "temperror",
        [VERDICT_PERMERROR] = "permerror",
};

#define GIVEN_BY(verdict) (1U << (verdict))

static const struct {
    const char *name;
    unsigned given_by;
} reasons[] = {
        [REASON_NONE] = {"", 0},
        [REASON_STAMPED] = {"stamped", GIVEN_BY(VERDICT_YES)},
        [REASON_REDIRECTED] = {"redirected", GIVEN_BY(VERDICT_ALLOW)},
        [REASON_CHANGED] = {"changed", GIVEN_BY(VERDICT_ALLOW)},
        [REASON_REPLAYED] = {"replayed", GIVEN_BY(VERDICT_ALLOW)},
        [REASON_EXPIRED] = {"expired", GIVEN_BY(VERDICT_ALLOW)},
        [REASON_UNCOUNTED] = {"uncounted", GIVEN_BY(VERDICT_ALLOW)},
        [REASON_CLASSIC] = {"classic", GIVEN_BY(VERDICT_ALLOW)},
        [REASON_UNSTAMPED] = {"unstamped", GIVEN_BY(VERDICT_ALLOW) | GIVEN_BY(VERDICT_NO)},
        [REASON_HOST] = {"host", GIVEN_BY(VERDICT_ALLOW)},
        [REASON_UNSERVED] = {"unserved", GIVEN_BY(VERDICT_ALLOW)},
        [REASON_TESTING] = {"testing", GIVEN_BY(VERDICT_ALLOW)},
        [REASON_FORGED] = {"forged", GIVEN_BY(VERDICT_NO)},
        [REASON_REFUSED] = {"refused", GIVEN_BY(VERDICT_NO)},
};

const char *verdict_name(enum verdict verdict)
{
    return verdict_names[verdict];
}

const char *reason_name(enum reason reason)
{
    return reasons[reason].name;
}

bool verdict_from_wire(struct text word, enum verdict *verdict_r)
{
    for (unsigned v = VERDICT_YES; v <= VERDICT_ALLOW; v++) {
        if (text_equal(word, text_of(verdict_names[v]))) {
            *verdict_r = (enum verdict)v;
            return true;
        }
    }
    return false;
}

bool reason_from_wire(struct text word, enum reason *reason_r)
{
    for (unsigned r = REASON_NONE + 1; r <= REASON_REFUSED; r++) {
        if (text_equal(word, text_of(reasons[r].name))) {
            *reason_r = (enum reason)r;
            return true;
        }
    }
    return false;
}

bool verdict_has_reason(enum verdict verdict, enum reason reason)
{
    return (reasons[reason].given_by & GIVEN_BY(verdict)) != 0;
}
