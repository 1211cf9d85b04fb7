// SPDX-License-Identifier: ISC
#include "command/proof.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "protocol/payload.h"

static in_port_t proof_port(const struct endpoint *e)
{
    return e->address.any.sa_family == AF_INET ? e->address.v4.sin_port : e->address.v6.sin6_port;
}

bool proof_find_service(const struct config *config, struct endpoint *endpoint_r)
{
    struct endpoint *e = endpoint_r;

    if (config->service_count == 0 || config->service->listen.count == 0 ||
            !endpoint_parse(config->service->listen.at[0].at, e) || proof_port(e) == 0)
        return false;
    if (e->wildcard) { /* IPv4 is there on every machine */
        const in_port_t port = proof_port(e);
        *e = (struct endpoint){.len = sizeof e->address.v4};
        e->address.v4.sin_family = AF_INET;
        e->address.v4.sin_port = port;
    }
    if (e->address.any.sa_family == AF_INET && e->address.v4.sin_addr.s_addr == INADDR_ANY)
        e->address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (e->address.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&e->address.v6.sin6_addr))
        e->address.v6.sin6_addr = in6addr_loopback;
    return true;
}

/* A question with a stamp in it: it points into itself and must not move. */
struct proof_question {
    struct question question;
    char payload[PAYLOAD_TEXT_MAX];
};

/* False when it cannot be sealed. */
static bool proof_make(const struct shared_key *key, const struct address *user, uint64_t issued,
        struct proof_question *question_r)
{
    char receiving[DOMAIN_MAX + sizeof ":1"];
    unsigned char nonce[PAYLOAD_NONCE];
    struct writer w = writer_of(question_r->payload, sizeof question_r->payload);
    const struct text domain = address_domain(user);

    randombytes_buf(nonce, sizeof nonce);
    snprintf(receiving, sizeof receiving, "%.*s:1", (int)domain.len, domain.at);
    const struct payload payload = {.host = text_of(key->host),
            .receiving = text_of(receiving),
            .issued = issued,
            .user = address_text(user),
            .digest = text_of("-")};
    question_r->question = (struct question){.user = *user, .named = true};
    if (!payload_seal(key, nonce, &payload, &w))
        return false;
    question_r->question.payload = writer_text(&w);
    question_r->question.rcpt = address_domain(&question_r->question.user);
    return true;
}

void proof_ask(const struct endpoint *endpoint, const struct shared_key *key,
        const struct address *user, uint64_t issued, struct client_outcome *outcome_r)
{
    struct proof_question q;

    *outcome_r = (struct client_outcome){.verdict = VERDICT_TEMPERROR, .step = CLIENT_FAILURE};
    if (proof_make(key, user, issued, &q))
        client_ask_at(endpoint, 1, &q.question, mono_ms() + CLIENT_TIMEOUT, outcome_r);
}

void proof_ask_through(const struct verify_setup *setup, const struct shared_key *key,
        const struct address *user, uint64_t issued, struct client_outcome *outcome_r)
{
    struct proof_question q;

    *outcome_r = (struct client_outcome){.verdict = VERDICT_TEMPERROR, .step = CLIENT_FAILURE};
    if (proof_make(key, user, issued, &q))
        client_ask(setup->client, verifier_policy(setup->verifier), &q.question, q.question.ip,
                outcome_r);
}

void proof_text(const struct client_outcome *outcome, char text_r[PROOF_TEXT_MAX])
{
    char error[DISCOVERY_ERROR_MAX];

    if (outcome->verdict == VERDICT_TEMPERROR) {
        client_outcome_text(outcome, error, sizeof error);
        snprintf(text_r, PROOF_TEXT_MAX, "no answer: %s", error);
    } else {
        snprintf(text_r, PROOF_TEXT_MAX, "%s %s", verdict_name(outcome->verdict),
                reason_name(outcome->reason));
    }
}
