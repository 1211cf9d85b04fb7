// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "protocol/judge.h"
#include "unit.h"
#include "vectors.h"

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
        .subdomains = true,
        .deny_expired = true,
        .deny_changed = true,
        .deny_redirected = true};
static const struct domain_policy normal = {
        .name = "example.org", .hosts = {hosts, 1}, .lifetime = 7 * DAY, .subdomains = true};
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
            {PAYLOAD_STATE_SEALED, NULL, NULL, 0, "-", "a:1", REPLAY_OVER, 7, "expired", "expired"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, "-", "a:1", REPLAY_OVER, 8, "changed",
                    "changed"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, OTHER_DIGEST, "a:1", REPLAY_OVER, 8, "changed",
                    "changed"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, NULL, "a:1", REPLAY_OVER, 9, "redirected",
                    "redirected"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, NULL, NULL, REPLAY_OVER, 10, "replayed",
                    "replayed"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, NULL, NULL, REPLAY_FAILED, 10, "uncounted",
                    "uncounted"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, NULL, NULL, REPLAY_WITHIN, 11, "stamped",
                    "stamped"},
            {PAYLOAD_STATE_SEALED, NULL, NULL, NOW, NULL, NULL, REPLAY_SKIPPED, 11, "stamped",
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
        assert_int_equal(steps, expired ? 7 : 10);
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
            {REPLAY_SKIPPED, VERDICT_YES, REASON_STAMPED, 11},
            {REPLAY_WITHIN, VERDICT_YES, REASON_STAMPED, 11},
            {REPLAY_OVER, VERDICT_ALLOW, REASON_REPLAYED, 10},
            {REPLAY_FAILED, VERDICT_ALLOW, REASON_UNCOUNTED, 10},
            {REPLAY_PENDING, VERDICT_ALLOW, REASON_UNCOUNTED, 10},
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
        assert_int_equal(got.step, 10);
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

/* The fields of judgements.txt that the first record gives for all. */
static const char *const names[] = {"domain", "hosts", "users", "lifetime", "ttl", "subdomains",
        "deny", "question", "payload", "inside", "now", "purged", "replay"};

#define NAMES (sizeof names / sizeof *names)

struct record {
    const struct vectors *vectors;
    char *first[NAMES]; /* owned */
    char *host;         /* the one of `hosts`, owned, as are those of the users */
    char *user_host[16];
    size_t user_hosts;
    struct domain_policy policy;
    struct rules *rules;
};

static char *copy_of(struct text t)
{
    char *copy = strndup(t.at, t.len);

    assert_non_null(copy);
    return copy;
}

static struct text value(const struct record *record, const char *name)
{
    if (vectors_has(record->vectors, name))
        return vectors_get(record->vectors, name);
    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(names[i], name) == 0)
            return text_of(record->first[i]);
    return text_of("");
}

static uint64_t number(const struct record *record, const char *name)
{
    uint64_t n = 0;

    assert_true(text_decimal(value(record, name), UINT64_MAX, &n));
    return n;
}

static bool has_word(struct text words, const char *word)
{
    struct reader r = reader_of(words);

    while (r.rest.len > 0)
        if (text_equal(reader_field(&r, ' '), text_of(word)))
            return true;
    return false;
}

static unsigned index_of(struct text word, const char *const *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (text_equal(word, text_of(words[i])))
            return i;
    print_error("judgements.txt: unknown word: %.*s\n", (int)word.len, word.at);
    fail();
    return count;
}

/* `local`, then what its rule says. */
static void add_user(struct record *record, struct text user)
{
    struct reader words = reader_of(user);
    const struct text local = reader_field(&words, ' ');
    const size_t mine = record->user_hosts;
    struct rule rule = {0};

    while (words.rest.len > 0) {
        const struct text word = reader_field(&words, ' ');
        struct reader option = reader_of(word);
        const struct text name = reader_field(&option, '=');
        if (text_equal(name, text_of("allow_unauthorized"))) {
            rule.allow_unauthorized = true;
            continue;
        }
        static const char *const modes[] = {"", "more_hosts", "hosts"};
        rule.mode = (enum rule_hosts)index_of(name, modes, 3);
        if (!text_equal(option.rest, text_of("none")))
            record->user_host[record->user_hosts++] = copy_of(option.rest);
    }
    assert_true(record->user_hosts < sizeof record->user_host / sizeof *record->user_host);
    rule.hosts = (struct host_list){
            (const char *const *)&record->user_host[mine], record->user_hosts - mine};
    assert_true(rules_add_user(record->rules, value(record, "domain"), local, &rule));
}

