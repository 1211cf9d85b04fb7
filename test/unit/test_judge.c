// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/judge.h"
#include "unit.h"

#define DAY UINT64_C(86400)
#define NOW UINT64_C(1700000000)
#define DIGEST "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define OTHER_DIGEST "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const unsigned char seed[RULES_SEED];

/* A small policy of our own for the tables below: alice and bob (lenient) at example.org. */
static const char *const hosts[] = {"mail.example.org"};
static const struct domain_policy strict = {.name = "example.org",
        .hosts = {hosts, 1},
        .lifetime = 7 * DAY,
        .deny_expired = true,
        .deny_changed = true,
        .deny_redirected = true};
static const struct domain_policy normal = {
        .name = "example.org", .hosts = {hosts, 1}, .lifetime = 7 * DAY};
static const struct domain_policy endless = {
        .name = "example.org", .hosts = {hosts, 1}, .lifetime = UINT64_MAX};
static const struct domain_policy momentary = {
        .name = "example.org", .hosts = {hosts, 1}, .lifetime = 0};

static struct rules *rules_of(const struct domain_policy *policy)
{
    struct rules *rules = rules_init(seed);
    const struct text domain = text_of(policy->name);

    assert_non_null(rules);
    assert_true(rules_add_domain(rules, policy));
    assert_true(rules_add_user(rules, domain, text_of("alice"), &(struct rule){0}));
    assert_true(rules_add_user(
            rules, domain, text_of("bob"), &(struct rule){.allow_unauthorized = true}));
    return rules;
}

/* What is judged when a row changes nothing: a YES. */
static struct payload payload_of_alice(void)
{
    return (struct payload){.host = text_of("mail.example.org"),
            .receiving = text_of("example.net:1"),
            .issued = NOW,
            .user = text_of("alice@example.org"),
            .digest = text_of(DIGEST)};
}

/* Judges, and says what the count was where it is asked for. */
static struct judgement judge_line(
        const char *line, const struct judge *as_is, enum replay_count count)
{
    struct question question;
    struct judge judge = *as_is;
    struct judgement judgement;

    assert_true(question_parse(text_of(line), text_of(""), &question));
    judge.question = &question;
    if (judge_begin(&judge, &judgement) == JUDGE_COUNT)
        judge_counted(&judgement, count);
    return judgement;
}

/* Step 7 with every time that 64 bits can hold: nothing wraps. */
TEST(times_at_their_edges)
{
    static const struct {
        const struct domain_policy *policy;
        uint64_t issued, now, purged;
        enum reason reason;
    } table[] = {
            {&normal, NOW, NOW, 0, REASON_STAMPED},
            {&normal, NOW, NOW + 7 * DAY, 0, REASON_STAMPED},
            {&normal, NOW, NOW + 7 * DAY + 1, 0, REASON_EXPIRED},
            {&normal, NOW + 300, NOW, 0, REASON_STAMPED},
            {&normal, NOW + 301, NOW, 0, REASON_EXPIRED},
            {&normal, NOW, NOW, NOW, REASON_STAMPED},
            {&normal, NOW, NOW, NOW + 1, REASON_EXPIRED},
            {&normal, NOW + 300, NOW, NOW + 300, REASON_STAMPED},
            {&normal, NOW + 300, NOW, NOW + 301, REASON_EXPIRED},
            {&normal, NOW, NOW, UINT64_MAX, REASON_EXPIRED},
            {&normal, 0, 0, 0, REASON_STAMPED},
            {&normal, 0, 7 * DAY, 0, REASON_STAMPED},
            {&normal, 0, 7 * DAY + 1, 0, REASON_EXPIRED},
            {&normal, 0, UINT64_MAX, 0, REASON_EXPIRED},
            {&normal, UINT64_MAX, 0, 0, REASON_EXPIRED},
            {&normal, 300, 0, 0, REASON_STAMPED},
            {&normal, 301, 0, 0, REASON_EXPIRED},
            {&normal, UINT64_MAX, UINT64_MAX, UINT64_MAX, REASON_STAMPED},
            {&normal, UINT64_MAX, UINT64_MAX - 300, 0, REASON_STAMPED},
            {&normal, UINT64_MAX, UINT64_MAX - 301, 0, REASON_EXPIRED},
            {&normal, UINT64_MAX - 7 * DAY, UINT64_MAX, 0, REASON_STAMPED},
            {&normal, UINT64_MAX - 7 * DAY - 1, UINT64_MAX, 0, REASON_EXPIRED},
            {&endless, 0, UINT64_MAX, 0, REASON_STAMPED},
            {&endless, UINT64_MAX, 0, 0, REASON_EXPIRED},
            {&momentary, NOW, NOW, 0, REASON_STAMPED},
            {&momentary, NOW, NOW + 1, 0, REASON_EXPIRED},
            {&momentary, NOW + 300, NOW, 0, REASON_STAMPED},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rules *rules = rules_of(table[i].policy);
        struct payload payload = payload_of_alice();
        payload.issued = table[i].issued;
        const struct judgement got = judge_line("alice@example.org P",
                &(struct judge){.payload_state = PAYLOAD_STATE_SEALED,
                        .sealed = &payload,
                        .rules = rules,
                        .purged = table[i].purged,
                        .unix_now = table[i].now},
                REPLAY_WITHIN);
        if (got.answer.reason != table[i].reason) {
            print_error("issued %llu, now %llu, purged %llu: got %s, want %s\n",
                    (unsigned long long)table[i].issued, (unsigned long long)table[i].now,
                    (unsigned long long)table[i].purged, reason_name(got.answer.reason),
                    reason_name(table[i].reason));
            fail();
        }
        rules_free(&rules);
    }
}

