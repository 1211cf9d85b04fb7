// SPDX-License-Identifier: ISC
#include <string.h>

#include "report/words.h"
#include "unit.h"

TEST(words_are_explained)
{
    static const struct {
        const char *(*of)(struct text verdict, struct text reason);
        const char *verdict;
        const char *reason;
        const char *want;
    } table[] = {
            {words_reason, "NO", "unstamped", "without a stamp"},
            {words_reason, "ALLOW", "unstamped",
                    "without a stamp, which allow_unauthorized permits"},
            {words_reason, "ALLOW", "redirected", "sent by you, then forwarded to another domain"},
            {words_reason, "YES", "stamped", ""},
            {words_reason, "NO", "new", ""},
            {words_reason_advice, "ALLOW", "redirected", ""},
            {words_mail, "NO", "refused", "with a stamp that its domain refuses"},
            {words_mail, "temperror", "no-answer", "the service did not answer"},
            {words_mail, "", "foreign-from", "the login may not use this From"},
            {words_mail, "", "new", ""},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *got = table[i].of(text_of(table[i].verdict), text_of(table[i].reason));
        if (strcmp(got, table[i].want) != 0)
            fail_msg("%zu: got `%s`, want `%s`", i, got, table[i].want);
    }
}

/* Every advice is a sentence, and what you can type in it is between backquotes. */
TEST(advices_are_sentences)
{
    static const struct {
        const char *(*of)(struct text word);
        const char *words[12];
    } table[] = {
            {words_cause_advice, {"user", "host", "withdrawn", "changed", "redirected", "expired",
                                         "domain", "subdomain", "stale"}},
            {words_network_advice, {"unstamped", "forged", "refused"}},
            {words_unstamped_advice,
                    {"no-key", "not-ours", "relayed", "foreign-from", "recipients", "no-recipients",
                            "long", "memory", "no-from", "from", "bare-cr"}},
            {words_unreached_advice,
                    {"dns", "no-answer", "resting", "forbidden", "shortage", "budget", "failure"}},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (size_t k = 0; table[i].words[k] != NULL; k++) {
            const char *got = table[i].of(text_of(table[i].words[k]));
            size_t quotes = 0;
            for (const char *at = got; *at != '\0'; at++)
                quotes += *at == '`';
            if (strlen(got) < 20 || quotes % 2 != 0 || strchr(".`", got[strlen(got) - 1]) == NULL)
                fail_msg("%s: %s", table[i].words[k], got);
        }
        assert_string_equal(table[i].of(text_of("new")), "");
    }
}
