// SPDX-License-Identifier: ISC
#include "base/endpoint.h"
#include "base/network.h"
#include "unit.h"

TEST(parsing)
{
    static const struct {
        const char *text;
        int prefix; /* -1: refused */
    } table[] = {
            {"127.0.0.0/8", 104},
            {"127.0.0.1", 128},
            {"0.0.0.0/0", 96},
            {"192.0.2.1/32", 128},
            {"::1", 128},
            {"::/0", 0},
            {"2001:db8::/32", 32},
            {"::ffff:192.0.2.0/120", 120},
            {"127.0.0.1/8", -1},
            {"127.0.0.0/33", -1},
            {"2001:db8::1/32", -1},
            {"::/129", -1},
            {"", -1},
            {"/8", -1},
            {"127.0.0.0/", -1},
            {"127.0.0.0/-1", -1},
            {"127.0.0.0/08", -1},
            {"127.1", -1},
            {"host", -1},
            {"1.2.3.4.5", -1},
            {"[::1]", -1},
            {"1.2.3.4 ", -1},
            {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", -1},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct network network;
        const int got = network_parse(table[i].text, &network) ? (int)network.prefix : -1;
        if (got != table[i].prefix) {
            print_error("%s: got %d, want %d\n", table[i].text, got, table[i].prefix);
            fail();
        }
    }
}

TEST(belonging)
{
    static const struct {
        const char *network;
        const char *endpoint;
        bool want;
    } table[] = {
            {"127.0.0.0/8", "127.255.255.255:1", true},
            {"127.0.0.0/8", "128.0.0.0:1", false},
            {"127.0.0.0/8", "[::ffff:127.0.0.1]:1", true},
            {"::ffff:127.0.0.0/104", "127.0.0.1:1", true},
            {"10.0.0.0/9", "10.127.0.0:1", true},
            {"10.0.0.0/9", "10.128.0.0:1", false},
            {"192.0.2.1", "192.0.2.1:1", true},
            {"192.0.2.1", "192.0.2.0:1", false},
            {"0.0.0.0/0", "192.0.2.1:1", true},
            {"0.0.0.0/0", "[2001:db8::1]:1", false},
            {"::/0", "192.0.2.1:1", true},
            {"2001:db8::/33", "[2001:db8:7fff::1]:1", true},
            {"2001:db8::/33", "[2001:db8:8000::1]:1", false},
            {"::1", "[::1]:1", true},
            {"::1", "127.0.0.1:1", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct network network;
        struct endpoint endpoint;
        assert_true(network_parse(table[i].network, &network));
        assert_true(endpoint_parse(table[i].endpoint, &endpoint));
        const bool got = network_any_has(&network, 1, &endpoint.address.any);
        if (got != table[i].want) {
            print_error("%s in %s: got %d\n", table[i].endpoint, table[i].network, got);
            fail();
        }
    }
}

TEST(other_families)
{
    struct network network;
    const struct sockaddr address = {.sa_family = AF_UNIX};

    assert_true(network_parse("::/0", &network));
    assert_false(network_has(&network, &address));
    assert_false(network_any_has(NULL, 0, &address));
}

TEST(networks_of_clients)
{
    static const struct {
        const char *a;
        const char *b;
        bool want; /* they are one */
    } table[] = {
            {"192.0.2.1", "192.0.2.255", true},
            {"192.0.2.1", "192.0.3.1", false},
            {"192.0.2.1", "::ffff:192.0.2.9", true},
            {"2001:db8:1::1", "2001:db8:1:ffff::", true},
            {"2001:db8:1::1", "2001:db8:2::1", false},
            {"c0:2::", "0.192.0.2", false},
            {"x", "", true}, /* none */
            {"192.0.2.0/24", "", true},
            {"192.0.2.1", "", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char octets[2][NETWORK_CLIENT_MAX];
        const struct text a = network_of_client(text_of(table[i].a), octets[0]);
        const struct text b = network_of_client(text_of(table[i].b), octets[1]);
        if (text_equal(a, b) != table[i].want) {
            print_error("%s, %s: want %d\n", table[i].a, table[i].b, table[i].want);
            fail();
        }
    }
}
