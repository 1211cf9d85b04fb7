// SPDX-License-Identifier: ISC
#include "protocol/judge.h"

#include <sodium.h>

#include "protocol/receiving.h"

static bool decided(
        struct judgement *judgement, enum verdict verdict, enum reason reason, const char *cause)
{
    judgement->answer.verdict = verdict;
    judgement->answer.reason = reason;
    judgement->cause = cause;
    return true;
}

static bool refused(struct judgement *judgement, const char *cause)
{
    return decided(judgement, VERDICT_NO, REASON_REFUSED, cause);
}

/* One of the three that an operator can make a NO: its wire reason must not tell which. */
static bool allowed_unless(bool denied, struct judgement *judgement, enum reason reason)
{
    if (denied)
        return refused(judgement, reason_name(reason));
    return decided(judgement, VERDICT_ALLOW, reason, "");
}

/* Only an answer that rests on nothing but the user, or not even that, may be used again. */
static void may_be_kept(
        struct judgement *judgement, const struct domain_policy *policy, bool for_all_users)
{
    judgement->answer.ttl = policy->ttl < ANSWER_TTL_MAX ? policy->ttl : ANSWER_TTL_MAX;
    judgement->answer.scope_domain = policy->ttl > 0 && for_all_users;
}

static bool payload_opens(const struct judge_case *c, struct judgement *judgement)
{
    if (c->payload_state == PAYLOAD_STATE_UNOPENED)
        return decided(judgement, VERDICT_NO, REASON_FORGED, "");
    if (c->payload_state == PAYLOAD_STATE_SEALED &&
            !text_equal_fold(c->sealed->user, address_text(&c->question->user)))
        return decided(judgement, VERDICT_NO, REASON_FORGED, "user");
    return false;
}

static bool domain_is_served(const struct judge_case *c, struct judgement *judgement)
{
    const struct text domain = address_domain(&c->question->user);

    judgement->policy = rules_domain(c->rules, domain);
    if (judgement->policy != NULL)
        return false;
    const struct domain_policy *parent = rules_parent(c->rules, domain);
    if (parent == NULL)
        return refused(judgement, "domain");
    if (c->payload_state == PAYLOAD_STATE_ABSENT)
        may_be_kept(judgement, parent, true);
    if (!parent->subdomains)
        return refused(judgement, "subdomain");
    return decided(judgement, VERDICT_ALLOW, REASON_UNSERVED, "");
}

static bool user_has_rule(const struct judge_case *c, struct judgement *judgement)
{
    const enum rules_found found = rules_user(
            c->rules, c->elsewhere, &c->question->user, &judgement->rule, &judgement->matched);

    if (found == RULES_UNKNOWN)
        return decided(judgement, VERDICT_TEMPERROR, REASON_NONE, "users");
    /* Without a rule it is the next two steps that decide, each in its way. */
    judgement->listed = found == RULES_FOUND && !text_equal(judgement->matched, text_of("*"));
    return false;
}

static bool is_lenient(const struct judgement *judgement)
{
    return judgement->rule != NULL && judgement->rule->allow_unauthorized;
}

static bool message_is_stamped(const struct judge_case *c, struct judgement *judgement)
{
    if (c->payload_state != PAYLOAD_STATE_ABSENT)
        return false;
    may_be_kept(judgement, judgement->policy,
            rules_unstamped_is_uniform(c->rules, address_domain(&c->question->user)));
    return decided(
            judgement, is_lenient(judgement) ? VERDICT_ALLOW : VERDICT_NO, REASON_UNSTAMPED, "");
}

static bool host_is_permitted(const struct judge_case *c, struct judgement *judgement)
{
    const struct text host =
            c->payload_state == PAYLOAD_STATE_CLASSIC ? c->classic->host : c->sealed->host;

    if (judgement->rule == NULL)
        return refused(judgement, "user");
    if (rule_permits(judgement->rule, judgement->policy, host))
        return false;
    if (is_lenient(judgement))
        return decided(judgement, VERDICT_ALLOW, REASON_HOST, "");
    return refused(judgement, "host");
}

