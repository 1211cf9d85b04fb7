// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "base/network.h"
#include "client/client.h"
#include "library/conversation.h"
#include "library/output.h"
#include "protocol/question.h"

_Static_assert(VERIMAIL_SERVER_SIZE == ENDPOINT_TEXT_MAX, "room for any address");
_Static_assert(VERIMAIL_TARGET_SIZE == DOMAIN_MAX + 1, "room for any name");
_Static_assert(VERIMAIL_CAUSE_SIZE == DISCOVERY_ERROR_MAX, "room for any cause");

struct verimail_checker {
    struct discovery *discovery;
    struct client *client;
    struct client_policy policy;
    struct network *networks; /* the policy's, and so is the next */
    uint16_t *ports;
};

static enum verimail_result take_reach(
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
    checker->policy.reach = (struct target_acl){checker->networks, networks, checker->ports, ports};
    return VERIMAIL_OK;
}

static uint32_t or_default(unsigned value, uint32_t default_value)
{
    return value > 0 ? value : default_value;
}

static void take_limits(
        const struct verimail_checker_options *options, struct client_policy *policy)
{
    policy->timeout = or_default(options->timeout, CLIENT_TIMEOUT);
    policy->budget_per_domain = or_default(options->budget_per_domain, CLIENT_BUDGET_PER_DOMAIN);
    policy->budget_per_address = or_default(options->budget_per_address, CLIENT_BUDGET_PER_ADDRESS);
}

static enum verimail_result checker_make(
        const struct verimail_checker_options *options, struct verimail_checker *checker)
{
    const struct discovery_options discovery = {
            .resolver = options->resolver,
            .trust_anchors = options->trust_anchors,
            .trust_anchors_count = options->trust_anchors_count,
    };
    char cause[DISCOVERY_ERROR_MAX];
    const enum verimail_result result = take_reach(options, checker);

    take_limits(options, &checker->policy);
    if (result != VERIMAIL_OK)
        return result;
    checker->discovery = discovery_init(&discovery, cause);
    if (checker->discovery == NULL)
        return VERIMAIL_RESOLVER;
    checker->client = client_init(checker->discovery);
    return checker->client != NULL ? VERIMAIL_OK : VERIMAIL_MEMORY;
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
    discovery_free(&(*checker)->discovery);
    free((*checker)->networks);
    free((*checker)->ports);
    free(*checker);
    *checker = NULL;
}

/* Where the answer came from, or why there is none. */
static void checker_describe(
        const struct client_outcome *outcome, struct verimail_outcome *outcome_r)
{
    const struct asking *asking = &outcome->asking;

    if (asking->connected) {
        const struct discovery_server *server = &outcome->discovery.servers[asking->which];
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
    char line[VERIMAIL_QUESTION_SIZE];
    struct question question;
    struct client_outcome outcome;
    size_t len;

    *outcome_r = (struct verimail_outcome){.verdict = VERIMAIL_VERDICT_TEMPERROR};
    const enum verimail_result result =
            verimail_question(user, payload, rcpt, rcpt_count, digest, ip, line, sizeof line, &len);
    if (result != VERIMAIL_OK)
        return result;
    if (!question_parse((struct text){line, len}, text_of(""), &question))
        return VERIMAIL_USER;
    const struct client_question about = {
            .author = &question.user,
            .payload = payload != NULL ? question.payload : text_of(""),
            .rcpt = question.rcpt,
            .digest = question.digest,
            .ip = question.ip,
    };
    client_ask(checker->client, &checker->policy, &about, &outcome);
    outcome_r->verdict = conversation_verdict(outcome.verdict);
    outcome_r->reason = conversation_reason(outcome.reason);
    outcome_r->too_many = outcome.step == CLIENT_BUDGET;
    outcome_r->dns_secure = outcome.secure;
    outcome_r->milliseconds = outcome.milliseconds;
    checker_describe(&outcome, outcome_r);
    return VERIMAIL_OK;
}
