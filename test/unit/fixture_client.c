// SPDX-License-Identifier: ISC
#include "fixture_client.h"

#include <stdlib.h>

#include "unit.h"

struct fixture_client fixture_client_begin(void)
{
    const struct discovery_options options = {.resolver = NULL};
    char error[DISCOVERY_ERROR_MAX];
    struct fixture_client here = {.client = client_init(&options, error)};

    fake_dns_clear();
    assert_non_null(here.client);
    assert_true(network_parse("127.0.0.0/8", &here.loopback));
    here.policy = (struct client_policy){.timeout = FIXTURE_CLIENT_LONG,
            .budget_per_domain = CLIENT_BUDGET_PER_DOMAIN,
            .budget_per_address = CLIENT_BUDGET_PER_ADDRESS};
    return here;
}

struct client_outcome fixture_client_ask_with(
        const struct fixture_client *here, const char *user, const struct question *about)
{
    struct question question = *about;
    struct client_policy policy = here->policy;
    struct client_outcome outcome;

    policy.acl.networks = &here->loopback;
    policy.acl.networks_count = 1;
    if (!address_parse(text_of(user), text_of(""), &question.user))
        abort();
    client_ask(
            here->client, &policy, &question, text_of(here->ip != NULL ? here->ip : ""), &outcome);
    return outcome;
}

struct client_outcome fixture_client_ask(
        const struct fixture_client *here, const char *user, const char *payload)
{
    return fixture_client_ask_with(here, user, &(struct question){.payload = text_of(payload)});
}

void fixture_client_expect(const struct fixture_client *here, const char *user, const char *payload,
        enum verdict verdict, enum client_step step)
{
    const struct client_outcome got = fixture_client_ask(here, user, payload);

    if (got.verdict != verdict || got.step != step) {
        print_error("%s %s: got %s by %s, want %s by %s\n", user, payload,
                verdict_name(got.verdict), client_step_word(got.step), verdict_name(verdict),
                client_step_word(step));
        fail();
    }
}

void fixture_client_end(struct fixture_client *here)
{
    client_free(&here->client);
    client_free(&here->client);
}
