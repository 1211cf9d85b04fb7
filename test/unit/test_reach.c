// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "client/reach.h"
#include <cmocka.h>

static enum reach_result check(const struct reach *reach, const char *text)
{
    struct endpoint endpoint;

    if (!endpoint_parse(text, &endpoint)) {
        print_error("%s is no endpoint\n", text);
        fail();
    }
    return reach_check(reach, &endpoint);
}

struct row {
    const char *endpoint;
    enum reach_result want;
};

static void check_rows(const struct reach *reach, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const enum reach_result got = check(reach, rows[i].endpoint);
        if (got != rows[i].want) {
            print_error("%s: got %s, want %s\n", rows[i].endpoint, reach_result_text(got),
                    reach_result_text(rows[i].want));
            fail();
        }
    }
}

static void addresses(void **state)
{
    static const struct row rows[] = {
            {"1.1.1.1:26", REACH_OK},
            {"9.255.255.255:26", REACH_OK},
            {"11.0.0.0:26", REACH_OK},
            {"0.0.0.0:26", REACH_NETWORK},
            {"0.255.255.255:26", REACH_NETWORK},
            {"10.0.0.0:26", REACH_NETWORK},
            {"10.255.255.255:26", REACH_NETWORK},
            {"100.63.255.255:26", REACH_OK},
            {"100.64.0.0:26", REACH_NETWORK},
            {"100.127.255.255:26", REACH_NETWORK},
            {"100.128.0.0:26", REACH_OK},
            {"127.0.0.1:26", REACH_NETWORK},
            {"169.254.169.254:26", REACH_NETWORK},
            {"172.15.255.255:26", REACH_OK},
            {"172.16.0.0:26", REACH_NETWORK},
            {"172.31.255.255:26", REACH_NETWORK},
            {"172.32.0.0:26", REACH_OK},
            {"192.0.0.1:26", REACH_NETWORK},
            {"192.0.1.0:26", REACH_OK},
            {"192.0.2.1:26", REACH_NETWORK},
            {"192.88.99.1:26", REACH_NETWORK},
            {"192.168.0.0:26", REACH_NETWORK},
            {"198.18.0.0:26", REACH_NETWORK},
            {"198.19.255.255:26", REACH_NETWORK},
            {"198.20.0.0:26", REACH_OK},
            {"198.51.100.1:26", REACH_NETWORK},
            {"203.0.113.1:26", REACH_NETWORK},
            {"223.255.255.255:26", REACH_OK},
            {"224.0.0.0:26", REACH_NETWORK},
            {"240.0.0.0:26", REACH_NETWORK},
            {"255.255.255.255:26", REACH_NETWORK},
            {"[2600::1]:26", REACH_OK},
            {"[2001:200::1]:26", REACH_OK},
            {"[2001:1ff:ffff::1]:26", REACH_NETWORK},
            {"[2001::1]:26", REACH_NETWORK},
            {"[2001:db8::1]:26", REACH_NETWORK},
            {"[2001:db9::1]:26", REACH_OK},
            {"[3ffe::1]:26", REACH_OK},
            {"[3fff::1]:26", REACH_NETWORK},
            {"[3fff:1000::1]:26", REACH_OK},
            {"[::]:26", REACH_NETWORK},
            {"[::1]:26", REACH_NETWORK},
            {"[4000::1]:26", REACH_NETWORK},
            {"[1fff::1]:26", REACH_NETWORK},
            {"[fc00::1]:26", REACH_NETWORK},
            {"[fe80::1]:26", REACH_NETWORK},
            {"[fec0::1]:26", REACH_NETWORK},
            {"[ff02::1]:26", REACH_NETWORK},
            {"[100::1]:26", REACH_NETWORK},
            /* those that carry another */
            {"[::ffff:1.1.1.1]:26", REACH_OK},
            {"[::ffff:127.0.0.1]:26", REACH_NETWORK},
            {"[::127.0.0.1]:26", REACH_NETWORK},
            {"[::1.1.1.1]:26", REACH_NETWORK},
            {"[64:ff9b::1.1.1.1]:26", REACH_OK},
            {"[64:ff9b::10.0.0.1]:26", REACH_NETWORK},
            {"[64:ff9b:1::1.1.1.1]:26", REACH_NETWORK},
            {"[2002:101:101::1]:26", REACH_OK},
            {"[2002:7f00:1::1]:26", REACH_NETWORK},
            {"[2002:a9fe:a9fe::1]:26", REACH_NETWORK},
    };
    const struct reach reach = {0};

    (void)state;
    check_rows(&reach, rows, sizeof rows / sizeof *rows);
}

static void ports(void **state)
{
    static const uint16_t more[] = {80};
    static const struct row rows[] = {
            {"1.1.1.1:1", REACH_PORT},
            {"1.1.1.1:25", REACH_PORT},
            {"1.1.1.1:27", REACH_PORT},
            {"1.1.1.1:1023", REACH_PORT},
            {"1.1.1.1:1024", REACH_OK},
            {"1.1.1.1:65535", REACH_OK},
            {"1.1.1.1:80", REACH_OK},
            {"127.0.0.1:80", REACH_NETWORK},
    };
    const struct reach reach = {.ports = more, .ports_count = 1};

    (void)state;
    check_rows(&reach, rows, sizeof rows / sizeof *rows);
}

/* Each lifts its own rule only. */
static void allowed_networks(void **state)
{
    static const struct row rows[] = {
            {"127.0.0.1:26", REACH_OK},
            {"127.0.0.1:1024", REACH_OK},
            {"127.0.0.1:80", REACH_PORT},
            {"10.0.0.1:26", REACH_NETWORK},
            {"[::ffff:127.0.0.1]:26", REACH_OK},
            {"[::1]:26", REACH_NETWORK},
    };
    struct network loopback;
    assert_true(network_parse("127.0.0.0/8", &loopback));
    const struct reach reach = {.networks = &loopback, .networks_count = 1};

    (void)state;
    check_rows(&reach, rows, sizeof rows / sizeof *rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(addresses),
            cmocka_unit_test(ports),
            cmocka_unit_test(allowed_networks),
    };

    return cmocka_run_group_tests_name("reach", tests, NULL, NULL);
}
