// SPDX-License-Identifier: ISC
#include "client/known_networks.h"

#include <stdio.h>

#include "unit.h"

static bool has(
        const struct known_networks *known, const char *domain, const char *network, uint64_t now)
{
    return known_networks_has(known, text_of(domain), text_of(network), now);
}

static void add(struct known_networks *known, const char *domain, const char *network, uint64_t now)
{
    known_networks_add(known, text_of(domain), text_of(network), now);
}

TEST(known_for_thirty_days)
{
    struct known_networks *known = known_networks_init(10, 3);

    assert_non_null(known);
    add(known, "a.test", "n", 1000);
    assert_true(has(known, "a.test", "n", 1000));
    assert_true(has(known, "a.test", "n", 1000 + KNOWN_NETWORKS_AGE - 1));
    assert_false(has(known, "a.test", "n", 1000 + KNOWN_NETWORKS_AGE));
    assert_false(has(known, "b.test", "n", 1000));
    assert_false(has(known, "a.test", "m", 1000));
    add(known, "a.test", "n", 2000);
    assert_true(has(known, "a.test", "n", 1000 + KNOWN_NETWORKS_AGE));
    known_networks_free(&known);
    known_networks_free(&known);
}

/* The oldest of the domain goes, and none of another domain. */
TEST(too_many_of_a_domain)
{
    struct known_networks *known = known_networks_init(1000, 3);
    char network[16];

    assert_non_null(known);
    add(known, "b.test", "n0", 0);
    for (unsigned i = 0; i < 3; i++) {
        (void)snprintf(network, sizeof network, "n%u", i);
        add(known, "a.test", network, i);
    }
    add(known, "a.test", "n0", 3); /* it is not the oldest any more */
    add(known, "a.test", "n3", 4);
    assert_true(has(known, "a.test", "n0", 5));
    assert_false(has(known, "a.test", "n1", 5));
    assert_true(has(known, "a.test", "n2", 5));
    assert_true(has(known, "a.test", "n3", 5));
    assert_true(has(known, "b.test", "n0", 5));
    for (unsigned i = 4; i < 100; i++) {
        (void)snprintf(network, sizeof network, "n%u", i);
        add(known, "a.test", network, i);
    }
    assert_false(has(known, "a.test", "n0", 100));
    assert_true(has(known, "a.test", "n97", 100));
    assert_true(has(known, "b.test", "n0", 100));
    known_networks_free(&known);
}

TEST(too_many_in_all)
{
    struct known_networks *known = known_networks_init(10, 3);
    char domain[16];

    assert_non_null(known);
    add(known, "a.test", "n", 0);
    add(known, "b.test", "n", 0);
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(domain, sizeof domain, "d%u.test", i);
        add(known, domain, "n", i);
        add(known, "a.test", "n", i);
    }
    assert_true(has(known, "a.test", "n", 20));
    assert_false(has(known, "b.test", "n", 20));
    assert_false(has(known, "d10.test", "n", 20));
    assert_true(has(known, "d11.test", "n", 20));
    assert_true(has(known, "d19.test", "n", 20));
    known_networks_free(&known);
}
