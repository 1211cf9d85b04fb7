// SPDX-License-Identifier: ISC
#include "command/explain.h"

#include <string.h>

#include "base/date.h"
#include "command/escape.h"
#include "protocol/receiving.h"

struct seen {
    FILE *out;
    const struct query *query;
    const struct judge *judge;
    const struct judgement *judgement;
};

/* `before`, then somebody's text. */
static void steps_say(const struct seen *s, const char *before, struct text t)
{
    fputs(before, s->out);
    escape_put(s->out, t);
}

static void steps_say_time(const struct seen *s, const char *before, uint64_t unix_seconds)
{
    char date[DATE_TEXT_MAX];

    date_format(unix_seconds, date);
    fprintf(s->out, "%s%llu%s%s", before, (unsigned long long)unix_seconds,
            date[0] != '\0' ? " " : "", date);
}

static struct text steps_domain_of(const struct seen *s)
{
    return address_domain(&s->query->question.user);
}

static void describe_payload(const struct seen *s)
{
    switch (s->judge->payload_state) {
    case PAYLOAD_STATE_ABSENT:
        fputs("the question carries no payload", s->out);
        break;
    case PAYLOAD_STATE_UNOPENED:
        fprintf(s->out, "the payload %s",
                s->query->classic_key != NULL
                        ? "has the form of 2013, but the domain's classic_key does not open it"
                        : payload_result_text(s->query->payload_result));
        break;
    case PAYLOAD_STATE_SEALED:
        steps_say(s, "opened with the key of ", s->judge->sealed->host);
        steps_say(s, "; user in the payload ", s->judge->sealed->user);
        steps_say(s, ", in the question ", address_text(&s->query->question.user));
        break;
    case PAYLOAD_STATE_CLASSIC:
        fputs("opened with the domain's classic_key; it names no user", s->out);
        break;
    }
}

static void describe_domain(const struct seen *s)
{
    const struct domain_policy *policy = s->judgement->policy;
    const struct domain_policy *parent = rules_parent(s->judge->rules, steps_domain_of(s));

    steps_say(s, "", steps_domain_of(s));
    if (policy != NULL && policy == parent)
        fprintf(s->out, " is the name of a sending host, which has the rules of %s", policy->name);
    else if (policy != NULL)
        fputs(" is in the configuration", s->out);
    else if (parent != NULL)
        fprintf(s->out, " is not in the configuration, but %s above it is, with subdomains = %s",
                parent->name, parent->subdomains ? "true" : "false");
    else
        fputs(" is not in the configuration, and no domain above it", s->out);
}

static void describe_user(const struct seen *s)
{
    steps_say(s, "", address_local(&s->query->question.user));
    if (strcmp(s->judgement->cause, "users") == 0)
        fputs(": the table of users cannot be read", s->out);
    else if (s->judgement->rule != NULL)
        steps_say(s, " has the rule of user ", s->judgement->matched);
    else
        fputs(" has no rule, and there is none for *", s->out);
}

static void describe_leniency(const struct seen *s)
{
    if (s->judge->payload_state != PAYLOAD_STATE_ABSENT) {
        fputs("the question carries a payload", s->out);
        return;
    }
    const bool lenient = s->judgement->rule != NULL && s->judgement->rule->allow_unauthorized;
    fprintf(s->out, "the payload is -, and allow_unauthorized = %s", lenient ? "true" : "false");
}

static void say_hosts(const struct seen *s, const struct host_list *hosts, const char *before)
{
    fputs(before, s->out);
    for (size_t i = 0; i < hosts->count; i++)
        fprintf(s->out, "%s%s", i > 0 ? ", " : "", hosts->names[i]);
    if (hosts->count == 0)
        fputs("nobody", s->out);
}

