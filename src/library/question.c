// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdlib.h>

#include "base/charset.h"
#include "base/clock.h"
#include "base/network.h"
#include "client/client.h"
#include "client/target_acl.h"
#include "client/uncertain.h"
#include "library/output.h"
#include "protocol/answer.h"
#include "protocol/digest.h"
#include "protocol/domain.h"
#include "protocol/stamp.h"

_Static_assert(VERIMAIL_SERVER_SIZE == ENDPOINT_TEXT_MAX, "room for any address");
_Static_assert(VERIMAIL_TARGET_SIZE == DOMAIN_MAX + 1, "room for any name");
_Static_assert(VERIMAIL_CAUSE_SIZE == DISCOVERY_ERROR_MAX, "room for any cause");
_Static_assert(VERIMAIL_QUESTION_SIZE == QUESTION_MAX + 1, "room for any question");
_Static_assert(VERIMAIL_ANSWER_MAX == ANSWER_MAX, "any answer");
/* ` rcpt=` and the like, spaces and line end need less than 100: a question of parts that are
 * within their limits is within its own. */
_Static_assert(ADDRESS_MAX + STAMP_PAYLOAD_MAX + RCPT_MAX + DIGEST_TEXT + QUESTION_IP_MAX + 100 <=
                       QUESTION_MAX,
        "a question cannot be too long");

/* By the word of verimail.h. */
static const enum verdict verdicts[] = {
        [VERIMAIL_VERDICT_TEMPERROR] = VERDICT_TEMPERROR,
        [VERIMAIL_VERDICT_YES] = VERDICT_YES,
        [VERIMAIL_VERDICT_ALLOW] = VERDICT_ALLOW,
        [VERIMAIL_VERDICT_NO] = VERDICT_NO,
        [VERIMAIL_VERDICT_NONE] = VERDICT_NONE,
        [VERIMAIL_VERDICT_PERMERROR] = VERDICT_PERMERROR,
};

static const enum reason reasons[] = {
        [VERIMAIL_REASON_NONE] = REASON_NONE,
        [VERIMAIL_REASON_STAMPED] = REASON_STAMPED,
        [VERIMAIL_REASON_REDIRECTED] = REASON_REDIRECTED,
        [VERIMAIL_REASON_CHANGED] = REASON_CHANGED,
        [VERIMAIL_REASON_REPLAYED] = REASON_REPLAYED,
        [VERIMAIL_REASON_EXPIRED] = REASON_EXPIRED,
        [VERIMAIL_REASON_UNCOUNTED] = REASON_UNCOUNTED,
        [VERIMAIL_REASON_CLASSIC] = REASON_CLASSIC,
        [VERIMAIL_REASON_UNSTAMPED] = REASON_UNSTAMPED,
        [VERIMAIL_REASON_HOST] = REASON_HOST,
        [VERIMAIL_REASON_UNSERVED] = REASON_UNSERVED,
        [VERIMAIL_REASON_TESTING] = REASON_TESTING,
        [VERIMAIL_REASON_FORGED] = REASON_FORGED,
        [VERIMAIL_REASON_REFUSED] = REASON_REFUSED,
};

#define VERDICTS (sizeof verdicts / sizeof *verdicts)
#define REASONS (sizeof reasons / sizeof *reasons)

const char *verimail_verdict_name(enum verimail_verdict verdict)
{
    return (size_t)verdict < VERDICTS ? verdict_name(verdicts[verdict]) : "";
}

const char *verimail_reason_name(enum verimail_reason reason)
{
    return (size_t)reason < REASONS ? reason_name(reasons[reason]) : "";
}

/* False when one is no domain, wherever it stands. */
static bool question_read_rcpt(const char *const *domains, size_t count, struct rcpt *rcpt_r)
{
    *rcpt_r = (struct rcpt){0};
    for (size_t i = 0; i < count; i++) {
        char ascii[DOMAIN_MAX + 1] = "*";
        if (strcmp(domains[i], ascii) != 0 && !domain_to_ascii(text_of(domains[i]), ascii))
            return false;
        rcpt_add(rcpt_r, text_of(ascii));
    }
    return true;
}

