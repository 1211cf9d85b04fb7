// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "client/client.h"
#include "client/organization.h"
#include "fixture_client.h"
#include "unit.h"

static const struct {
    struct unit_row row;
    const char *user;
    const char *payload;
    enum discovery_result dns;
    bool is_asked_before; /* so that the answer is in the cache if it may be */
    const char *peer;     /* NULL: none */
    bool want;
    enum client_step step;
} rows[] = {
        {{"no service"}, "a@a.test", "p", DISCOVERY_NONE, false, NULL, false, CLIENT_NO_SERVICE},
        {{"a service"}, "a@a.test", "p", DISCOVERY_FOUND, false, NULL, true, CLIENT_ANSWERED},
        {{"a service, unstamped"}, "a@a.test", "-", DISCOVERY_FOUND, false, NULL, true,
                CLIENT_ANSWERED},
        {{"not known"}, "a@a.test", "p", DISCOVERY_ERROR, false, NULL, true, CLIENT_DNS},
        {{"in the cache"}, "a@a.test", "-", DISCOVERY_FOUND, true, NULL, false, CLIENT_CACHED},
        {{"another's in the cache"}, "b@a.test", "-", DISCOVERY_FOUND, true, NULL, true,
                CLIENT_ANSWERED},
        {{"in the cache, and stamped"}, "a@a.test", "p", DISCOVERY_FOUND, true, NULL, true,
                CLIENT_ANSWERED},
        {{"a peer"}, "a@a.test", "p", DISCOVERY_NONE, false, "a.test", true, CLIENT_ANSWERED},
        {{"a peer above"}, "a@b.a.test", "p", DISCOVERY_NONE, false, "a.test", true,
                CLIENT_ANSWERED},
};

/* Before a digest is known: what is known without one, is the outcome. */
TEST_EACH(begun, rows)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *service =
            fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, "NO unstamped ttl=60\r\n");
    struct peer peer = {.endpoint = fake_service_endpoint(service)};
    struct question question = {.payload = text_of(row->payload)};
    struct client_policy policy = here.policy;
    struct client_outcome got;

    organization_load();
    policy.acl.networks = &here.loopback;
    policy.acl.networks_count = 1;
    if (row->dns == DISCOVERY_FOUND)
        fake_dns_service("a.test", service);
    else
        fake_dns_name("a.test", row->dns);
    if (row->is_asked_before)
        (void)fixture_client_ask(&here, "a@a.test", "-");
    if (row->peer != NULL)
        (void)snprintf(peer.domain, sizeof peer.domain, "%s", row->peer);
    assert_true(peers_init(&policy.peers, &peer, row->peer != NULL));
    assert_true(address_parse(text_of(row->user), text_of(""), &question.user));
    struct client_early *early = client_begin(here.client, &policy, &question, text_of(""));
    assert_non_null(early);
    assert_int_equal(fake_dns_begun(), row->peer == NULL && row->step != CLIENT_CACHED);
    assert_int_equal(client_needs_digest(here.client, early), row->want);
    if (row->peer != NULL)
        fake_dns_name("b.a.test", DISCOVERY_NONE);
    if (row->step == CLIENT_NO_SERVICE) /* what was known stands, whatever comes of it later */
        fake_dns_names[0].answer.result = DISCOVERY_ERROR;
    client_ask_begun(here.client, &policy, &question, text_of(""), early, &got);
    assert_int_equal(got.step, row->step);
    client_forget(&early);
    assert_null(early);
    client_forget(&early);
    peers_free(&policy.peers);
    fake_service_stop(&service);
    fixture_client_end(&here);
}
