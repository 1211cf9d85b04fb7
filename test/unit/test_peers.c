// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "client/peers.h"
#include "exact.h"
#include "unit.h"

/* Out of order. */
static const char *const domains[] = {"example.org", "a.test", "b.a.test", "example.co.uk",
        "example.net", "xn--bcher-kva.example", "example.or"};

static struct peers make(void)
{
    struct peer from[sizeof domains / sizeof *domains] = {0};
    struct peers peers;

    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        char text[ENDPOINT_TEXT_MAX];
        (void)snprintf(from[i].domain, sizeof from[i].domain, "%s", domains[i]);
        (void)snprintf(text, sizeof text, "127.0.0.1:%zu", 1000 + i);
        assert_true(endpoint_parse(text, &from[i].endpoint));
    }
    assert_true(peers_init(&peers, from, sizeof domains / sizeof *domains));
    return peers;
}

static const struct {
    struct unit_row row;
    const char *domain;
    const char *here;
    const char *above;
} rows[] = {
        {{"itself"}, "example.org", "example.org", NULL},
        {{"below"}, "mail.example.org", NULL, "example.org"},
        {{"two below"}, "a.b.example.org", NULL, "example.org"},
        {{"below one that is below one"}, "c.b.a.test", NULL, "a.test"},
        {{"one that is below one"}, "b.a.test", "b.a.test", "a.test"},
        {{"below a public suffix of two labels"}, "www.example.co.uk", NULL, "example.co.uk"},
        {{"the public suffix"}, "co.uk", NULL, NULL},
        {{"an A-label"}, "xn--bcher-kva.example", "xn--bcher-kva.example", NULL},
        {{"the beginning of one"}, "example.o", NULL, NULL},
        {{"another"}, "example.com", NULL, NULL},
        {{"the end of one"}, "notexample.org", NULL, NULL},
        {{"nothing"}, "", NULL, NULL},
};

static void assert_peer(const char *domain, const struct peer *got, const char *want)
{
    const char *name = got != NULL ? got->domain : "none";

    if (strcmp(name, want != NULL ? want : "none") != 0)
        fail_msg("%s: got %s, want %s", domain, name, want != NULL ? want : "none");
}

TEST_EACH(peers_stand_at_their_names, rows)
{
    const struct text domain = exact_copy(text_of(row->domain));
    struct peers peers = make();

    assert_peer(row->domain, peers_find(&peers, domain), row->here);
    assert_peer(row->domain, peers_find_above(&peers, domain), row->above);
    exact_free(domain);
    peers_free(&peers);
    peers_free(&peers);
}

TEST(each_has_its_own_address)
{
    struct peers peers = make();

    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        char text[ENDPOINT_TEXT_MAX];
        char wanted[ENDPOINT_TEXT_MAX];
        const struct peer *peer = peers_find(&peers, text_of(domains[i]));
        assert_non_null(peer);
        endpoint_format(&peer->endpoint, text);
        (void)snprintf(wanted, sizeof wanted, "127.0.0.1:%zu", 1000 + i);
        assert_string_equal(text, wanted);
    }
    peers_free(&peers);
}

TEST(none_at_all)
{
    const struct peers zero = {0};
    struct peers peers;

    assert_null(peers_find(&zero, text_of("example.org")));
    assert_null(peers_find_above(&zero, text_of("a.example.org")));
    assert_true(peers_init(&peers, NULL, 0));
    assert_null(peers_find(&peers, text_of("example.org")));
    peers_free(&peers);
}