static enum verimail_result question_read(const char *user, const char *payload,
        const char *const *rcpt, size_t rcpt_count, const char *digest, const char *ip,
        struct rcpt *rcpt_r, struct question *question_r)
{
    *question_r = (struct question){
            .payload = text_of(payload != NULL ? payload : QUESTION_UNSTAMPED),
            .digest = text_of(digest != NULL ? digest : ""),
            .ip = text_of(ip != NULL ? ip : ""),
    };
    if (!address_parse(text_of(user), text_of(""), &question_r->user))
        return VERIMAIL_USER;
    if (!question_is_payload(question_r->payload) || question_r->payload.len > STAMP_PAYLOAD_MAX)
        return VERIMAIL_PAYLOAD;
    if (digest != NULL && !digest_is_text(question_r->digest))
        return VERIMAIL_DIGEST;
    if (!question_read_rcpt(rcpt, rcpt_count, rcpt_r))
        return VERIMAIL_RCPT;
    if (ip != NULL && !question_is_ip(question_r->ip))
        return VERIMAIL_IP;
    question_r->rcpt = rcpt_text(rcpt_r);
    return VERIMAIL_OK;
}

enum verimail_result verimail_question(const char *user, const char *payload,
        const char *const *rcpt, size_t rcpt_count, const char *digest, const char *ip,
        char *line_r, size_t line_size, size_t *line_len_r)
{
    char buffer[QUESTION_MAX];
    struct writer line = writer_of(buffer, sizeof buffer);
    struct rcpt domains;
    struct question question;

    output_clear(line_r, line_size);
    *line_len_r = 0;
    enum verimail_result result =
            question_read(user, payload, rcpt, rcpt_count, digest, ip, &domains, &question);
    if (result != VERIMAIL_OK)
        return result;
    (void)!question_format(&question, &line); /* all of it was checked */
    result = output_put(writer_text(&line), line_r, line_size);
    if (result == VERIMAIL_OK)
        *line_len_r = writer_text(&line).len;
    return result;
}

static enum verimail_verdict question_verdict_of(enum verdict verdict)
{
    size_t i = 0;

    while (i < VERDICTS && verdicts[i] != verdict)
        i++;
    return i < VERDICTS ? (enum verimail_verdict)i : VERIMAIL_VERDICT_TEMPERROR;
}

static enum verimail_reason question_reason_of(enum reason reason)
{
    size_t i = 0;

    while (i < REASONS && reasons[i] != reason)
        i++;
    return i < REASONS ? (enum verimail_reason)i : VERIMAIL_REASON_NONE;
}

enum verimail_result verimail_answer(const char *payload, const char *line, size_t line_len,
        enum verimail_verdict *verdict_r, enum verimail_reason *reason_r, uint32_t *ttl_r,
        bool *scope_domain_r)
{
    struct answer answer;
    const bool ok = answer_parse((struct text){line, line_len}, payload != NULL, &answer);

    *verdict_r = question_verdict_of(answer.verdict);
    *reason_r = question_reason_of(answer.reason);
    *ttl_r = answer.ttl;
    *scope_domain_r = answer.scope_domain;
    return ok ? VERIMAIL_OK : VERIMAIL_ANSWER;
}

/* Checking */

struct verimail_checker {
    struct client *client;
    struct client_policy policy;
    struct network *networks; /* `policy` borrows these two */
    uint16_t *ports;
};

static enum verimail_result checker_read_acl(
        const struct verimail_checker_options *options, struct verimail_checker *checker)
{
    const size_t networks = options->allow_networks_count;
    const size_t ports = options->allow_ports_count;

    checker->networks = calloc(networks + 1, sizeof *checker->networks);
    checker->ports = calloc(ports + 1, sizeof *checker->ports);
    if (checker->networks == NULL || checker->ports == NULL)
        return VERIMAIL_MEMORY;
    for (size_t i = 0; i < networks; i++)
        if (!network_parse(options->allow_networks[i], &checker->networks[i]))
            return VERIMAIL_NETWORK;
    for (size_t i = 0; i < ports; i++)
        checker->ports[i] = options->allow_ports[i];
    checker->policy.acl = (struct target_acl){checker->networks, networks, checker->ports, ports};
    return VERIMAIL_OK;
}