/* Each row has a fault in every step from its own on, so that the first must have decided. The
 * faults are taken away one by one, from the top down. */
TEST(the_first_step_decides)
{
    static const struct {
        enum payload_state payload_state;
        const char *user, *host;
        uint64_t issued;
        const char *digest, *receiving;
        enum replay_count replay;
        unsigned step;
        const char *normal, *strict; /* reason; reason or cause where it is denied */
    } table[] = {
            {PAYLOAD_STATE_UNOPENED, "eve@example.com", "h", 0, "-", "a:1", REPLAY_OVER, 1,
                    "forged", "forged"},
            {PAYLOAD_STATE_SEALED, "eve@example.com", "h", 0, "-", "a:1", REPLAY_OVER, 1, "forged",
                    "user"},
            {PAYLOAD_STATE_SEALED, NULL, "h", 0, "-", "a:1", REPLAY_OVER, 5, "host", "host"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, 0, "-", "a:1", REPLAY_OVER, 7, "unstamped",
                    "expired"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, 0, NULL, "a:1", REPLAY_OVER, 7, "expired",
                    "expired"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, "-", "a:1", REPLAY_OVER, 7, "changed",
                    "changed"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, OTHER_DIGEST, "a:1", REPLAY_OVER, 7, "changed",
                    "changed"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, NULL, "a:1", REPLAY_OVER, 7, "redirected",
                    "redirected"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, NULL, NULL, REPLAY_OVER, 8, "replayed",
                    "replayed"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, NULL, NULL, REPLAY_FAILED, 8, "uncounted",
                    "uncounted"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, NULL, NULL, REPLAY_WITHIN, 9, "stamped",
                    "stamped"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, NULL, NULL, REPLAY_SKIPPED, 9, "stamped",
                    "stamped"},
    };

    for (size_t i = 0; i < 2 * sizeof table / sizeof *table; i++) {
        const size_t row = i / 2;
        const bool denied = i % 2 == 1;
        struct rules *rules = rules_of(denied ? &strict : &normal);
        struct payload payload = payload_of_alice();
        /* bob is lenient, which step 1 must not notice. */
        payload.user = text_of(table[row].user != NULL ? table[row].user : "bob@example.org");
        payload.issued = table[row].issued;
        if (table[row].host != NULL)
            payload.host = text_of(table[row].host);
        if (table[row].digest != NULL)
            payload.digest = text_of(table[row].digest);
        if (table[row].receiving != NULL)
            payload.receiving = text_of(table[row].receiving);
        const struct judgement got = judge_line("bob@example.org P rcpt=example.net digest=" DIGEST,
                &(struct judge){.payload_state = table[row].payload_state,
                        .sealed = &payload,
                        .rules = rules,
                        .unix_now = NOW},
                table[row].replay);
        const char *word =
                got.cause[0] != '\0' && denied ? got.cause : reason_name(got.answer.reason);
        const char *want = denied ? table[row].strict : table[row].normal;
        if (got.step != table[row].step || strcmp(word, want) != 0) {
            print_error("row %zu, denied %d: got step %u %s, want %u %s\n", row, denied, got.step,
                    word, table[row].step, want);
            fail();
        }
        rules_free(&rules);
    }
}

/* Every subset of the three faults of step 7 with every subset of `deny`. What is denied is found
 * whatever else there is. */
