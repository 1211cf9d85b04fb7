// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any question at all, and what must hold between its judgement and those of cases next to it. */

static const char *const hosts[] = {"mail.example.org", "lists.example.net"};
static const char *const users[] = {"alice@example.org", "bob@example.org", "Nobody@example.org",
        "alice+x@example.org", "alice@sub.example.org", "alice@example.com"};
static const char *const digests[] = {"-", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
static const char *const receivings[] = {"example.net:1", "example.com:2,example.net:1", "*:9"};
static const char *const rcpts[] = {"", "example.net", "example.net,example.com", "*"};

#define PICK(list, octet) list[(octet) % (sizeof list / sizeof *list)]

struct input {
    const uint8_t *at;
    size_t left;
};

struct all {
    struct domain_policy policy;
    struct rules *rules;
    struct question question;
    struct payload sealed;
    struct classic_payload classic;
    struct judge judge;
    enum replay_count count;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t next(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

/* Times that lie near each other, or at either end. */
static uint64_t next_time(struct input *in)
{
    const uint8_t octet = next(in);
    const uint64_t base = octet % 4 == 0 ? 0 : octet % 4 == 1 ? UINT64_MAX - 1000 : 1700000000;

    return base + (uint64_t)(octet / 4) * 100 + next(in) % 3;
}

static void add_user(struct rules *rules, const char *local, uint8_t octet)
{
    const struct rule rule = {.mode = (enum rule_hosts)(octet % 3),
            .hosts = {hosts + 1, octet / 3 % 2},
            .allow_unauthorized = octet / 6 % 2 == 1};

    must(rules_add_user(rules, text_of("example.org"), text_of(local), &rule));
}

static void make_rules(struct input *in, struct all *all)
{
    static const unsigned char seed[RULES_SEED];
    const uint8_t flags = next(in);

    all->policy = (struct domain_policy){.name = "example.org",
            .hosts = {hosts, 1},
            .lifetime = next_time(in),
            .ttl = next(in) * 20U,
            .subdomains = (flags & 1) != 0,
            .deny_expired = (flags & 2) != 0,
            .deny_changed = (flags & 4) != 0,
            .deny_redirected = (flags & 8) != 0};
    all->rules = rules_init(seed);
    must(all->rules != NULL && rules_add_domain(all->rules, &all->policy));
    add_user(all->rules, "alice", next(in));
    add_user(all->rules, "bob", next(in));
    if ((flags & 16) != 0)
        add_user(all->rules, "*", next(in));
}

static void make_question(struct input *in, struct all *all)
{
    const uint8_t flags = next(in);

    must(address_parse(text_of(PICK(users, next(in))), text_of(""), &all->question.user));
    all->question.payload = text_of("P");
    all->question.rcpt = text_of(PICK(rcpts, flags));
    if ((flags & 4) != 0)
        all->question.digest = text_of(digests[1]);
    all->question.named =
            all->question.rcpt.len > 0 || all->question.digest.len > 0 || (flags & 8) != 0;
}

static void make_case(struct input *in, struct all *all)
{
    memset(all, 0, sizeof *all);
    make_rules(in, all);
    make_question(in, all);
    all->sealed = (struct payload){.host = text_of(PICK(hosts, next(in))),
            .receiving = text_of(PICK(receivings, next(in))),
            .issued = next_time(in),
            .user = text_of(PICK(users, next(in))),
            .digest = text_of(PICK(digests, next(in)))};
    all->classic.host = all->sealed.host;
    all->judge = (struct judge){.question = &all->question,
            .payload_state = (enum payload_state)(next(in) % 4),
            .sealed = &all->sealed,
            .classic = &all->classic,
            .rules = all->rules,
            .purged = next_time(in),
            .unix_now = next_time(in)};
    all->count = (enum replay_count)(next(in) % 5);
}

/* Returns whether the count was asked for. */
static bool judge_all(
        const struct judge *judge, enum replay_count count, struct judgement *judgement_r)
{
    const bool counts = judge_begin(judge, judgement_r) == JUDGE_COUNT;

    if (counts) {
        must(judgement_r->step == 10 && judgement_r->answer.verdict == VERDICT_TEMPERROR);
        judge_counted(judgement_r, count);
    }
    return counts;
}

static bool same_answer(const struct judgement *a, const struct judgement *b)
{
    return a->answer.verdict == b->answer.verdict && a->answer.reason == b->answer.reason &&
           a->answer.ttl == b->answer.ttl && a->answer.scope_domain == b->answer.scope_domain;
}

static void answer_is_sound(const struct all *all, const struct judgement *got)
{
    const struct answer sent = judge_answer(got, &all->question);
    char buffer[ANSWER_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    must(verdict_has_reason(got->answer.verdict, got->answer.reason));
    must(answer_format(&sent, &w));
    must(all->question.named || sent.reason == REASON_NONE);
    must(got->answer.ttl == 0 || all->judge.payload_state == PAYLOAD_STATE_ABSENT);
    must(got->answer.ttl > 0 || !got->answer.scope_domain);
    must(got->step >= 1 && got->step <= 11 && got->step != 3);
}

/* Every single thing that YES says, without regard to the order of the steps. */
static void yes_is_earned(const struct all *all)
{
    const struct judge *judge = &all->judge;
    const struct text host = all->sealed.host;
    struct text matched;
    const struct rule *rule;

    must(rules_user(judge->rules, NULL, &all->question.user, &rule, &matched) == RULES_FOUND);
    must(rule_permits(rule, &all->policy, host));
    if (judge->payload_state == PAYLOAD_STATE_CLASSIC) {
        must(!all->question.named);
        return;
    }
    must(judge->payload_state == PAYLOAD_STATE_SEALED);
    must(text_equal_fold(all->sealed.user, address_text(&all->question.user)));
    must(all->sealed.issued >= judge->purged);
    must(all->sealed.issued <= judge->unix_now ||
            all->sealed.issued - judge->unix_now <= JUDGE_FUTURE);
    must(all->sealed.issued >= judge->unix_now ||
            judge->unix_now - all->sealed.issued <= all->policy.lifetime);
    must(all->question.digest.len == 0 || text_equal(all->question.digest, all->sealed.digest));
    must(all->count == REPLAY_SKIPPED || all->count == REPLAY_WITHIN);
}

/* A spoofer learns nothing about the users: forged is forged without any rules, too. */
static void forged_needs_no_rules(const struct all *all, const struct judgement *got)
{
    static const unsigned char seed[RULES_SEED];
    struct judge judge = all->judge;
    struct judgement without;
    struct rules *none = rules_init(seed);

    must(none != NULL);
    judge.rules = none;
    (void)judge_all(&judge, all->count, &without);
    must((got->answer.reason == REASON_FORGED) == (without.answer.reason == REASON_FORGED));
    must(got->step != 1 || same_answer(got, &without));
    rules_free(&none);
}

/* The count decides nothing that the steps before it have decided. */
static void count_comes_last(const struct all *all)
{
    struct judgement within;
    struct judgement other;
    const bool counts = judge_all(&all->judge, REPLAY_WITHIN, &within);

    for (unsigned count = REPLAY_SKIPPED; count <= REPLAY_FAILED; count++) {
        must(judge_all(&all->judge, (enum replay_count)count, &other) == counts);
        must(counts == (within.step == 11));
        must(counts ? other.step >= 10 : same_answer(&within, &other));
        must(!counts || (other.step == 11) == (count == REPLAY_SKIPPED || count == REPLAY_WITHIN));
    }
}

/* What an operator denies was ALLOW before, and nothing else changes. */
static void deny_makes_no_of_allow(struct all *all, const struct judgement *got)
{
    struct judgement mild;

    all->policy.deny_expired = all->policy.deny_changed = all->policy.deny_redirected = false;
    (void)judge_all(&all->judge, all->count, &mild);
    must(mild.step == got->step);
    if (same_answer(&mild, got))
        return;
    must(got->step >= 7 && got->step <= 9);
    must(mild.answer.verdict == VERDICT_ALLOW && got->answer.verdict == VERDICT_NO);
    must(strcmp(got->cause, reason_name(mild.answer.reason)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct all all;
    struct judgement got;

    make_case(&in, &all);
    (void)judge_all(&all.judge, all.count, &got);
    answer_is_sound(&all, &got);
    if (got.answer.verdict == VERDICT_YES)
        yes_is_earned(&all);
    forged_needs_no_rules(&all, &got);
    count_comes_last(&all);
    deny_makes_no_of_allow(&all, &got);
    rules_free(&all.rules);
    return 0;
}
