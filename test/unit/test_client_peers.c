// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "client/circuit_breaker.h"
#include "client/organization.h"
#include "fixture_client.h"
#include "unit.h"

/* A client that has one peer and knows nothing of the DNS but what a test adds. No address may be
 * asked that the DNS names. */
struct site {
    struct fixture_client client;
    struct fake_service *service;
};

static struct site site_begin(
        const char *domain, enum fake_service_manner manner, const char *reply)
{
    struct site site = {.client = fixture_client_begin(),
            .service = fake_service_start("127.0.0.2", manner, reply)};
    struct peer peer = {.endpoint = fake_service_endpoint(site.service)};

    organization_load();
    (void)snprintf(peer.domain, sizeof peer.domain, "%s", domain);
    assert_true(peers_init(&site.client.policy.peers, &peer, 1));
    return site;
}

static void site_end(struct site *site)
{
    peers_free(&site->client.policy.peers);
    fake_service_stop(&site->service);
    fixture_client_end(&site->client);
}

TEST(a_peer_is_asked_without_dns)
{
    struct site site = site_begin("a.test", FAKE_SERVICE_AT_ONCE, "ALLOW changed\r\n");
    char received[FAKE_SERVICE_QUESTION_MAX];
    struct client_policy policy = site.client.policy; /* allows no loopback address */
    struct question question = {.payload = text_of("p")};
    struct client_outcome got;

    assert_true(address_parse(text_of("Alice@a.test"), text_of(""), &question.user));
    client_ask(site.client.client, &policy, &question, text_of(""), &got);
    assert_int_equal(got.verdict, VERDICT_ALLOW);
    assert_int_equal(got.step, CLIENT_ANSWERED);
    assert_true(got.is_peer && !got.secure && got.attempt.connected);
    assert_string_equal(client_source_word(&got), "peer");
    assert_string_equal(got.discovery.domain, "a.test");
    assert_string_equal(got.discovery.servers[got.attempt.which].target, "");
    fake_service_last(site.service, received);
    assert_string_equal(received, "Alice@a.test p\r\n");
    site_end(&site);
}

static const struct {
    struct unit_row row;
    const char *user;
    enum discovery_result dns; /* what the DNS says of its domain */
    enum client_step want;
    const char *source;
    bool is_peer;
} below[] = {
        {{"without a service of its own"}, "a@b.a.test", DISCOVERY_NONE, CLIENT_ANSWERED, "peer",
                true},
        {{"with one"}, "a@b.a.test", DISCOVERY_FOUND, CLIENT_ANSWERED, "service", false},
        {{"of which the DNS does not say"}, "a@b.a.test", DISCOVERY_ERROR, CLIENT_DNS, "", true},
        {{"another domain without"}, "a@b.test", DISCOVERY_NONE, CLIENT_NO_SERVICE, "", false},
        {{"another domain with one"}, "a@b.test", DISCOVERY_FOUND, CLIENT_ANSWERED, "service",
                false},
        {{"another domain of which it does not say"}, "a@b.test", DISCOVERY_ERROR, CLIENT_DNS, "",
                false},
};

/* As its SRV record would stand for it. */
TEST_EACH(a_peer_stands_for_domains_below, below)
{
    struct site site = site_begin("a.test", FAKE_SERVICE_AT_ONCE, "YES stamped\r\n");
    struct fake_service *other =
            fake_service_start("127.0.0.3", FAKE_SERVICE_AT_ONCE, "YES stamped\r\n");
    struct fake_dns_name *named = fake_dns_name(strchr(row->user, '@') + 1, row->dns);

    if (row->dns == DISCOVERY_FOUND)
        fake_dns_add_server(named, fake_service_endpoint(other));
    const struct client_outcome got = fixture_client_ask(&site.client, row->user, "p");
    assert_int_equal(got.step, row->want);
    assert_string_equal(client_source_word(&got), row->source);
    assert_int_equal(got.is_peer, row->is_peer);
    assert_int_equal(fake_service_questions(site.service), strcmp(row->source, "peer") == 0);
    assert_int_equal(fake_service_questions(other), strcmp(row->source, "service") == 0);
    fake_service_stop(&other);
    site_end(&site);
}

