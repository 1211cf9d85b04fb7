// SPDX-License-Identifier: ISC
#include "protocol/verdict.h"
#include "unit.h"

TEST(wire_words_round_trip)
{
    for (unsigned v = VERDICT_YES; v <= VERDICT_PERMERROR; v++) {
        enum verdict got = VERDICT_PERMERROR;
        const bool travels = verdict_from_wire(text_of(verdict_name((enum verdict)v)), &got);
        assert_int_equal(travels, v <= VERDICT_ALLOW);
        if (travels)
            assert_int_equal(got, v);
    }
    for (unsigned r = REASON_STAMPED; r <= REASON_REFUSED; r++) {
        enum reason got = REASON_NONE;
        assert_true(reason_from_wire(text_of(reason_name((enum reason)r)), &got));
        assert_int_equal(got, r);
    }
}

TEST(other_words_are_refused)
{
    static const char *const words[] = {
            "", "yes", "Yes", "YESS", "NONE", "stampe", "Stamped", " NO"};
    enum verdict verdict;
    enum reason reason;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        assert_false(verdict_from_wire(text_of(words[i]), &verdict));
        assert_false(reason_from_wire(text_of(words[i]), &reason));
    }
}

/* The table of design section 3, written out. */
TEST(reasons_belong_to_verdicts)
{
    static const struct {
        enum reason reason;
        bool yes, no, allow;
    } table[] = {
            {REASON_NONE, false, false, false},
            {REASON_STAMPED, true, false, false},
            {REASON_REDIRECTED, false, false, true},
            {REASON_CHANGED, false, false, true},
            {REASON_REPLAYED, false, false, true},
            {REASON_EXPIRED, false, false, true},
            {REASON_UNCOUNTED, false, false, true},
            {REASON_CLASSIC, false, false, true},
            {REASON_UNSTAMPED, false, true, true},
            {REASON_HOST, false, false, true},
            {REASON_UNSERVED, false, false, true},
            {REASON_TESTING, false, false, true},
            {REASON_FORGED, false, true, false},
            {REASON_REFUSED, false, true, false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_int_equal(verdict_has_reason(VERDICT_YES, table[i].reason), table[i].yes);
        assert_int_equal(verdict_has_reason(VERDICT_NO, table[i].reason), table[i].no);
        assert_int_equal(verdict_has_reason(VERDICT_ALLOW, table[i].reason), table[i].allow);
        assert_false(verdict_has_reason(VERDICT_NONE, table[i].reason));
    }
}
