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

/* For the three that an operator can make a NO. The reason on the wire must not tell which. */
static bool allowed_unless(bool denied, struct judgement *judgement, enum reason reason)
{
    if (denied)
        return refused(judgement, reason_name(reason));
    return decided(judgement, VERDICT_ALLOW, reason, "");
}

/* An answer may be used again only if it depends on the user at most. */
static void may_be_kept(
        struct judgement *judgement, const struct domain_policy *policy, bool for_all_users)
{
    judgement->answer.ttl = policy->ttl < ANSWER_TTL_MAX ? (uint32_t)policy->ttl : ANSWER_TTL_MAX;
    judgement->answer.scope_domain = policy->ttl > 0 && for_all_users;
}

static bool payload_opens(const struct judge *judge, struct judgement *judgement)
{
    if (judge->payload_state == PAYLOAD_STATE_UNOPENED)
        return decided(judgement, VERDICT_NO, REASON_FORGED, "");
    if (judge->payload_state == PAYLOAD_STATE_SEALED &&
            !text_equal_fold(judge->sealed->user, address_text(&judge->question->user)))
        return decided(judgement, VERDICT_NO, REASON_FORGED, "user");
    return false;
}

static bool domain_is_served(const struct judge *judge, struct judgement *judgement)
{
    const struct text domain = address_domain(&judge->question->user);

    judgement->policy = rules_domain(judge->rules, domain);
    if (judgement->policy != NULL)
        return false;
    const struct domain_policy *parent = rules_parent(judge->rules, domain);
    if (parent == NULL)
        return refused(judgement, "domain");
    if (judge->payload_state == PAYLOAD_STATE_ABSENT)
        may_be_kept(judgement, parent, true);
    if (!parent->subdomains)
        return refused(judgement, "subdomain");
    return decided(judgement, VERDICT_ALLOW, REASON_UNSERVED, "");
}

static bool user_has_rule(const struct judge *judge, struct judgement *judgement)
{
    const enum rules_found found = rules_user(judge->rules, judge->lookup, &judge->question->user,
            &judgement->rule, &judgement->matched);

    if (found == RULES_UNKNOWN)
        return decided(judgement, VERDICT_TEMPERROR, REASON_NONE, "users");
    /* Without a rule, one of the next two steps decides. */
    judgement->listed = found == RULES_FOUND && !text_equal(judgement->matched, text_of("*"));
    return false;
}

static bool is_lenient(const struct judgement *judgement)
{
    return judgement->rule != NULL && judgement->rule->allow_unauthorized;
}

static bool message_is_stamped(const struct judge *judge, struct judgement *judgement)
{
    if (judge->payload_state != PAYLOAD_STATE_ABSENT)
        return false;
    may_be_kept(judgement, judgement->policy,
            rules_unstamped_is_uniform(judge->rules, address_domain(&judge->question->user)));
    return decided(
            judgement, is_lenient(judgement) ? VERDICT_ALLOW : VERDICT_NO, REASON_UNSTAMPED, "");
}

static bool host_is_permitted(const struct judge *judge, struct judgement *judgement)
{
    const struct text host = judge->payload_state == PAYLOAD_STATE_CLASSIC ? judge->classic->host
                                                                           : judge->sealed->host;

    if (judgement->rule == NULL)
        return refused(judgement, "user");
    if (rule_permits(judgement->rule, judgement->policy, host))
        return false;
    if (is_lenient(judgement))
        return decided(judgement, VERDICT_ALLOW, REASON_HOST, "");
    return refused(judgement, "host");
}

static bool payload_is_sealed(const struct judge *judge, struct judgement *judgement)
{
    if (judge->payload_state != PAYLOAD_STATE_CLASSIC)
        return false;
    if (judge->question->named)
        return decided(judgement, VERDICT_ALLOW, REASON_CLASSIC, "");
    return decided(judgement, VERDICT_YES, REASON_STAMPED, "classic");
}