static void describe_stamp(const struct seen *s)
{
    const struct rule *rule = s->judgement->rule;

    steps_say(s, "sent by ", query_host(s->query));
    if (rule == NULL) {
        fputs("; the user has no rule", s->out);
        return;
    }
    if (rule->mode != RULE_HOSTS_ONLY)
        say_hosts(s, &s->judgement->policy->hosts, "; the domain permits ");
    if (rule->mode == RULE_HOSTS_MORE)
        say_hosts(s, &rule->hosts, "; the rule permits as well ");
    if (rule->mode == RULE_HOSTS_ONLY)
        say_hosts(s, &rule->hosts,
                rule->hosts.count > 0 ? "; the rule permits only " : "; the rule permits ");
    if (rules_host_expires(s->judge->rules, query_host(s->query)) > 0)
        steps_say_time(s, "; that host is permitted until ",
                rules_host_expires(s->judge->rules, query_host(s->query)));
    if (rule->not_before == 0 || s->judge->payload_state != PAYLOAD_STATE_SEALED)
        return;
    steps_say_time(s, "; issued ", s->judge->sealed->issued);
    steps_say_time(s, "; what was issued before ", rule->not_before);
    fputs(" is taken back", s->out);
}

static void describe_form(const struct seen *s)
{
    if (s->judge->payload_state == PAYLOAD_STATE_CLASSIC)
        fprintf(s->out, "the payload is one of 2013, in a question %s names",
                s->query->question.named ? "with" : "without");
    else
        fputs("the payload is a sealed one", s->out);
}

static void describe_time(const struct seen *s)
{
    const unsigned long long now = s->judge->unix_now;
    const unsigned long long issued = s->judge->sealed->issued;

    steps_say_time(s, "issued ", issued);
    fprintf(s->out, ", %llu s %s; good for %llu s, and %d s ahead",
            issued > now ? issued - now : now - issued, issued > now ? "ahead" : "ago",
            (unsigned long long)s->judgement->policy->lifetime, JUDGE_FUTURE);
    if (s->judge->purged > 0)
        fprintf(s->out, "; counts go back to %llu", (unsigned long long)s->judge->purged);
}

static void describe_digest(const struct seen *s)
{
    if (s->query->question.digest.len == 0)
        fputs("the question has no digest", s->out);
    else
        steps_say(s, "digest in the question ", s->query->question.digest);
    steps_say(s, "; in the payload ", s->judge->sealed->digest);
}

static void describe_receiving(const struct seen *s)
{
    if (s->query->question.rcpt.len == 0)
        fputs("the question names no receiving domain", s->out);
    else
        steps_say(s, "received for ", s->query->question.rcpt);
    steps_say(s, "; made for ", s->judge->sealed->receiving);
}

/* Step 7 finds three things together. */
static void describe_fit(const struct seen *s)
{
    describe_time(s);
    fputs("; ", s->out);
    describe_digest(s);
    fputs("; ", s->out);
    describe_receiving(s);
}

static void describe_allowance(const struct seen *s, const char *before, struct text domain)
{
    const struct text receiving = s->judge->sealed->receiving;
    const unsigned long long checks = s->judgement->policy->checks_per_recipient;
    struct reader r = reader_of(receiving);
    uint64_t recipients = receiving_recipients(receiving, domain);
    struct text named;
    uint32_t more = 0;

    while (domain.len == 0 && receiving_next(&r, &named, &more))
        recipients += more;
    fprintf(s->out, "%s%llu times", before, checks * recipients);
    steps_say(s, domain.len > 0 ? " for " : " in all", domain);
}

/* The counts are those of count_request_make(). */
static void describe_allowances(const struct seen *s)
{
    const struct text receiving = s->judge->sealed->receiving;
    struct reader domains = reader_of(s->query->question.rcpt);
    const char *before = "nothing is counted here; a service that counts says YES ";

    if (domains.rest.len == 0 || (receiving.len > 0 && receiving.at[0] == '*')) {
        describe_allowance(s, before, (struct text){NULL, 0});
        return;
    }
    while (domains.rest.len > 0) {
        describe_allowance(s, before, reader_field(&domains, ','));
        before = ", ";
    }
}

static void describe_end(const struct seen *s)
{
    fputs("no: all above passed", s->out);
}

void steps_describe(FILE *out, unsigned number, const struct query *query)
{
    static void (*const describe[])(const struct seen *) = {
            [1] = describe_payload,
            [2] = describe_domain,
            [3] = describe_user,
            [4] = describe_leniency,
            [5] = describe_stamp,
            [6] = describe_form,
            [7] = describe_fit,
            [8] = describe_allowances,
            [9] = describe_end,
    };
    const struct seen seen = {out, query, &query->judge, &query->judgement};

    if (number > 0 && number < sizeof describe / sizeof *describe)
        describe[number](&seen);
}
