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

void proof_ask(const struct endpoint *endpoint, const struct shared_key *key,
        const struct address *user, uint64_t issued, struct client_outcome *outcome_r)
{
    char receiving[DOMAIN_MAX + sizeof ":1"];
    char octets[PAYLOAD_TEXT_MAX];
    unsigned char nonce[PAYLOAD_NONCE];
    struct writer w = writer_of(octets, sizeof octets);
    const struct text domain = address_domain(user);

    *outcome_r = (struct client_outcome){.verdict = VERDICT_TEMPERROR, .step = CLIENT_FAILURE};
    randombytes_buf(nonce, sizeof nonce);
    snprintf(receiving, sizeof receiving, "%.*s:1", (int)domain.len, domain.at);
    const struct payload payload = {.host = text_of(key->host),
            .receiving = text_of(receiving),
            .issued = issued,
            .user = address_text(user),
            .digest = text_of("-")};
    if (!payload_seal(key, nonce, &payload, &w))
        return;
    const struct question question = {
            .user = *user, .payload = writer_text(&w), .named = true, .rcpt = domain};
    client_ask_at(endpoint, 1, &question, mono_ms() + CLIENT_TIMEOUT, outcome_r);
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