TEST(a_peer_is_a_service)
{
    static const struct {
        const char *domains[2];
        enum discovery_result want;
        size_t which;
    } table[] = {
            {{"x.test", "a.test"}, DISCOVERY_FOUND, 1},
            {{"b.a.test", "x.test"}, DISCOVERY_FOUND, 0},
            {{"x.test", "x.test"}, DISCOVERY_ERROR, 0},
    };
    struct site site = site_begin("a.test", FAKE_SERVICE_AT_ONCE, "");

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text domains[] = {text_of(table[i].domains[0]), text_of(table[i].domains[1])};
        size_t which = 9;
        assert_int_equal(client_find_service(site.client.client, &site.client.policy, domains, 2,
                                 text_of(""), &which),
                table[i].want);
        assert_int_equal(which, table[i].which);
    }
    site_end(&site);
}

/* A restart of our own service must not hold mail up for a minute. */
TEST(a_peer_that_refuses_is_asked_again)
{
    struct site site = site_begin("a.test", FAKE_SERVICE_NOBODY, "");

    for (unsigned i = 0; i < 3 * CIRCUIT_BREAKER_FAILURES; i++) {
        const struct client_outcome got = fixture_client_ask(&site.client, "a@a.test", "p");
        assert_int_equal(got.step, CLIENT_NO_ANSWER);
        assert_int_equal(got.verdict, VERDICT_TEMPERROR);
        assert_true(got.is_peer);
    }
    site_end(&site);
}

TEST(a_peer_that_is_silent_is_left_alone)
{
    struct site site = site_begin("a.test", FAKE_SERVICE_WHEN_RELEASED, "YES\r\n");
    struct client_outcome got = {.step = CLIENT_NO_ANSWER};

    site.client.policy.timeout = FIXTURE_CLIENT_SHORT;
    /* On a busy machine some of them may have had no time. */
    for (unsigned i = 0; i < 20 && got.step != CLIENT_RESTING; i++) {
        got = fixture_client_ask(&site.client, "a@a.test", "p");
        assert_int_equal(got.verdict, VERDICT_TEMPERROR);
        assert_true(got.is_peer);
    }
    assert_int_equal(got.step, CLIENT_RESTING);
    assert_string_equal(client_source_word(&got), "peer");
    site_end(&site);
}

/* Its domain has a budget as others have; its machine has none. */
TEST(a_flood_at_a_peer_is_put_off)
{
    struct site site = site_begin("a.test", FAKE_SERVICE_AT_ONCE, "NO forged\r\n");

    site.client.policy.budget_per_domain = 5;
    site.client.policy.budget_per_address = 1;
    for (unsigned i = 0; i < 5; i++)
        fixture_client_expect(&site.client, "a@a.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    fixture_client_expect(&site.client, "a@a.test", "p", VERDICT_TEMPERROR, CLIENT_BUDGET);
    site_end(&site);
}

/* What was kept before the configuration changed is not the peer's. */
TEST(answers_are_kept_by_their_source)
{
    struct site site = site_begin("a.test", FAKE_SERVICE_AT_ONCE, "ALLOW unstamped ttl=60\r\n");
    struct fake_service *other =
            fake_service_start("127.0.0.3", FAKE_SERVICE_AT_ONCE, "NO unstamped ttl=60\r\n");
    struct peers peers = site.client.policy.peers;

    fake_dns_service("a.test", other);
    site.client.policy.peers = (struct peers){0};
    fixture_client_expect(&site.client, "u@a.test", "-", VERDICT_NO, CLIENT_ANSWERED);
    fixture_client_expect(&site.client, "u@a.test", "-", VERDICT_NO, CLIENT_CACHED);
    site.client.policy.peers = peers;
    fixture_client_expect(&site.client, "u@a.test", "-", VERDICT_ALLOW, CLIENT_ANSWERED);
    const struct client_outcome got = fixture_client_ask(&site.client, "u@a.test", "-");
    assert_int_equal(got.step, CLIENT_CACHED);
    assert_true(got.is_peer);
    assert_string_equal(client_source_word(&got), "cache");
    site.client.policy.peers = (struct peers){0};
    fixture_client_expect(&site.client, "u@a.test", "-", VERDICT_NO, CLIENT_ANSWERED);
    site.client.policy.peers = peers;
    fake_service_stop(&other);
    site_end(&site);
}