TEST(faults_are_found_together)
{
    enum { EXPIRED = 1, CHANGED = 2, REDIRECTED = 4, ALL = 8 };
    static const char *const words[] = {"expired", "changed", "redirected"};
    static const enum reason reasons[] = {REASON_EXPIRED, REASON_CHANGED, REASON_REDIRECTED};

    for (unsigned i = 0; i < ALL * ALL * 2; i++) {
        const unsigned found = i % ALL;
        const unsigned denied = i / ALL % ALL;
        const char *user = i < ALL * ALL ? "alice@example.org" : "bob@example.org";
        struct domain_policy policy = normal;
        struct payload payload = payload_of_alice();
        char line[256];
        policy.deny_expired = (denied & EXPIRED) != 0;
        policy.deny_changed = (denied & CHANGED) != 0;
        policy.deny_redirected = (denied & REDIRECTED) != 0;
        struct rules *rules = rules_of(&policy);
        payload.user = text_of(user);
        payload.issued = (found & EXPIRED) != 0 ? NOW - 8 * DAY : NOW;
        payload.digest = text_of((found & CHANGED) != 0 ? OTHER_DIGEST : DIGEST);
        payload.receiving = text_of((found & REDIRECTED) != 0 ? "a.example:1" : "example.net:1");
        snprintf(line, sizeof line, "%s P rcpt=example.net digest=" DIGEST, user);
        const struct judgement got = judge_line(line,
                &(struct judge){.payload_state = PAYLOAD_STATE_SEALED,
                        .sealed = &payload,
                        .rules = rules,
                        .unix_now = NOW},
                REPLAY_WITHIN);
        enum verdict verdict = VERDICT_YES;
        enum reason reason = REASON_STAMPED;
        const char *cause = "";
        for (unsigned fault = 3; fault-- > 0;) {
            if ((found & 1U << fault) != 0) {
                verdict = VERDICT_ALLOW;
                reason = reasons[fault];
            }
        }
        if ((found & (EXPIRED | CHANGED)) == (EXPIRED | CHANGED)) {
            verdict = i < ALL * ALL ? VERDICT_NO : VERDICT_ALLOW;
            reason = REASON_UNSTAMPED;
            cause = "stale";
        }
        for (unsigned fault = 3; fault-- > 0;) {
            if ((found & denied & 1U << fault) != 0) {
                verdict = VERDICT_NO;
                reason = REASON_REFUSED;
                cause = words[fault];
            }
        }
        if (got.answer.verdict != verdict || got.answer.reason != reason ||
                strcmp(got.cause, cause) != 0 || got.answer.ttl != 0)
            fail_msg("found %u, denied %u, %s: got %s %s %s, want %s %s %s", found, denied, user,
                    verdict_name(got.answer.verdict), reason_name(got.answer.reason), got.cause,
                    verdict_name(verdict), reason_name(reason), cause);
        rules_free(&rules);
    }
}

/* A stamp is stale only when it is older than its lifetime. One that is late for another cause
 * still says who made it. */
TEST(stale_is_older_than_the_lifetime)
{
    static const struct {
        uint64_t issued, now, purged;
        const char *cause;
    } table[] = {
            {NOW, NOW + 7 * DAY, 0, ""},
            {NOW, NOW + 7 * DAY + 1, 0, "stale"},
            {NOW, NOW + 7 * DAY + 1, NOW + 1, "stale"},
            {NOW, NOW, NOW + 1, ""},
            {NOW + 301, NOW, 0, ""},
            {UINT64_MAX, 0, 0, ""},
            {0, UINT64_MAX, 0, "stale"},
    };
    struct rules *rules = rules_of(&normal);

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct payload payload = payload_of_alice();
        payload.issued = table[i].issued;
        payload.digest = text_of(OTHER_DIGEST);
        const struct judgement got = judge_line("alice@example.org P digest=" DIGEST,
                &(struct judge){.payload_state = PAYLOAD_STATE_SEALED,
                        .sealed = &payload,
                        .rules = rules,
                        .purged = table[i].purged,
                        .unix_now = table[i].now},
                REPLAY_WITHIN);
        if (strcmp(got.cause, table[i].cause) != 0)
            fail_msg("row %zu: got %s `%s`", i, reason_name(got.answer.reason), got.cause);
        assert_int_equal(
                got.answer.verdict, table[i].cause[0] != '\0' ? VERDICT_NO : VERDICT_ALLOW);
    }
    rules_free(&rules);
}