static bool payload_is_sealed(const struct judge_case *c, struct judgement *judgement)
{
    if (c->payload_state != PAYLOAD_STATE_CLASSIC)
        return false;
    if (c->question->named)
        return decided(judgement, VERDICT_ALLOW, REASON_CLASSIC, "");
    return decided(judgement, VERDICT_YES, REASON_STAMPED, "classic");
}

static bool is_in_time(const struct judge_case *c, const struct domain_policy *policy)
{
    const uint64_t issued = c->sealed->issued;

    if (issued > c->now)
        return issued - c->now <= JUDGE_FUTURE && issued >= c->purged;
    return c->now - issued <= policy->lifetime && issued >= c->purged;
}

static bool payload_is_in_time(const struct judge_case *c, struct judgement *judgement)
{
    if (is_in_time(c, judgement->policy))
        return false;
    return allowed_unless(judgement->policy->deny_expired, judgement, REASON_EXPIRED);
}

static bool message_is_unchanged(const struct judge_case *c, struct judgement *judgement)
{
    const struct text asked = c->question->digest;
    const struct text bound = c->sealed->digest;

    if (asked.len == 0 ||
            (asked.len == bound.len && sodium_memcmp(asked.at, bound.at, asked.len) == 0))
        return false;
    return allowed_unless(judgement->policy->deny_changed, judgement, REASON_CHANGED);
}

static bool receivers_are_named(const struct judge_case *c, struct judgement *judgement)
{
    const struct text rcpt = c->question->rcpt;

    if (rcpt.len == 0 || receiving_covers(c->sealed->receiving, rcpt))
        return false;
    return allowed_unless(judgement->policy->deny_redirected, judgement, REASON_REDIRECTED);
}

static bool count_decides(enum replay_count replay, struct judgement *judgement)
{
    if (replay == REPLAY_SKIPPED || replay == REPLAY_WITHIN)
        return false;
    if (replay == REPLAY_OVER)
        return decided(judgement, VERDICT_ALLOW, REASON_REPLAYED, "");
    /* Whoever forgets to count must not thereby say YES. */
    judgement->must_count = replay == REPLAY_PENDING;
    return decided(judgement, VERDICT_ALLOW, REASON_UNCOUNTED, "");
}

static bool payload_is_within_allowance(const struct judge_case *c, struct judgement *judgement)
{
    return count_decides(c->replay, judgement);
}

static bool all_is_well(const struct judge_case *c, struct judgement *judgement)
{
    (void)c;
    return decided(judgement, VERDICT_YES, REASON_STAMPED, "");
}

const struct judge_step judge_steps[] = {
        {1, "the payload opens and fits the question", payload_opens},
        {2, "the user's domain is served here", domain_is_served},
        {3, "the user has a rule", user_has_rule},
        {4, "the message carries a stamp", message_is_stamped},
        {5, "the user's rule permits the sending host", host_is_permitted},
        {6, "the payload is a sealed one", payload_is_sealed},
        {7, "the payload is in time", payload_is_in_time},
        {8, "the message is the one that was stamped", message_is_unchanged},
        {9, "the payload names all receiving domains", receivers_are_named},
        {10, "the payload is within its allowance", payload_is_within_allowance},
        {11, "nothing stands against it", all_is_well},
};
const unsigned judge_steps_count = sizeof judge_steps / sizeof *judge_steps;

void judge(const struct judge_case *judge_case, struct judgement *judgement_r)
{
    const struct judge_step *step = judge_steps;

    *judgement_r = (struct judgement){.cause = ""};
    while (!step->decide(judge_case, judgement_r))
        step++;
    judgement_r->step = step->number;
}

void judge_counted(struct judgement *judgement, enum replay_count replay)
{
    judgement->must_count = false;
    if (count_decides(replay, judgement))
        return;
    judgement->step++;
    (void)all_is_well(NULL, judgement);
}

struct answer judge_answer(const struct judgement *judgement, const struct question *question)
{
    if (!question->named)
        return (struct answer){.verdict = judgement->answer.verdict};
    return judgement->answer;
}