static bool is_in_time(const struct judge *judge, const struct domain_policy *policy)
{
    const uint64_t issued = judge->sealed->issued;

    if (issued > judge->unix_now)
        return issued - judge->unix_now <= JUDGE_FUTURE && issued >= judge->purged;
    return judge->unix_now - issued <= policy->lifetime && issued >= judge->purged;
}

static bool payload_is_in_time(const struct judge *judge, struct judgement *judgement)
{
    if (is_in_time(judge, judgement->policy))
        return false;
    return allowed_unless(judgement->policy->deny_expired, judgement, REASON_EXPIRED);
}

static bool message_is_unchanged(const struct judge *judge, struct judgement *judgement)
{
    const struct text asked = judge->question->digest;
    const struct text bound = judge->sealed->digest;

    if (asked.len == 0 ||
            (asked.len == bound.len && sodium_memcmp(asked.at, bound.at, asked.len) == 0))
        return false;
    return allowed_unless(judgement->policy->deny_changed, judgement, REASON_CHANGED);
}

static bool receivers_are_named(const struct judge *judge, struct judgement *judgement)
{
    const struct text rcpt = judge->question->rcpt;

    if (rcpt.len == 0 || receiving_covers(judge->sealed->receiving, rcpt))
        return false;
    return allowed_unless(judgement->policy->deny_redirected, judgement, REASON_REDIRECTED);
}

static bool all_is_well(const struct judge *judge, struct judgement *judgement)
{
    (void)judge;
    return decided(judgement, VERDICT_YES, REASON_STAMPED, "");
}

static const struct {
    const char *about;
    /* True: it decided. NULL: the payload is to be counted. */
    bool (*decide)(const struct judge *judge, struct judgement *judgement);
} judge_steps[JUDGE_STEPS] = {
        {"the payload opens and fits the question", payload_opens},
        {"the user's domain is served here", domain_is_served},
        {"the user has a rule", user_has_rule},
        {"the message carries a stamp", message_is_stamped},
        {"the user's rule permits the sending host", host_is_permitted},
        {"the payload is a sealed one", payload_is_sealed},
        {"the payload is in time", payload_is_in_time},
        {"the message is the one that was stamped", message_is_unchanged},
        {"the payload names all receiving domains", receivers_are_named},
        {"the payload is within its allowance", NULL},
        {"nothing stands against it", all_is_well},
};

const char *judge_about(unsigned number)
{
    return judge_steps[number - 1].about;
}

enum judge_state judge_step(const struct judge *judge, struct judgement *judgement)
{
    bool (*decide)(const struct judge *, struct judgement *) = judge_steps[judgement->step].decide;

    /* Until a step decides, nothing may be answered. */
    if (judgement->step++ == 0)
        (void)decided(judgement, VERDICT_TEMPERROR, REASON_NONE, "");
    if (decide == NULL)
        return JUDGE_COUNT;
    return decide(judge, judgement) ? JUDGE_DECIDED : JUDGE_NEXT;
}

enum judge_state judge_begin(const struct judge *judge, struct judgement *judgement_r)
{
    enum judge_state state = JUDGE_NEXT;

    *judgement_r = (struct judgement){.step = 0};
    while (state == JUDGE_NEXT)
        state = judge_step(judge, judgement_r);
    return state;
}

void judge_counted(struct judgement *judgement, enum replay_count count)
{
    if (count == REPLAY_OVER) {
        (void)decided(judgement, VERDICT_ALLOW, REASON_REPLAYED, "");
    } else if (count != REPLAY_SKIPPED && count != REPLAY_WITHIN) {
        (void)decided(judgement, VERDICT_ALLOW, REASON_UNCOUNTED, "");
    } else {
        judgement->step++;
        (void)all_is_well(NULL, judgement);
    }
}

struct answer judge_answer(const struct judgement *judgement, const struct question *question)
{
    if (!question->named)
        return (struct answer){.verdict = judgement->answer.verdict};
    return judgement->answer;
}
