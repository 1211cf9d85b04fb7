// SPDX-License-Identifier: ISC
#include "fixture_client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit.h"

struct fake_dns_name fake_dns_names[FAKE_DNS_NAMES];

static size_t names_count;

void discovery_find(struct discovery *discovery, struct text domain, uint64_t deadline,
        struct discovery_answer *answer_r)
{
    assert_null(discovery);
    *answer_r = (struct discovery_answer){.result = DISCOVERY_ERROR, .cause = "no such test"};
    for (size_t i = 0; i < names_count; i++) {
        if (!text_equal(domain, text_of(fake_dns_names[i].domain)))
            continue;
        *answer_r = fake_dns_names[i].answer;
        while (fake_dns_names[i].leaves > 0 &&
                clock_milliseconds() + fake_dns_names[i].leaves < deadline)
            usleep(1000);
    }
}

struct fake_dns_name *fake_dns_name(const char *domain, enum discovery_result result)
{
    struct fake_dns_name *named = &fake_dns_names[names_count++];

    *named = (struct fake_dns_name){.domain = domain, .answer = {.result = result, .secure = true}};
    return named;
}

void fake_dns_add_server(struct fake_dns_name *named, struct endpoint endpoint)
{
    struct discovery_server *server = &named->answer.servers[named->answer.count++];

    server->endpoint = endpoint;
    strcpy(server->target, "service.test");
}

struct fake_dns_name *fake_dns_service(const char *domain, const struct fake_service *service)
{
    struct fake_dns_name *named = fake_dns_name(domain, DISCOVERY_FOUND);

    fake_dns_add_server(named, fake_service_endpoint(service));
    return named;
}

struct fixture_client fixture_client_begin(void)
{
    struct fixture_client here = {.client = client_init(NULL)};

    names_count = 0;
    assert_non_null(here.client);
    assert_true(network_parse("127.0.0.0/8", &here.loopback));
    here.policy = (struct client_policy){.timeout = FIXTURE_CLIENT_LONG,
            .budget_per_domain = CLIENT_BUDGET_PER_DOMAIN,
            .budget_per_address = CLIENT_BUDGET_PER_ADDRESS};
    return here;
}

struct client_outcome fixture_client_ask_with(
        const struct fixture_client *here, const char *user, const struct client_question *about)
{
    struct client_question question = *about;
    struct client_policy policy = here->policy;
    struct client_outcome outcome;
    struct address author;

    policy.reach.networks = &here->loopback;
    policy.reach.networks_count = 1;
    if (!address_parse(text_of(user), text_of(""), &author))
        abort();
    question.author = &author;
    client_ask(here->client, &policy, &question, &outcome);
    return outcome;
}

struct client_outcome fixture_client_ask(
        const struct fixture_client *here, const char *user, const char *payload)
{
    return fixture_client_ask_with(
            here, user, &(struct client_question){.payload = text_of(payload)});
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
