// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "protocol/judge.h"
#include "unit.h"
#include "vectors.h"

static const unsigned char seed[RULES_SEED];

/* The fields of judgements.txt that the first record gives for all. */
static const char *const names[] = {"domain", "hosts", "users", "lifetime", "ttl", "subdomains",
        "testing", "deny", "question", "payload", "inside", "now", "purged", "replay"};

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
        if (text_equal(name, text_of("not_before"))) {
            assert_true(text_decimal(option.rest, UINT64_MAX, &rule.not_before));
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

/* `HOST N`, or nothing. */
static void add_expiry(struct record *record)
{
    struct reader words = reader_of(value(record, "expires"));
    const struct text host = reader_field(&words, ' ');
    uint64_t expires = 0;

    if (host.len == 0)
        return;
    assert_true(text_decimal(reader_rest(&words), UINT64_MAX, &expires));
    assert_true(rules_add_host(record->rules, host, expires));
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
            .testing = text_equal(value(record, "testing"), text_of("yes")),
            .subdomains = text_equal(value(record, "subdomains"), text_of("yes")),
            .deny_expired = has_word(deny, "expired"),
            .deny_changed = has_word(deny, "changed"),
            .deny_redirected = has_word(deny, "redirected")};
    record->rules = rules_init(seed);
    assert_non_null(record->rules);
    assert_true(rules_add_domain(record->rules, &record->policy));
    assert_true(rules_add_host(record->rules, text_of(record->host), 0));
    while (users.rest.len > 0)
        add_user(record, text_trim(reader_field(&users, ';')));
    for (size_t i = 0; i < record->user_hosts; i++)
        assert_true(rules_add_host(record->rules, text_of(record->user_host[i]), 0));
    add_expiry(record);
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
    const struct text would_be = value(record, "would_be");
    /* Only what passed all before step 8 is counted. */
    if (!text_equal(line, want) || got.step != number(record, "step") ||
            !text_equal(text_of(got.cause), cause) ||
            !text_equal(text_of(reason_name(got.would_be)), would_be) || count != (got.step >= 8)) {
        print_error("judgements.txt:%u: got step %u, cause \"%s\", would be \"%s\", count %d: %.*s"
                    "want step %llu, cause \"%.*s\": %.*s",
                vectors_line(record->vectors), got.step, got.cause, reason_name(got.would_be),
                count, (int)line.len, line.at, (unsigned long long)number(record, "step"),
                (int)cause.len, cause.at, (int)want.len, want.at);
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
    assert_true(count > 110);
}
