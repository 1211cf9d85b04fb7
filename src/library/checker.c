// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdlib.h>

#include "base/network.h"
#include "client/client.h"
#include "library/conversation.h"
#include "library/output.h"

_Static_assert(VERIMAIL_SERVER_SIZE == ENDPOINT_TEXT_MAX, "room for any address");
_Static_assert(VERIMAIL_TARGET_SIZE == DOMAIN_MAX + 1, "room for any name");
_Static_assert(VERIMAIL_CAUSE_SIZE == DISCOVERY_ERROR_MAX, "room for any cause");

struct verimail_checker {
    struct client *client;
    struct client_policy policy;
    struct network *networks; /* `policy` borrows these two */
    uint16_t *ports;
};

static enum verimail_result checker_read_reach(
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
    const enum verimail_result result = checker_read_reach(options, checker);

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
            conversation_read(user, payload, rcpt, rcpt_count, digest, ip, &domains, &question);
    if (result != VERIMAIL_OK)
        return result;
    client_ask(checker->client, &checker->policy, &question, &outcome);
    outcome_r->verdict = conversation_verdict(outcome.verdict);
    outcome_r->reason = conversation_reason(outcome.reason);
    outcome_r->too_many = outcome.step == CLIENT_BUDGET;
    outcome_r->dns_secure = outcome.secure;
    outcome_r->milliseconds = outcome.milliseconds;
    checker_describe(&outcome, outcome_r);
    return VERIMAIL_OK;
}
