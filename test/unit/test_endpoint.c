// SPDX-License-Identifier: ISC
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "unit.h"

/* On the heap with its NUL, so that AddressSanitizer sees what reads past it. */
static bool parse(const char *text, struct endpoint *endpoint)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    const bool ok = endpoint_parse(copy, endpoint);
    free(copy);
    return ok;
}

TEST(texts_are_read_and_written)
{
    static const struct {
        const char *text;
        const char *written; /* NULL: refused */
        const char *address;
    } table[] = {
            {"192.0.2.1:26", "192.0.2.1:26", "192.0.2.1"},
            {"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0"},
            {"255.255.255.255:65535", "255.255.255.255:65535", "255.255.255.255"},
            {"192.0.2.1:65536", NULL, NULL},
            {"192.0.2.1:99999999999999999999", NULL, NULL},
            {"192.0.2.1:026", NULL, NULL},
            {"192.0.2.1:-1", NULL, NULL},
            {"192.0.2.1: 26", NULL, NULL},
            {"192.0.2.1:26 ", NULL, NULL},
            {"192.0.2.1:", NULL, NULL},
            {"192.0.2.1", NULL, NULL},
            {"192.0.2.256:26", NULL, NULL},
            {"192.0.2:26", NULL, NULL},
            {"192.0.2.01:26", NULL, NULL},
            {" 192.0.2.1:26", NULL, NULL},
            {"[2001:db8::1]:26", "[2001:db8::1]:26", "2001:db8::1"},
            {"[2001:DB8:0:0:0:0:0:1]:65535", "[2001:db8::1]:65535", "2001:db8::1"},
            {"[::]:26", "[::]:26", "::"},
            {"[::1]:65536", NULL, NULL},
            {"[::ffff:192.0.2.1]:26", "192.0.2.1:26", "192.0.2.1"},
            {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
                    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
            {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555]:65535", NULL, NULL},
            {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1", NULL, NULL},
            {"[fe80::1%lo]:26", NULL, NULL},
            {"2001:db8::1:26", NULL, NULL},
            {"2001:db8::1", NULL, NULL},
            {"::1", NULL, NULL},
            {"[192.0.2.1]:26", NULL, NULL},
            {"[]:26", NULL, NULL},
            {"[:26", NULL, NULL},
            {"]:26", NULL, NULL},
            {"[::1:26", NULL, NULL},
            {"[::1]", NULL, NULL},
            {"[::1]26", NULL, NULL},
            {"*:26", "[::]:26", "::"},
            {"*:0", "[::]:0", "::"},
            {"*:65536", NULL, NULL},
            {"*", NULL, NULL},
            {"[*]:26", NULL, NULL},
            {"**:26", NULL, NULL},
            {":26", NULL, NULL},
            {":", NULL, NULL},
            {"", NULL, NULL},
            {"localhost:26", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct endpoint endpoint;
        char written[ENDPOINT_TEXT_MAX] = "refused";
        char address[ENDPOINT_TEXT_MAX] = "";
        if (parse(table[i].text, &endpoint)) {
            endpoint_format(&endpoint, written);
            endpoint_format_address(&endpoint, address);
        }
        const char *want = table[i].written != NULL ? table[i].written : "refused";
        const char *want_address = table[i].address != NULL ? table[i].address : "";
        if (strcmp(written, want) != 0 || strcmp(address, want_address) != 0) {
            print_error("%s: got %s and %s, want %s and %s\n", table[i].text, written, address,
                    want, want_address);
            fail();
        }
    }
}

TEST(parts_are_set)
{
    struct endpoint endpoint;

    assert_true(parse("192.0.2.1:26", &endpoint));
    assert_int_equal(endpoint.address.any.sa_family, AF_INET);
    assert_int_equal(endpoint.len, sizeof(struct sockaddr_in));
    assert_int_equal(ntohs(endpoint.address.v4.sin_port), 26);
    assert_int_equal(ntohl(endpoint.address.v4.sin_addr.s_addr), 0xc0000201);
    assert_false(endpoint.wildcard);
    assert_true(parse("*:65535", &endpoint));
    assert_int_equal(endpoint.address.any.sa_family, AF_INET6);
    assert_int_equal(endpoint.len, sizeof(struct sockaddr_in6));
    assert_int_equal(ntohs(endpoint.address.v6.sin6_port), 65535);
    assert_true(IN6_IS_ADDR_UNSPECIFIED(&endpoint.address.v6.sin6_addr));
    assert_true(endpoint.wildcard);
    assert_true(parse("[::]:26", &endpoint));
    assert_false(endpoint.wildcard);
}

TEST(equality)
{
    static const char *const different[] = {"192.0.2.1:26", "192.0.2.1:27", "192.0.2.2:26",
            "[::1]:26", "[::1]:27", "[::2]:26", "[::]:26", "*:26", "*:27", "[::ffff:192.0.2.1]:26"};
    const size_t count = sizeof different / sizeof *different;

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            struct endpoint a;
            struct endpoint b;
            assert_true(parse(different[i], &a) && parse(different[k], &b));
            if (endpoint_equal(&a, &b) != (i == k)) {
                print_error("%s and %s\n", different[i], different[k]);
                fail();
            }
        }
    }
    struct endpoint one;
    struct endpoint same;
    assert_true(parse("[2001:db8::1]:26", &one) && parse("[2001:DB8:0::0:1]:26", &same));
    assert_true(endpoint_equal(&one, &same));
}

TEST(mapped_addresses_are_what_they_map)
{
    struct endpoint mapped;
    struct endpoint plain;

    assert_true(parse("[::ffff:192.0.2.1]:26", &mapped) && parse("192.0.2.1:26", &plain));
    const struct endpoint unmapped = endpoint_unmapped(&mapped);
    assert_true(endpoint_equal(&unmapped, &plain));
    assert_int_equal(unmapped.len, plain.len);
    const struct endpoint same = endpoint_unmapped(&plain);
    assert_true(endpoint_equal(&same, &plain));
    assert_true(parse("[::192.0.2.1]:26", &mapped)); /* compatible, not mapped */
    assert_int_equal(endpoint_unmapped(&mapped).address.any.sa_family, AF_INET6);
}

TEST(loopback)
{
    static const struct {
        const char *text;
        bool want;
    } rows[] = {
            {"127.0.0.1:26", true},
            {"127.255.0.9:26", true},
            {"[::1]:26", true},
            {"[::ffff:127.0.0.1]:26", true},
            {"128.0.0.1:26", false},
            {"0.0.0.0:26", false},
            {"[::]:26", false},
            {"[::2]:26", false},
            {"*:26", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint endpoint;
        assert_true(parse(rows[i].text, &endpoint));
        if (endpoint_is_loopback(&endpoint) != rows[i].want)
            fail_msg("%s: got %d", rows[i].text, !rows[i].want);
    }
}

TEST(targets)
{
    static const struct {
        const char *text;
        bool want;
    } rows[] = {
            {"127.0.0.1:26", true},
            {"[2001:db8::1]:1", true},
            {"[::ffff:192.0.2.1]:26", true},
            {"127.0.0.1:0", false},
            {"[::1]:0", false},
            {"0.0.0.0:26", false},
            {"[::]:26", false},
            {"[::ffff:0.0.0.0]:26", false},
            {"*:26", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint endpoint;
        assert_true(parse(rows[i].text, &endpoint));
        if (endpoint_is_target(&endpoint) != rows[i].want)
            fail_msg("%s: want %d", rows[i].text, rows[i].want);
    }
}
