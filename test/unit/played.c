// SPDX-License-Identifier: ISC
#include "played.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit.h"

struct played_name played_names[PLAYED_NAMES];

static size_t names_count;

void discovery_find(struct discovery *discovery, struct text domain, uint64_t deadline,
        struct discovery_answer *answer_r)
{
    assert_null(discovery);
    *answer_r = (struct discovery_answer){.result = DISCOVERY_ERROR, .cause = "no such test"};
    for (size_t i = 0; i < names_count; i++) {
        if (!text_equal(domain, text_of(played_names[i].domain)))
            continue;
        *answer_r = played_names[i].answer;
        while (played_names[i].leaves > 0 &&
                clock_milliseconds() + played_names[i].leaves < deadline)
            usleep(1000);
    }
}

struct played_name *played_name(const char *domain, enum discovery_result result)
{
    struct played_name *named = &played_names[names_count++];

    *named = (struct played_name){.domain = domain, .answer = {.result = result, .secure = true}};
    return named;
}

void played_add_server(struct played_name *named, struct endpoint endpoint)
{
    struct discovery_server *server = &named->answer.servers[named->answer.count++];

    server->endpoint = endpoint;
    strcpy(server->target, "service.test");
}

struct played_name *played_name_at(const char *domain, const struct answering *service)
{
    struct played_name *named = played_name(domain, DISCOVERY_FOUND);

    played_add_server(named, answering_endpoint(service));
    return named;
}

struct played played_begin(void)
{
    struct played here = {.client = client_init(NULL)};

    names_count = 0;
    assert_non_null(here.client);
    assert_true(network_parse("127.0.0.0/8", &here.loopback));
    here.policy = (struct client_policy){.timeout = PLAYED_LONG,
            .budget_per_domain = CLIENT_BUDGET_PER_DOMAIN,
            .budget_per_address = CLIENT_BUDGET_PER_ADDRESS};
    return here;
}

struct client_outcome played_ask_with(
        const struct played *here, const char *user, const struct client_question *about)
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

struct client_outcome played_ask(const struct played *here, const char *user, const char *payload)
{
    return played_ask_with(here, user, &(struct client_question){.payload = text_of(payload)});
}

void played_expect(const struct played *here, const char *user, const char *payload,
        enum verdict verdict, enum client_step step)
{
    const struct client_outcome got = played_ask(here, user, payload);

    if (got.verdict != verdict || got.step != step) {
        print_error("%s %s: got %s by %s, want %s by %s\n", user, payload,
                verdict_name(got.verdict), client_step_word(got.step), verdict_name(verdict),
                client_step_word(step));
        fail();
    }
}

void played_end(struct played *here)
{
    client_free(&here->client);
    client_free(&here->client);
}