static enum verimail_result checker_read_peers(
        const struct verimail_checker_options *options, struct peers *peers_r)
{
    enum verimail_result result = VERIMAIL_OK;
    struct peer *peers = calloc(options->peers_count + 1, sizeof *peers);

    if (peers == NULL)
        return VERIMAIL_MEMORY;
    for (size_t i = 0; i < options->peers_count; i++) {
        const struct verimail_peer *peer = &options->peers[i];
        if (!domain_to_ascii(text_of(peer->domain), peers[i].domain) ||
                !endpoint_parse(peer->address, &peers[i].endpoint) ||
                !endpoint_is_target(&peers[i].endpoint))
            result = VERIMAIL_PEER;
        peers[i].has_key = peer->key != NULL;
        if (peer->key != NULL &&
                key_parse(text_of(peer->key), KEY_ANSWER_PUBLIC, peers[i].key) != KEY_OK)
            result = VERIMAIL_PEER;
    }
    if (result == VERIMAIL_OK && !peers_init(peers_r, peers, options->peers_count))
        result = VERIMAIL_MEMORY;
    free(peers);
    return result;
}

static uint32_t checker_or_default(unsigned value, uint32_t default_value)
{
    return value > 0 ? value : default_value;
}

static void checker_read_limits(
        const struct verimail_checker_options *options, struct client_policy *policy)
{
    policy->timeout = checker_or_default(options->timeout, CLIENT_TIMEOUT);
    policy->budget_per_domain =
            checker_or_default(options->budget_per_domain, CLIENT_BUDGET_PER_DOMAIN);
    policy->budget_per_address =
            checker_or_default(options->budget_per_address, CLIENT_BUDGET_PER_ADDRESS);
}

static enum verimail_result checker_make(
        const struct verimail_checker_options *options, struct verimail_checker *checker)
{
    const struct discovery_options discovery = {
            .resolver = options->resolver,
            .trust_anchors = options->trust_anchors,
            .trust_anchors_count = options->trust_anchors_count,
    };
    char error[DISCOVERY_ERROR_MAX];
    enum verimail_result result = checker_read_acl(options, checker);

    if (result == VERIMAIL_OK)
        result = checker_read_peers(options, &checker->policy.peers);
    checker_read_limits(options, &checker->policy);
    if (result != VERIMAIL_OK)
        return result;
    checker->client = client_init(&discovery, error);
    if (checker->client == NULL)
        return errno == ENOMEM ? VERIMAIL_MEMORY : VERIMAIL_RESOLVER;
    return VERIMAIL_OK;
}

enum verimail_result verimail_checker_new(
        const struct verimail_checker_options *options, struct verimail_checker **checker_r)
{
    const struct verimail_checker_options defaults = {0};
    enum verimail_result result = verimail_init();

    *checker_r = NULL;
    if (result != VERIMAIL_OK)
        return result;
    *checker_r = calloc(1, sizeof **checker_r);
    if (*checker_r == NULL)
        return VERIMAIL_MEMORY;
    result = checker_make(options != NULL ? options : &defaults, *checker_r);
    if (result != VERIMAIL_OK)
        verimail_checker_free(checker_r);
    return result;
}

void verimail_checker_free(struct verimail_checker **checker)
{
    if (*checker == NULL)
        return;
    client_free(&(*checker)->client);
    free((*checker)->networks);
    free((*checker)->ports);
    peers_free(&(*checker)->policy.peers);
    free(*checker);
    *checker = NULL;
}

/* Where the answer came from, or why there is none. */
static void checker_describe(
        const struct client_outcome *outcome, struct verimail_outcome *outcome_r)
{
    const struct attempt *attempt = &outcome->attempt;

    if (attempt->connected) {
        const struct discovery_server *server = &outcome->discovery.servers[attempt->which];
        endpoint_format(&server->endpoint, outcome_r->server);
        (void)output_put(text_of(server->target), outcome_r->target, sizeof outcome_r->target);
    }
    if (outcome->verdict == VERDICT_TEMPERROR)
        client_outcome_text(outcome, outcome_r->cause, sizeof outcome_r->cause);
}

