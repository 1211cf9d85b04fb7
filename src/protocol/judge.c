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
    /* Mail servers write bounces as MAILER-DAEMON@ their own name. */
    if (rules_has_host(judge->rules, domain)) {
        judgement->policy = parent;
        return false;
    }
    if (judge->payload_state == PAYLOAD_STATE_ABSENT)
        may_be_kept(judgement, parent, true);
    if (!parent->subdomains)
        return refused(judgement, "subdomain");
    return decided(judgement, VERDICT_ALLOW, REASON_UNSERVED, "");
}

static bool user_has_rule(const struct judge *judge, struct judgement *judgement)
{
    const enum rules_found found = rules_user(judge->rules, judge->lookup, judgement->policy,
            &judge->question->user, &judgement->rule, &judgement->matched);

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

static bool judge_unstamped(struct judgement *judgement, const char *cause)
{
    return decided(
            judgement, is_lenient(judgement) ? VERDICT_ALLOW : VERDICT_NO, REASON_UNSTAMPED, cause);
}

static bool message_is_stamped(const struct judge *judge, struct judgement *judgement)
{
    if (judge->payload_state != PAYLOAD_STATE_ABSENT)
        return false;
    may_be_kept(judgement, judgement->policy,
            rules_unstamped_is_uniform(judge->rules, text_of(judgement->policy->name)));
    return judge_unstamped(judgement, "");
}

/* A host that is not permitted, or no more. */
static bool host_is_refused(struct judgement *judgement, const char *cause)
{
    if (is_lenient(judgement))
        return decided(judgement, VERDICT_ALLOW, REASON_HOST, cause);
    return refused(judgement, cause[0] != '\0' ? cause : "host");
}

/* The host itself says when it issued a stamp: what counts is the time of the question. */
static bool judge_is_host_expired(const struct judge *judge, struct text host)
{
    const uint64_t expires = rules_host_expires(judge->rules, host);

    return expires > 0 && judge->unix_now >= expires;
}

static bool rule_permits_stamp(const struct judge *judge, struct judgement *judgement)
{
    const struct rule *rule = judgement->rule;
    const bool is_sealed = judge->payload_state == PAYLOAD_STATE_SEALED;
    const struct text host = is_sealed ? judge->sealed->host : judge->classic->host;

    if (rule == NULL)
        return refused(judgement, "user");
    if (!rule_permits(rule, judgement->policy, host))
        return host_is_refused(judgement, "");
    /* A payload of 2013 does not say when it was issued. */
    if (is_sealed && judge->sealed->issued < rule->not_before)
        return refused(judgement, "withdrawn");
    /* After what is withdrawn: the end of a host must not make an ALLOW of that NO. */
    if (judge_is_host_expired(judge, host))
        return host_is_refused(judgement, "host-expired");
    return false;
}

static bool payload_is_sealed(const struct judge *judge, struct judgement *judgement)
{
    if (judge->payload_state != PAYLOAD_STATE_CLASSIC)
        return false;
    if (judge->question->named)
        return decided(judgement, VERDICT_ALLOW, REASON_CLASSIC, "");
    return decided(judgement, VERDICT_YES, REASON_STAMPED, "classic");
}

static bool judge_is_old(const struct judge *judge, const struct domain_policy *policy)
{
    const uint64_t issued = judge->sealed->issued;

    return issued < judge->unix_now && judge->unix_now - issued > policy->lifetime;
}

static bool judge_is_late(const struct judge *judge, const struct domain_policy *policy)
{
    const uint64_t issued = judge->sealed->issued;

    return judge_is_old(judge, policy) || issued < judge->purged ||
           (issued > judge->unix_now && issued - judge->unix_now > JUDGE_FUTURE);
}

/* A question that names receivers and no digest does not know the only one there is today. It gets
 * no YES that binds nothing. */
static bool judge_is_changed(const struct judge *judge)
{
    const struct text asked = judge->question->digest;
    const struct text bound = judge->sealed->digest;

    if (asked.len == 0)
        return judge->question->rcpt.len > 0 && !text_equal(bound, text_of("-"));
    return asked.len != bound.len || sodium_memcmp(asked.at, bound.at, asked.len) != 0;
}

static bool judge_is_redirected(const struct judge *judge)
{
    const struct text rcpt = judge->question->rcpt;

    return rcpt.len > 0 && !receiving_covers(judge->sealed->receiving, rcpt);
}

/* All three are found before any decides. Otherwise an old stamp would hide what `deny` forbids,
 * and would lift the text of anybody to ALLOW for ever. */
static bool stamp_fits_message(const struct judge *judge, struct judgement *judgement)
{
    const struct domain_policy *policy = judgement->policy;
    const struct {
        bool found;
        bool denied;
        enum reason reason;
    } faults[] = {
            {judge_is_late(judge, policy), policy->deny_expired, REASON_EXPIRED},
            {judge_is_changed(judge), policy->deny_changed, REASON_CHANGED},
            {judge_is_redirected(judge), policy->deny_redirected, REASON_REDIRECTED},
    };
    const size_t count = sizeof faults / sizeof *faults;

    /* The reason on the wire must not tell which. */
    for (size_t i = 0; i < count; i++)
        if (faults[i].found && faults[i].denied)
            return refused(judgement, reason_name(faults[i].reason));
    if (judge_is_old(judge, policy) && judge_is_changed(judge))
        return judge_unstamped(judgement, "stale");
    for (size_t i = 0; i < count; i++)
        if (faults[i].found)
            return decided(judgement, VERDICT_ALLOW, faults[i].reason, "");
    return false;
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
        {"does the payload open, and fit the question?", payload_opens},
        {"is the user's domain served here?", domain_is_served},
        {"which rule does the user have?", user_has_rule},
        {"does the message carry a stamp?", message_is_stamped},
        {"does the rule permit the stamp?", rule_permits_stamp},
        {"is the payload a sealed one?", payload_is_sealed},
        {"is the stamp in time, and for this message and its receivers?", stamp_fits_message},
        {"is the payload within its allowance?", NULL},
        {"does anything else stand against it?", all_is_well},
};

const char *judge_about(unsigned number)
{
    return judge_steps[number - 1].about;
}

/* A domain under test answers ALLOW where it would answer NO, a forged stamp included. */
static void judge_apply_testing(const struct judge *judge, struct judgement *judgement)
{
    const struct text domain = address_domain(&judge->question->user);
    struct answer *answer = &judgement->answer;

    if (answer->verdict != VERDICT_NO)
        return;
    const struct domain_policy *policy = rules_domain(judge->rules, domain);
    if (policy == NULL)
        policy = rules_parent(judge->rules, domain);
    if (policy == NULL || !policy->testing)
        return;
    judgement->would_be = answer->reason;
    answer->verdict = VERDICT_ALLOW;
    answer->reason = REASON_TESTING;
    if (answer->ttl > JUDGE_TESTING_TTL)
        answer->ttl = JUDGE_TESTING_TTL;
}

enum judge_state judge_step(const struct judge *judge, struct judgement *judgement)
{
    bool (*decide)(const struct judge *, struct judgement *) = judge_steps[judgement->step].decide;

    /* Until a step decides, nothing may be answered. */
    if (judgement->step++ == 0)
        (void)decided(judgement, VERDICT_TEMPERROR, REASON_NONE, "");
    if (decide == NULL)
        return JUDGE_COUNT;
    if (!decide(judge, judgement))
        return JUDGE_NEXT;
    judge_apply_testing(judge, judgement);
    return JUDGE_DECIDED;
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
