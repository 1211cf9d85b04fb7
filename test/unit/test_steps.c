// SPDX-License-Identifier: ISC
#include <string.h>

#include "command/explain.h"
#include "unit.h"

/* Every decision that is not a YES has its sentence. */
TEST(every_decision_says_why)
{
    static const struct {
        enum verdict verdict;
        enum reason reason;
        const char *cause;
        bool says;
    } table[] = {
            {VERDICT_NO, REASON_FORGED, "", true},
            {VERDICT_NO, REASON_FORGED, "user", true},
            {VERDICT_NO, REASON_REFUSED, "domain", true},
            {VERDICT_NO, REASON_REFUSED, "subdomain", true},
            {VERDICT_NO, REASON_REFUSED, "user", true},
            {VERDICT_NO, REASON_REFUSED, "host", true},
            {VERDICT_NO, REASON_REFUSED, "expired", true},
            {VERDICT_NO, REASON_REFUSED, "changed", true},
            {VERDICT_NO, REASON_REFUSED, "redirected", true},
            {VERDICT_NO, REASON_UNSTAMPED, "", true},
            {VERDICT_ALLOW, REASON_UNSTAMPED, "", true},
            {VERDICT_ALLOW, REASON_UNSERVED, "", true},
            {VERDICT_ALLOW, REASON_HOST, "", true},
            {VERDICT_ALLOW, REASON_CLASSIC, "", true},
            {VERDICT_ALLOW, REASON_EXPIRED, "", true},
            {VERDICT_ALLOW, REASON_CHANGED, "", true},
            {VERDICT_ALLOW, REASON_REDIRECTED, "", true},
            {VERDICT_ALLOW, REASON_REPLAYED, "", true},
            {VERDICT_ALLOW, REASON_UNCOUNTED, "", true},
            {VERDICT_YES, REASON_STAMPED, "", false},
            {VERDICT_YES, REASON_STAMPED, "classic", true},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct judgement judgement = {
                .answer = {.verdict = table[i].verdict, .reason = table[i].reason},
                .cause = table[i].cause};
        const char *error = steps_why(&judgement);
        if ((error[0] != '\0') != table[i].says) {
            print_error("%s %s %s: got \"%s\"\n", verdict_name(table[i].verdict),
                    reason_name(table[i].reason), table[i].cause, error);
            fail();
        }
    }
}