enum verimail_result verimail_check(struct verimail_checker *checker, const char *user,
        const char *payload, const char *const *rcpt, size_t rcpt_count, const char *digest,
        const char *ip, struct verimail_outcome *outcome_r)
{
    struct rcpt domains;
    struct question question;
    struct client_outcome outcome;

    *outcome_r = (struct verimail_outcome){.verdict = VERIMAIL_VERDICT_TEMPERROR};
    const enum verimail_result result =
            question_read(user, payload, rcpt, rcpt_count, digest, ip, &domains, &question);
    if (result != VERIMAIL_OK)
        return result;
    client_ask(checker->client, &checker->policy, &question, question.ip, &outcome);
    outcome_r->verdict = question_verdict_of(outcome.verdict);
    outcome_r->reason = question_reason_of(outcome.reason);
    outcome_r->shortage = client_is_short(outcome.step);
    outcome_r->peer = outcome.is_peer;
    outcome_r->defer = outcome.defer;
    outcome_r->dns_secure = outcome.secure;
    outcome_r->sealed = outcome.sealed;
    outcome_r->authenticated = outcome.authenticated;
    outcome_r->milliseconds = outcome.milliseconds;
    checker_describe(&outcome, outcome_r);
    return VERIMAIL_OK;
}

/* Our own domains, with room for their text. */
struct own {
    char (*texts)[DOMAIN_MAX + 1];
    struct text *domains;
};

static enum verimail_result checker_read_own(
        const char *const *names, size_t count, struct own *own_r)
{
    *own_r = (struct own){
            calloc(count + 1, sizeof *own_r->texts), calloc(count + 1, sizeof *own_r->domains)};
    if (own_r->texts == NULL || own_r->domains == NULL)
        return VERIMAIL_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (!domain_to_ascii(text_of(names[i]), own_r->texts[i]))
            return VERIMAIL_OWN;
        own_r->domains[i] = text_of(own_r->texts[i]);
    }
    return VERIMAIL_OK;
}

static void checker_conclude(
        enum uncertain_result result, const char *domain, struct verimail_outcome *outcome_r)
{
    struct writer cause = writer_of(outcome_r->cause, sizeof outcome_r->cause - 1);

    if (result == UNCERTAIN_NONE) {
        outcome_r->verdict = VERIMAIL_VERDICT_NONE;
        return;
    }
    if (result < UNCERTAIN_UNKNOWN)
        outcome_r->verdict = VERIMAIL_VERDICT_PERMERROR;
    else
        outcome_r->shortage = true;
    writer_string(&cause, domain[0] != '\0' && strlen(domain) < 60 ? domain : "a domain");
    writer_char(&cause, ' ');
    writer_string(&cause, uncertain_text(result));
    *cause.at = '\0';
}

enum verimail_result verimail_check_uncertain(struct verimail_checker *checker,
        const struct verimail_from *fields, size_t fields_count, const char *sender,
        const char *const *own, size_t own_count, const char *ip,
        struct verimail_outcome *outcome_r)
{
    const uint64_t began = mono_ms();
    struct candidates candidates = {.lacks_domain = fields_count == 0};
    char domain[DOMAIN_MAX + 1];
    struct own ours;

    *outcome_r = (struct verimail_outcome){.verdict = VERIMAIL_VERDICT_TEMPERROR};
    if (ip != NULL && !question_is_ip(text_of(ip)))
        return VERIMAIL_IP;
    const enum verimail_result result = checker_read_own(own, own_count, &ours);
    for (size_t i = 0; result == VERIMAIL_OK && i < fields_count; i++)
        candidates_add_from(
                &candidates, (struct text){fields[i].value, fields[i].len}, charset_decode);
    if (result == VERIMAIL_OK) {
        const struct uncertain_ours known = {ours.domains, own_count};
        checker_conclude(uncertain_judge(checker->client, &checker->policy, &known,
                                 text_of(sender != NULL ? sender : ""),
                                 text_of(ip != NULL ? ip : ""), &candidates, domain),
                domain, outcome_r);
    }
    free(ours.texts);
    free(ours.domains);
    outcome_r->milliseconds = mono_ms() - began;
    return result;
}
