// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"
#include "verimaild/connection.h"

static const unsigned char seed[16] = {1, 2, 3};

static struct endpoint source(const char *address)
{
    struct endpoint endpoint;
    char text[80];

    snprintf(text, sizeof text, strchr(address, ':') != NULL ? "[%s]:1" : "%s:1", address);
    assert_true(endpoint_parse(text, &endpoint));
    return endpoint;
}

/* How many of ten more this source may open, which are then open. */
static unsigned opened(struct connection_limits *s, const char *address)
{
    const struct endpoint from = source(address);
    unsigned n = 0;

    while (n < 10 && connection_limits_may_open(s, &from)) {
        connection_limits_add(s, &from);
        n++;
    }
    return n;
}

static void closed(struct connection_limits *s, const char *address, unsigned count)
{
    const struct endpoint from = source(address);

    for (unsigned i = 0; i < count; i++)
        connection_limits_remove(s, &from);
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(limits_of_ipv4)
{
    const struct connection_limits_setup limits = {3, 5, 1};
    struct connection_limits *s = connection_limits_init(100, &limits, seed);

    assert_non_null(s);
    assert_int_equal(opened(s, "192.0.2.1"), 3);
    assert_int_equal(opened(s, "192.0.2.1"), 0);
    assert_int_equal(opened(s, "::ffff:192.0.2.1"), 0); /* the same */
    assert_int_equal(opened(s, "192.0.2.2"), 3);        /* no network is counted */
    assert_int_equal(opened(s, "192.0.2.3"), 3);
    closed(s, "192.0.2.1", 1);
    assert_int_equal(opened(s, "::ffff:192.0.2.1"), 1);
    closed(s, "::ffff:192.0.2.1", 3);
    assert_int_equal(opened(s, "192.0.2.1"), 3);
    connection_limits_free(&s);
    assert_null(s);
    connection_limits_free(&s);
}

TEST(limits_of_ipv6)
{
    const struct connection_limits_setup limits = {3, 5, 1};
    struct connection_limits *s = connection_limits_init(100, &limits, seed);

    assert_non_null(s);
    assert_int_equal(opened(s, "2001:db8:1:1::1"), 3);
    assert_int_equal(opened(s, "2001:db8:1:1:ffff:ffff:ffff:ffff"), 0); /* the same /64 */
    assert_int_equal(opened(s, "2001:db8:1:2::1"), 2);                  /* the same /48 */
    assert_int_equal(opened(s, "2001:db8:1:3::1"), 0);
    assert_int_equal(opened(s, "2001:db8:2:1::1"), 3); /* another */
    closed(s, "2001:db8:1:1::9", 2);
    assert_int_equal(opened(s, "2001:db8:1:3::1"), 2);
    closed(s, "2001:db8:1:2::1", 2);
    closed(s, "2001:db8:1:3::1", 2);
    assert_int_equal(opened(s, "2001:db8:1:1::1"), 2);
    connection_limits_free(&s);
}

/* The zero network of one length is not that of another, nor IPv4's. */
TEST(lengths_are_apart)
{
    const struct connection_limits_setup limits = {1, 3, 1};
    struct connection_limits *s = connection_limits_init(100, &limits, seed);

    assert_non_null(s);
    assert_int_equal(opened(s, "::"), 1);
    assert_int_equal(opened(s, "0.0.0.0"), 1);
    assert_int_equal(opened(s, "0:0:0:1::"), 1);
    assert_int_equal(opened(s, "0:0:0:2::"), 1);
    assert_int_equal(opened(s, "0:0:0:3::"), 0);
    connection_limits_free(&s);
}

TEST(removing_what_is_not_there)
{
    const struct connection_limits_setup limits = {1, 1, 1};
    struct connection_limits *s = connection_limits_init(1, &limits, seed);

    assert_non_null(s);
    closed(s, "192.0.2.1", 2);
    closed(s, "2001:db8::1", 2);
    assert_int_equal(opened(s, "192.0.2.1"), 1);
    connection_limits_free(&s);
}

struct model {
    struct endpoint from[64]; /* the connections that are open */
    size_t count;
};

static bool shares(const struct endpoint *a, const struct endpoint *b, size_t octets)
{
    if (a->address.any.sa_family != b->address.any.sa_family)
        return false;
    if (a->address.any.sa_family == AF_INET)
        return octets == 8 && a->address.v4.sin_addr.s_addr == b->address.v4.sin_addr.s_addr;
    return memcmp(&a->address.v6.sin6_addr, &b->address.v6.sin6_addr, octets) == 0;
}

static bool model_may_open(const struct model *m, const struct endpoint *from,
        const struct connection_limits_setup *limits)
{
    unsigned address = 0;
    unsigned network = 0;

    for (size_t i = 0; i < m->count; i++) {
        address += shares(&m->from[i], from, 8);
        network += shares(&m->from[i], from, 6);
    }
    return address < limits->per_address && network < limits->per_network;
}

/* Few networks, so that they meet; some by IPv4. */
static struct endpoint any_source(uint32_t chance)
{
    char text[80];

    if (chance % 3 == 0)
        snprintf(text, sizeof text, "192.0.2.%u", chance / 3 % 20);
    else
        snprintf(text, sizeof text, "2001:db8:%x:%x::%x", chance / 3 % 7, chance / 21 % 5,
                chance / 105 % 3);
    return source(text);
}

/* The table is as small as it ever is, so that its rows fill up and close again. */
TEST(like_a_naive_list)
{
    const struct connection_limits_setup limits = {4, 9, 1};
    uint32_t chance = 7;

    for (unsigned char round = 0; round < 20; round++) {
        const unsigned char some_seed[16] = {round};
        struct connection_limits *s = connection_limits_init(64, &limits, some_seed);
        struct model m = {.count = 0};
        for (int step = 0; step < 4000; step++) {
            chance = chance * 1664525 + 1013904223;
            const struct endpoint from = any_source(chance >> 8);
            const bool may = connection_limits_may_open(s, &from);
            assert_int_equal(may, model_may_open(&m, &from, &limits));
            /* It swings between empty and full. */
            const bool grow = step / 200 % 2 == 0;
            if (may && m.count < 64 && (grow || chance >> 30 == 0)) {
                connection_limits_add(s, &from);
                m.from[m.count++] = from;
            } else if (m.count > 0 && (!grow || chance >> 30 == 0)) {
                const size_t which = (chance >> 4) % m.count;
                connection_limits_remove(s, &m.from[which]);
                m.from[which] = m.from[--m.count];
            }
        }
        connection_limits_free(&s);
    }
}

TEST(classic_shares)
{
    const struct connection_limits_setup limits = {1, 1, 2};
    struct connection_limits *s = connection_limits_init(1, &limits, seed);
    const struct endpoint one = source("192.0.2.1");
    const struct endpoint mapped = source("::ffff:192.0.2.1");
    const struct endpoint v6 = source("2001:db8::1");
    const struct endpoint neighbour = source("2001:db8::ffff:1");
    unsigned others = 0;

    assert_non_null(s);
    assert_true(connection_limits_take_classic(s, &one, 1000));
    assert_true(connection_limits_take_classic(s, &mapped, 1000));
    assert_false(connection_limits_take_classic(s, &one, 1000));
    assert_false(connection_limits_take_classic(s, &one, 1499));
    assert_true(connection_limits_take_classic(s, &one, 1500));
    assert_true(connection_limits_take_classic(s, &v6, 1500));
    assert_true(connection_limits_take_classic(s, &neighbour, 1500));
    assert_false(connection_limits_take_classic(s, &v6, 1500));
    /* Other sources have shares of their own, but for a few whose hashes meet. */
    for (unsigned i = 0; i < 100; i++) {
        char text[32];
        snprintf(text, sizeof text, "198.51.100.%u", i);
        const struct endpoint other = source(text);
        others += connection_limits_take_classic(s, &other, 1500);
    }
    assert_true(others > 90);
    connection_limits_free(&s);
}