/* The end of a host counts when it is asked, whatever the stamp says of its time. */
TEST(hosts_have_an_end)
{
    static const struct {
        uint64_t expires, issued;
        bool lenient;
        enum verdict verdict;
        const char *cause;
    } table[] = {
            {0, NOW, false, VERDICT_YES, ""},
            {NOW + 1, NOW, false, VERDICT_YES, ""},
            {NOW, NOW - 100, false, VERDICT_NO, "host-expired"},
            {1, 0, false, VERDICT_NO, "host-expired"},
            {NOW, NOW, true, VERDICT_ALLOW, "host-expired"},
            {UINT64_MAX, NOW, false, VERDICT_YES, ""},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rules *rules = rules_of(&normal);
        const struct rule rule = {.allow_unauthorized = table[i].lenient};
        struct payload payload = payload_of_alice();
        assert_true(rules_add_user(rules, text_of("example.org"), text_of("carol"), &rule));
        assert_true(rules_add_host(rules, payload.host, table[i].expires));
        assert_true(rules_add_host(rules, payload.host, 0)); /* as a domain's list names it again */
        assert_int_equal(rules_host_expires(rules, payload.host), table[i].expires);
        payload.user = text_of("carol@example.org");
        payload.issued = table[i].issued;
        const struct judgement got = judge_line("carol@example.org P",
                &(struct judge){.payload_state = PAYLOAD_STATE_SEALED,
                        .sealed = &payload,
                        .rules = rules,
                        .unix_now = NOW},
                REPLAY_WITHIN);
        if (got.answer.verdict != table[i].verdict || strcmp(got.cause, table[i].cause) != 0)
            fail_msg("row %zu: got %s %s", i, verdict_name(got.answer.verdict), got.cause);
        rules_free(&rules);
    }
}

/* A rule takes back what was issued before its date, and nothing else. */
TEST(not_before_takes_stamps_back)
{
    static const struct {
        uint64_t issued, not_before;
        const char *host;
        bool lenient;
        enum verdict verdict;
        const char *cause;
    } table[] = {
            {NOW, 0, "mail.example.org", false, VERDICT_YES, ""},
            {NOW, NOW, "mail.example.org", false, VERDICT_YES, ""},
            {NOW, NOW + 1, "mail.example.org", false, VERDICT_NO, "withdrawn"},
            {NOW, NOW + 1, "mail.example.org", true, VERDICT_NO, "withdrawn"},
            {NOW, UINT64_MAX, "mail.example.org", false, VERDICT_NO, "withdrawn"},
            {NOW, NOW + 1, "h", false, VERDICT_NO, "host"},
            {NOW, NOW + 1, "h", true, VERDICT_ALLOW, ""},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rules *rules = rules_of(&normal);
        const struct rule rule = {
                .allow_unauthorized = table[i].lenient, .not_before = table[i].not_before};
        struct payload payload = payload_of_alice();
        assert_true(rules_add_user(rules, text_of("example.org"), text_of("carol"), &rule));
        payload.user = text_of("carol@example.org");
        payload.host = text_of(table[i].host);
        payload.issued = table[i].issued;
        const struct judgement got = judge_line("carol@example.org P",
                &(struct judge){.payload_state = PAYLOAD_STATE_SEALED,
                        .sealed = &payload,
                        .rules = rules,
                        .unix_now = NOW},
                REPLAY_WITHIN);
        if (got.answer.verdict != table[i].verdict || strcmp(got.cause, table[i].cause) != 0)
            fail_msg("row %zu: got %s %s", i, verdict_name(got.answer.verdict), got.cause);
        rules_free(&rules);
    }
}

TEST(every_step_says_what_it_asks_for)
{
    for (unsigned number = 1; number <= JUDGE_STEPS; number++)
        assert_true(judge_about(number)[0] != '\0');
}

/* Whoever walks the steps to show them comes to the same end, and finds what the rules say. */
TEST(steps_can_be_walked)
{
    struct rules *rules = rules_of(&normal);
    struct payload payload = payload_of_alice();
    struct question question;
    const struct judge judge = {.question = &question,
            .payload_state = PAYLOAD_STATE_SEALED,
            .sealed = &payload,
            .rules = rules,
            .unix_now = NOW};

    assert_true(question_parse(text_of("Alice@example.org P"), text_of(""), &question));
    for (int expired = 0; expired <= 1; expired++) {
        struct judgement walked = {0};
        struct judgement judged;
        unsigned steps = 0;
        enum judge_state state = JUDGE_NEXT;

        payload.issued = expired ? 0 : NOW;
        for (; state == JUDGE_NEXT; steps++) {
            assert_int_equal(walked.step, steps);
            state = judge_step(&judge, &walked);
            if (state != JUDGE_DECIDED)
                assert_int_equal(walked.answer.verdict, VERDICT_TEMPERROR);
        }
        assert_int_equal(state, expired ? JUDGE_DECIDED : JUDGE_COUNT);
        assert_int_equal(steps, expired ? 7 : 8);
        assert_int_equal(judge_begin(&judge, &judged), state);
        assert_int_equal(judged.step, steps);
        assert_int_equal(walked.answer.verdict, judged.answer.verdict);
        assert_int_equal(walked.answer.reason, judged.answer.reason);
        assert_ptr_equal(judged.policy, &normal);
        assert_non_null(judged.rule);
        assert_true(text_equal(judged.matched, text_of("alice")));
    }
    rules_free(&rules);
}