static void set_up(struct record *record)
{
    struct reader users = reader_of(value(record, "users"));
    const struct text deny = value(record, "deny");

    record->host = copy_of(value(record, "hosts"));
    record->policy = (struct domain_policy){.name = copy_of(value(record, "domain")),
            .hosts = {(const char *const *)&record->host, 1},
            .lifetime = number(record, "lifetime"),
            .ttl = (uint32_t)number(record, "ttl"),
            .subdomains = text_equal(value(record, "subdomains"), text_of("yes")),
            .deny_expired = has_word(deny, "expired"),
            .deny_changed = has_word(deny, "changed"),
            .deny_redirected = has_word(deny, "redirected")};
    record->rules = rules_init(seed);
    assert_non_null(record->rules);
    assert_true(rules_add_domain(record->rules, &record->policy));
    while (users.rest.len > 0)
        add_user(record, text_trim(reader_field(&users, ';')));
}

static void tear_down(struct record *record)
{
    union {
        const char *borrowed;
        void *owned;
    } domain = {record->policy.name};

    rules_free(&record->rules);
    free(record->host);
    free(domain.owned);
    while (record->user_hosts > 0)
        free(record->user_host[--record->user_hosts]);
}

static enum judge_state judge_record(
        const struct record *record, struct question *question_r, struct judgement *judgement_r)
{
    static const char *const states[] = {"absent", "unopened", "sealed", "classic"};
    struct reader inside = reader_of(value(record, "inside"));
    struct payload sealed = {.host = reader_field(&inside, ' ')};
    struct classic_payload classic = {.host = sealed.host};
    struct judge judge = {.question = question_r,
            .payload_state = (enum payload_state)index_of(value(record, "payload"), states, 4),
            .rules = record->rules,
            .purged = number(record, "purged"),
            .unix_now = number(record, "now")};

    assert_true(question_parse(value(record, "question"), text_of(""), question_r));
    assert_int_equal(text_equal(question_r->payload, text_of("-")),
            judge.payload_state == PAYLOAD_STATE_ABSENT);
    sealed.receiving = reader_field(&inside, ' ');
    assert_true(text_decimal(reader_field(&inside, ' '), UINT64_MAX, &sealed.issued));
    sealed.user = reader_field(&inside, ' ');
    sealed.digest = reader_field(&inside, ' ');
    /* Only the one that there is: the judge must not look at the other. */
    judge.sealed = judge.payload_state == PAYLOAD_STATE_SEALED ? &sealed : NULL;
    judge.classic = judge.payload_state == PAYLOAD_STATE_CLASSIC ? &classic : NULL;
    return judge_begin(&judge, judgement_r);
}

static void check_record(struct record *record)
{
    static const char *const counts[] = {"skipped", "within", "over", "failed"};
    static const enum replay_count counted[] = {
            REPLAY_SKIPPED, REPLAY_WITHIN, REPLAY_OVER, REPLAY_FAILED};
    struct question question;
    struct judgement got;
    char buffer[ANSWER_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    set_up(record);
    const bool count = judge_record(record, &question, &got) == JUDGE_COUNT;
    if (count)
        judge_counted(&got, counted[index_of(value(record, "replay"), counts, 4)]);
    const struct answer answer = judge_answer(&got, &question);
    assert_true(answer_format(&answer, &w));
    const struct text line = writer_text(&w);
    const struct text want = value(record, "answer");
    const struct text cause = value(record, "cause");
    /* Only what passed all before step 10 is counted. */
    if (!text_equal(line, want) || got.step != number(record, "step") ||
            !text_equal(text_of(got.cause), cause) || count != (got.step >= 10)) {
        print_error("judgements.txt:%u: got step %u, cause \"%s\", count %d: %.*s"
                    "want step %llu, cause \"%.*s\": %.*s",
                vectors_line(record->vectors), got.step, got.cause, count, (int)line.len, line.at,
                (unsigned long long)number(record, "step"), (int)cause.len, cause.at, (int)want.len,
                want.at);
        fail();
    }
    tear_down(record);
}

TEST(vectors_are_judged)
{
    struct vectors *v = vectors_open("judgements.txt");
    struct record record = {.vectors = v};
    unsigned count = 0;

    assert_true(vectors_next(v));
    for (size_t i = 0; i < NAMES; i++)
        record.first[i] = copy_of(vectors_get(v, names[i]));
    for (; vectors_next(v); count++)
        check_record(&record);
    for (size_t i = 0; i < NAMES; i++)
        free(record.first[i]);
    vectors_free(&v);
    assert_true(count > 60);
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
