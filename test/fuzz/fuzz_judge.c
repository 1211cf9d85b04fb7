// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/judge.h"
#include "protocol/receiving.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any question at all, and what must hold between its judgement and those of cases next to it. */

static const char *const hosts[] = {"mail.example.org", "lists.example.net"};
static const char *const users[] = {"alice@example.org", "bob@example.org", "Nobody@example.org",
        "alice+x@example.org", "alice@sub.example.org", "alice@example.com",
        "bob@mail.example.org"};
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

static void add_user(struct input *in, struct rules *rules, const char *local)
{
    const uint8_t octet = next(in);
    const struct rule rule = {.mode = (enum rule_hosts)(octet % 3),
            .hosts = {hosts + 1, octet / 3 % 2},
            .allow_unauthorized = octet / 6 % 2 == 1,
            .not_before = octet / 12 % 4 == 0 ? next_time(in) : 0};

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
            .testing = (flags & 32) != 0,
            .deny_expired = (flags & 2) != 0,
            .deny_changed = (flags & 4) != 0,
            .deny_redirected = (flags & 8) != 0};
    all->rules = rules_init(seed);
    must(all->rules != NULL && rules_add_domain(all->rules, &all->policy));
    must(rules_add_host(all->rules, text_of(hosts[0]), (flags & 64) != 0 ? next_time(in) : 0));
    add_user(in, all->rules, "alice");
    add_user(in, all->rules, "bob");
    if ((flags & 16) != 0)
        add_user(in, all->rules, "*");
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
        must(judgement_r->step == 8 && judgement_r->answer.verdict == VERDICT_TEMPERROR);
        judge_counted(judgement_r, count);
    }
    return counts;
}

static bool same_answer(const struct judgement *a, const struct judgement *b)
{
    return a->answer.verdict == b->answer.verdict && a->answer.reason == b->answer.reason &&
           a->answer.ttl == b->answer.ttl && a->answer.scope_domain == b->answer.scope_domain &&
           a->would_be == b->would_be;
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
    must(got->step >= 1 && got->step <= 9 && got->step != 3);
    must((got->answer.reason == REASON_TESTING) == (got->would_be != REASON_NONE));
    must(got->would_be == REASON_NONE || verdict_has_reason(VERDICT_NO, got->would_be));
}

/* The faults of step 7, written once more. */
static bool is_old(const struct all *all)
{
    const uint64_t now = all->judge.unix_now;

    return now > all->sealed.issued && now - all->sealed.issued > all->policy.lifetime;
}

static bool is_late(const struct all *all)
{
    const uint64_t now = all->judge.unix_now;
    const uint64_t issued = all->sealed.issued;

    return is_old(all) || issued < all->judge.purged ||
           (issued > now && issued - now > JUDGE_FUTURE);
}

static bool is_changed(const struct all *all)
{
    if (all->question.digest.len > 0)
        return !text_equal(all->question.digest, all->sealed.digest);
    return all->question.rcpt.len > 0 && strcmp(all->sealed.digest.at, "-") != 0;
}

static bool is_redirected(const struct all *all)
{
    const struct text rcpt = all->question.rcpt;
    struct reader domains = reader_of(rcpt);
    bool all_named = true;

    if (text_equal(rcpt, text_of("*")))
        return all->sealed.receiving.at[0] != '*';
    while (domains.rest.len > 0)
        all_named = receiving_recipients(all->sealed.receiving, reader_field(&domains, ',')) > 0 &&
                    all_named;
    return !all_named;
}

/* Every single thing that YES says, without regard to the order of the steps. */
static void yes_is_earned(const struct all *all)
{
    const struct judge *judge = &all->judge;
    const struct text host = all->sealed.host;
    struct text matched;
    const struct rule *rule;

    must(rules_user(judge->rules, NULL, &all->policy, &all->question.user, &rule, &matched) ==
            RULES_FOUND);
    must(rule_permits(rule, &all->policy, host));
    if (judge->payload_state == PAYLOAD_STATE_CLASSIC) {
        must(!all->question.named);
        return;
    }
    must(judge->payload_state == PAYLOAD_STATE_SEALED);
    must(text_equal_fold(all->sealed.user, address_text(&all->question.user)));
    must(all->sealed.issued >= rule->not_before);
    must(!is_late(all) && !is_changed(all) && !is_redirected(all));
    must(all->count == REPLAY_SKIPPED || all->count == REPLAY_WITHIN);
}

/* A spoofer learns nothing about the users: what does not open gets one answer for all of a
 * domain. */
static void forged_is_forged_for_all(const struct all *all, const struct judgement *got)
{
    static const char *const locals[] = {"alice", "bob", "Nobody", "alice+x"};
    struct judge judge = all->judge;
    struct question question = all->question;
    struct judgement other;

    if (judge.payload_state != PAYLOAD_STATE_UNOPENED)
        return;
    must(got->step == 1);
    judge.question = &question;
    for (size_t i = 0; i < sizeof locals / sizeof *locals; i++) {
        must(address_parse(
                text_of(locals[i]), address_domain(&all->question.user), &question.user));
        (void)judge_all(&judge, all->count, &other);
        must(same_answer(got, &other));
    }
}

