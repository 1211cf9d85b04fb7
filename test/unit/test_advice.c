// SPDX-License-Identifier: ISC
#include "command/advice.h"

#include <string.h>

#include "client/client.h"
#include "filter/backscatter.h"
#include "protocol/message_parser.h"
#include "unit.h"

/* What the judge decides has its sentences, and what it cannot decide has none. */
static const struct {
    struct unit_row row;
    enum verdict verdict;
    enum reason reason;
    const char *cause;
    bool says;
} answers[] = {
        {{.name = "NO forged"}, VERDICT_NO, REASON_FORGED, "", true},
        {{.name = "NO forged: user"}, VERDICT_NO, REASON_FORGED, "user", true},
        {{.name = "NO refused: domain"}, VERDICT_NO, REASON_REFUSED, "domain", true},
        {{.name = "NO refused: subdomain"}, VERDICT_NO, REASON_REFUSED, "subdomain", true},
        {{.name = "NO refused: user"}, VERDICT_NO, REASON_REFUSED, "user", true},
        {{.name = "NO refused: host"}, VERDICT_NO, REASON_REFUSED, "host", true},
        {{.name = "NO refused: host-expired"}, VERDICT_NO, REASON_REFUSED, "host-expired", true},
        {{.name = "ALLOW host: host-expired"}, VERDICT_ALLOW, REASON_HOST, "host-expired", true},
        {{.name = "NO refused: withdrawn"}, VERDICT_NO, REASON_REFUSED, "withdrawn", true},
        {{.name = "NO refused: expired"}, VERDICT_NO, REASON_REFUSED, "expired", true},
        {{.name = "NO refused: changed"}, VERDICT_NO, REASON_REFUSED, "changed", true},
        {{.name = "NO refused: redirected"}, VERDICT_NO, REASON_REFUSED, "redirected", true},
        {{.name = "NO unstamped"}, VERDICT_NO, REASON_UNSTAMPED, "", true},
        {{.name = "NO unstamped: stale"}, VERDICT_NO, REASON_UNSTAMPED, "stale", true},
        {{.name = "ALLOW unstamped: stale"}, VERDICT_ALLOW, REASON_UNSTAMPED, "stale", true},
        {{.name = "YES classic"}, VERDICT_YES, REASON_STAMPED, "classic", true},
        {{.name = "temperror: users"}, VERDICT_TEMPERROR, REASON_NONE, "users", true},
        {{.name = "no cause that exists"}, VERDICT_NO, REASON_REFUSED, "nobody", false},
        {{.name = "no verdict of a service"}, VERDICT_NONE, REASON_NONE, "", false},
};

TEST_EACH(an_answer_is_put_in_plain_words, answers)
{
    const struct advice *advice = advice_find(row->verdict, row->reason, row->cause);

    assert_int_equal(advice != NULL, row->says);
    if (advice == NULL)
        return;
    assert_true(advice->why[0] != '\0');
    assert_true(advice->change[0] != '\0' || row->verdict == VERDICT_YES);
    assert_true(advice->place != ADVICE_NOWHERE || advice->option == NULL);
}

/* Each pair of the protocol has a sentence for itself, or one for each of its causes. */
TEST(no_pair_of_the_protocol_is_missing)
{
    static const enum verdict verdicts[] = {VERDICT_YES, VERDICT_NO, VERDICT_ALLOW};

    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        for (enum reason reason = REASON_STAMPED; reason <= REASON_REFUSED; reason++) {
            const bool has = verdict_has_reason(verdicts[i], reason);
            const bool is_testing = reason == REASON_TESTING;
            const bool needs_cause = reason == REASON_REFUSED;
            const struct advice *advice = advice_find(verdicts[i], reason, "");
            if (has && is_testing)
                advice = advice_testing();
            if ((advice != NULL) != (has && !needs_cause))
                fail_msg("%s %s", verdict_name(verdicts[i]), reason_name(reason));
        }
    }
}

/* Each step at which a question ends without an answer, and each fault of a message, has its
 * sentence. */
TEST(no_word_of_the_milter_s_record_is_missing)
{
    static const char *const others[] = {BACKSCATTER_REASON, "no-key", "not-ours", "relayed",
            "foreign-from", "recipients", "no-recipients", "long"};

    for (enum client_step step = CLIENT_NO_SERVICE; step <= CLIENT_FAILURE; step++)
        if (advice_mail_find(client_step_word(step)) == NULL)
            fail_msg("%s", client_step_word(step));
    for (enum message_parser_error e = MESSAGE_PARSER_NO_FROM; e <= MESSAGE_PARSER_MEMORY; e++)
        if (advice_mail_find(message_parser_error_word(e)) == NULL)
            fail_msg("%s", message_parser_error_word(e));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (advice_mail_find(others[i]) == NULL)
            fail_msg("%s", others[i]);
    assert_null(advice_mail_find("stamped"));
}