/* What the payload binds is compared as a whole: `-` is no digest, and no beginning of one. */
TEST(dash_is_no_digest)
{
    struct rules *rules = rules_of(&normal);
    struct payload payload = payload_of_alice();
    static const char digest[] = "-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    for (size_t len = 1; len < sizeof digest; len++) {
        payload.digest = (struct text){digest, len};
        const struct judgement got =
                judge_line("alice@example.org P digest=-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                        &(struct judge){.payload_state = PAYLOAD_STATE_SEALED,
                                .sealed = &payload,
                                .rules = rules,
                                .unix_now = NOW},
                        REPLAY_WITHIN);
        assert_int_equal(
                got.answer.reason, len == sizeof digest - 1 ? REASON_STAMPED : REASON_CHANGED);
    }
    rules_free(&rules);
}

/* Without its count it is no YES, and no other answer either. */
TEST(what_waits_for_its_count_has_no_answer)
{
    static const struct {
        enum replay_count count;
        enum verdict verdict;
        enum reason reason;
        unsigned step;
    } table[] = {
            {REPLAY_SKIPPED, VERDICT_YES, REASON_STAMPED, 9},
            {REPLAY_WITHIN, VERDICT_YES, REASON_STAMPED, 9},
            {REPLAY_OVER, VERDICT_ALLOW, REASON_REPLAYED, 8},
            {REPLAY_FAILED, VERDICT_ALLOW, REASON_UNCOUNTED, 8},
            {REPLAY_PENDING, VERDICT_ALLOW, REASON_UNCOUNTED, 8},
    };
    struct rules *rules = rules_of(&normal);
    const struct payload payload = payload_of_alice();
    struct question question;
    const struct judge judge = {.question = &question,
            .payload_state = PAYLOAD_STATE_SEALED,
            .sealed = &payload,
            .rules = rules,
            .unix_now = NOW};
    char buffer[ANSWER_MAX];

    assert_true(question_parse(text_of("alice@example.org P x=y"), text_of(""), &question));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct judgement got;
        assert_int_equal(judge_begin(&judge, &got), JUDGE_COUNT);
        assert_int_equal(got.step, 8);
        const struct answer none = judge_answer(&got, &question);
        struct writer w = writer_of(buffer, sizeof buffer);
        assert_false(answer_format(&none, &w));
        judge_counted(&got, table[i].count);
        if (got.answer.verdict != table[i].verdict || got.answer.reason != table[i].reason ||
                got.step != table[i].step)
            fail_msg("count %d: got %s %s, step %u", table[i].count,
                    verdict_name(got.answer.verdict), reason_name(got.answer.reason), got.step);
    }
    rules_free(&rules);
}

static enum rules_found cannot_look_up(void *context, const struct domain_policy *policy,
        struct text local, const struct rule **rule_r)
{
    (void)context;
    (void)policy;
    (void)local;
    *rule_r = NULL;
    return RULES_UNKNOWN;
}

/* A table of users that cannot be read is no verdict. */
TEST(users_that_cannot_be_looked_up)
{
    static const struct domain_policy tabled = {
            .name = "example.org", .hosts = {hosts, 1}, .lifetime = DAY, .has_table = true};
    const struct rules_lookup lookup = {cannot_look_up, NULL};
    struct rules *rules = rules_of(&tabled);
    struct payload payload = payload_of_alice();

    payload.user = text_of("carol@example.org");
    const struct judgement got = judge_line("carol@example.org P",
            &(struct judge){.payload_state = PAYLOAD_STATE_SEALED,
                    .sealed = &payload,
                    .rules = rules,
                    .lookup = &lookup,
                    .unix_now = NOW},
            REPLAY_WITHIN);
    assert_int_equal(got.answer.verdict, VERDICT_TEMPERROR);
    assert_string_equal(got.cause, "users");
    rules_free(&rules);
}