/* The count decides nothing that the steps before it have decided. */
static void count_comes_last(const struct all *all)
{
    struct judgement within;
    struct judgement other;
    const bool counts = judge_all(&all->judge, REPLAY_WITHIN, &within);

    for (unsigned count = REPLAY_SKIPPED; count <= REPLAY_FAILED; count++) {
        must(judge_all(&all->judge, (enum replay_count)count, &other) == counts);
        must(counts == (within.step == 9));
        must(counts ? other.step >= 8 : same_answer(&within, &other));
        must(!counts || (other.step == 9) == (count == REPLAY_SKIPPED || count == REPLAY_WITHIN));
    }
}

/* Under test there is no NO, and nothing else is another answer. */
static void testing_keeps_no_back(struct all *all, const struct judgement *got)
{
    const struct text domain = address_domain(&all->question.user);
    const struct text name = text_of(all->policy.name);
    const bool testing = all->policy.testing;
    struct judgement earnest;

    all->policy.testing = false;
    (void)judge_all(&all->judge, all->count, &earnest);
    all->policy.testing = testing;
    must(earnest.would_be == REASON_NONE && earnest.step == got->step);
    must(strcmp(earnest.cause, got->cause) == 0);
    if (!testing || earnest.answer.verdict != VERDICT_NO ||
            !(text_equal(domain, name) || domain_is_under(domain, name))) {
        must(same_answer(&earnest, got));
        return;
    }
    must(got->answer.verdict == VERDICT_ALLOW && got->would_be == earnest.answer.reason);
    must(got->answer.ttl <= JUDGE_TESTING_TTL && got->answer.ttl <= earnest.answer.ttl);
    must(got->answer.scope_domain == earnest.answer.scope_domain);
}

/* What is denied and found is NO, whatever else there is; and deny changes nothing else. */
static void deny_wins(struct all *all, const struct judgement *got)
{
    struct domain_policy *policy = &all->policy;
    const bool wins = (policy->deny_expired && is_late(all)) ||
                      (policy->deny_changed && is_changed(all)) ||
                      (policy->deny_redirected && is_redirected(all));
    const struct domain_policy as_it_was = *policy;
    struct judgement mild;

    if (got->step >= 7 && wins)
        must(got->step == 7 && (got->answer.verdict == VERDICT_NO || policy->testing) &&
                (got->answer.reason == REASON_REFUSED || got->would_be == REASON_REFUSED));
    policy->deny_expired = policy->deny_changed = policy->deny_redirected = false;
    (void)judge_all(&all->judge, all->count, &mild);
    *policy = as_it_was;
    must(mild.step == got->step);
    must((got->step == 7 && wins) || same_answer(&mild, got));
}

/* Waiting lifts no NO: an old stamp is never worth more than it was. When its host has ended, it is
 * worth what none is worth to a user who may send unauthorized mail; what was taken back stays NO.
 */
static void time_lifts_no_no(const struct all *all, const struct judgement *got)
{
    struct judge later = all->judge;
    struct judgement then;

    if (got->answer.verdict != VERDICT_NO || all->sealed.issued > later.unix_now)
        return;
    for (unsigned i = 0; i < 64 && later.unix_now < UINT64_MAX - (1ULL << i); i++) {
        later.unix_now += 1ULL << i;
        (void)judge_all(&later, all->count, &then);
        must(then.answer.verdict == VERDICT_NO ||
                (strcmp(then.cause, "host-expired") == 0 && then.rule->allow_unauthorized &&
                        strcmp(got->cause, "withdrawn") != 0));
    }
}

/* A stamp older than its lifetime is worth nothing for another message. */
static void stale_is_unstamped(const struct all *all, const struct judgement *got)
{
    struct judgement without;
    struct judge judge = all->judge;

    if (got->step != 7 || !is_old(all) || !is_changed(all) ||
            got->answer.reason == REASON_REFUSED || got->would_be == REASON_REFUSED)
        return;
    judge.payload_state = PAYLOAD_STATE_ABSENT;
    (void)judge_all(&judge, all->count, &without);
    must(got->answer.verdict == without.answer.verdict);
    must(got->answer.reason == without.answer.reason && got->would_be == without.would_be);
    must(strcmp(got->cause, "stale") == 0);
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
    forged_is_forged_for_all(&all, &got);
    count_comes_last(&all);
    testing_keeps_no_back(&all, &got);
    deny_wins(&all, &got);
    time_lifts_no_no(&all, &got);
    stale_is_unstamped(&all, &got);
    rules_free(&all.rules);
    return 0;
}
