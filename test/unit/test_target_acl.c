// SPDX-License-Identifier: ISC
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client/target_acl.h"
#include "unit.h"

static enum target_acl_result check(const struct target_acl *acl, const char *text)
{
    struct endpoint endpoint;

    if (!endpoint_parse(text, &endpoint)) {
        print_error("%s is no endpoint\n", text);
        fail();
    }
    return target_acl_check(acl, &endpoint);
}

struct row {
    const char *endpoint;
    enum target_acl_result want;
};

static void check_rows(const struct target_acl *acl, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const enum target_acl_result got = check(acl, rows[i].endpoint);
        if (got != rows[i].want) {
            print_error("%s: got %s, want %s\n", rows[i].endpoint, target_acl_result_text(got),
                    target_acl_result_text(rows[i].want));
            fail();
        }
    }
}

TEST(addresses)
{
    static const struct row rows[] = {
            {"1.1.1.1:26", TARGET_ACL_OK},
            {"9.255.255.255:26", TARGET_ACL_OK},
            {"11.0.0.0:26", TARGET_ACL_OK},
            {"0.0.0.0:26", TARGET_ACL_NETWORK},
            {"0.255.255.255:26", TARGET_ACL_NETWORK},
            {"10.0.0.0:26", TARGET_ACL_NETWORK},
            {"10.255.255.255:26", TARGET_ACL_NETWORK},
            {"100.63.255.255:26", TARGET_ACL_OK},
            {"100.64.0.0:26", TARGET_ACL_NETWORK},
            {"100.127.255.255:26", TARGET_ACL_NETWORK},
            {"100.128.0.0:26", TARGET_ACL_OK},
            {"127.0.0.1:26", TARGET_ACL_NETWORK},
            {"169.254.169.254:26", TARGET_ACL_NETWORK},
            {"172.15.255.255:26", TARGET_ACL_OK},
            {"172.16.0.0:26", TARGET_ACL_NETWORK},
            {"172.31.255.255:26", TARGET_ACL_NETWORK},
            {"172.32.0.0:26", TARGET_ACL_OK},
            {"192.0.0.1:26", TARGET_ACL_NETWORK},
            {"192.0.1.0:26", TARGET_ACL_OK},
            {"192.0.2.1:26", TARGET_ACL_NETWORK},
            {"192.88.99.1:26", TARGET_ACL_NETWORK},
            {"192.168.0.0:26", TARGET_ACL_NETWORK},
            {"198.18.0.0:26", TARGET_ACL_NETWORK},
            {"198.19.255.255:26", TARGET_ACL_NETWORK},
            {"198.20.0.0:26", TARGET_ACL_OK},
            {"198.51.100.1:26", TARGET_ACL_NETWORK},
            {"203.0.113.1:26", TARGET_ACL_NETWORK},
            {"223.255.255.255:26", TARGET_ACL_OK},
            {"224.0.0.0:26", TARGET_ACL_NETWORK},
            {"240.0.0.0:26", TARGET_ACL_NETWORK},
            {"255.255.255.255:26", TARGET_ACL_NETWORK},
            {"[2600::1]:26", TARGET_ACL_OK},
            {"[2001:200::1]:26", TARGET_ACL_OK},
            {"[2001:1ff:ffff::1]:26", TARGET_ACL_NETWORK},
            {"[2001::1]:26", TARGET_ACL_NETWORK},
            {"[2001:db8::1]:26", TARGET_ACL_NETWORK},
            {"[2001:db9::1]:26", TARGET_ACL_OK},
            {"[3ffe::1]:26", TARGET_ACL_OK},
            {"[3fff::1]:26", TARGET_ACL_NETWORK},
            {"[3fff:1000::1]:26", TARGET_ACL_OK},
            {"[::]:26", TARGET_ACL_NETWORK},
            {"[::1]:26", TARGET_ACL_NETWORK},
            {"[4000::1]:26", TARGET_ACL_NETWORK},
            {"[1fff::1]:26", TARGET_ACL_NETWORK},
            {"[fc00::1]:26", TARGET_ACL_NETWORK},
            {"[fe80::1]:26", TARGET_ACL_NETWORK},
            {"[fec0::1]:26", TARGET_ACL_NETWORK},
            {"[ff02::1]:26", TARGET_ACL_NETWORK},
            {"[100::1]:26", TARGET_ACL_NETWORK},
            /* those that carry another */
            {"[::ffff:1.1.1.1]:26", TARGET_ACL_OK},
            {"[::ffff:127.0.0.1]:26", TARGET_ACL_NETWORK},
            {"[::127.0.0.1]:26", TARGET_ACL_NETWORK},
            {"[::1.1.1.1]:26", TARGET_ACL_NETWORK},
            {"[64:ff9b::1.1.1.1]:26", TARGET_ACL_OK},
            {"[64:ff9b::10.0.0.1]:26", TARGET_ACL_NETWORK},
            {"[64:ff9b:1::1.1.1.1]:26", TARGET_ACL_NETWORK},
            {"[2002:101:101::1]:26", TARGET_ACL_OK},
            {"[2002:7f00:1::1]:26", TARGET_ACL_NETWORK},
            {"[2002:a9fe:a9fe::1]:26", TARGET_ACL_NETWORK},
    };
    const struct target_acl acl = {0};

    check_rows(&acl, rows, sizeof rows / sizeof *rows);
}

TEST(ports)
{
    static const uint16_t more[] = {80};
    static const struct row rows[] = {
            {"1.1.1.1:1", TARGET_ACL_PORT},
            {"1.1.1.1:25", TARGET_ACL_PORT},
            {"1.1.1.1:27", TARGET_ACL_PORT},
            {"1.1.1.1:1023", TARGET_ACL_PORT},
            {"1.1.1.1:1024", TARGET_ACL_OK},
            {"1.1.1.1:65535", TARGET_ACL_OK},
            {"1.1.1.1:80", TARGET_ACL_OK},
            {"127.0.0.1:80", TARGET_ACL_NETWORK},
    };
    const struct target_acl acl = {.ports = more, .ports_count = 1};

    check_rows(&acl, rows, sizeof rows / sizeof *rows);
}

/* Each lifts its own rule only. */
TEST(allowed_networks)
{
    static const struct row rows[] = {
            {"127.0.0.1:26", TARGET_ACL_OK},
            {"127.0.0.1:1024", TARGET_ACL_OK},
            {"127.0.0.1:80", TARGET_ACL_PORT},
            {"10.0.0.1:26", TARGET_ACL_NETWORK},
            {"[::ffff:127.0.0.1]:26", TARGET_ACL_OK},
            {"[::1]:26", TARGET_ACL_NETWORK},
    };
    struct network loopback;
    assert_true(network_parse("127.0.0.0/8", &loopback));
    const struct target_acl acl = {.networks = &loopback, .networks_count = 1};

    check_rows(&acl, rows, sizeof rows / sizeof *rows);
}

/* Gives the machine, which is alone in its network, an address, with the other 254 beside it. */
static bool add_address(const char *interface, const char *address)
{
    struct ifreq request = {0};
    struct sockaddr_in at = {.sin_family = AF_INET};
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && inet_pton(AF_INET, address, &at.sin_addr) == 1;

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    memcpy(&request.ifr_addr, &at, sizeof at);
    good = good && ioctl(fd, SIOCSIFADDR, &request) == 0;
    at.sin_addr.s_addr = htonl(0xffffff00);
    memcpy(&request.ifr_netmask, &at, sizeof at);
    good = good && ioctl(fd, SIOCSIFNETMASK, &request) == 0;
    request.ifr_flags = IFF_UP;
    good = good && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return good;
}

static bool let_all_bind_to_anything(void)
{
    FILE *out = fopen("/proc/sys/net/ipv4/ip_nonlocal_bind", "w");
    const bool good = out != NULL && fputs("1", out) >= 0;

    return out != NULL && fclose(out) == 0 && good;
}

TEST(one_machine)
{
    static const struct {
        const char *a;
        const char *b;
        bool want;
    } table[] = {
            {"192.0.2.1:26", "192.0.2.1:27", true},
            {"192.0.2.1:26", "192.0.2.2:26", false},
            {"192.0.2.1:26", "[::ffff:192.0.2.1]:26", true},
            {"192.0.2.1:26", "[64:ff9b::192.0.2.1]:26", true},
            {"[64:ff9b::192.0.2.1]:26", "[64:ff9b::192.0.2.2]:26", false},
            {"[2001:db8::1]:26", "[2001:db8:0:0:ffff::2]:27", true},
            {"[2001:db8::1]:26", "[2001:db8:0:1::1]:26", false},
            {"[c000:201::]:26", "192.0.2.1:26", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        unsigned char octets[2][TARGET_ACL_MACHINE_MAX];
        struct endpoint a;
        struct endpoint b;
        assert_true(endpoint_parse(table[i].a, &a) && endpoint_parse(table[i].b, &b));
        const size_t len = target_acl_machine(&a, octets[0]);
        const bool got =
                len == target_acl_machine(&b, octets[1]) && memcmp(octets[0], octets[1], len) == 0;
        if (got != table[i].want) {
            print_error("%s, %s: got %d, want %d\n", table[i].a, table[i].b, got, table[i].want);
            fail();
        }
    }
}

TEST(no_descriptor_is_left)
{
    static const struct row rows[] = {
            {"9.9.9.1:26", TARGET_ACL_OK}, /* no matter whose it is */
            {"9.9.9.1:1024", TARGET_ACL_SHORTAGE},
            {"[2606::1]:1024", TARGET_ACL_SHORTAGE},
    };
    const struct target_acl strict = {0};
    struct rlimit before;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    check_rows(&strict, rows, sizeof rows / sizeof *rows);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* The last: it moves the program elsewhere. */
TEST(own_addresses)
{
    static const struct row rows[] = {
            {"9.9.9.1:26", TARGET_ACL_OK},
            {"9.9.9.1:1024", TARGET_ACL_OWN},
            {"9.9.9.1:80", TARGET_ACL_PORT},
            {"9.9.9.2:26", TARGET_ACL_OK},
            {"9.9.9.2:1024", TARGET_ACL_OWN},
            {"[::ffff:9.9.9.2]:1024", TARGET_ACL_OWN},
            {"1.1.1.1:1024", TARGET_ACL_OK},
    };
    struct network allowed;
    assert_true(network_parse("9.9.9.2", &allowed));
    const struct target_acl strict = {0};
    const struct target_acl lax = {.networks = &allowed, .networks_count = 1};

    /* A machine of our own; not everybody may have one. */
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && unshare(CLONE_NEWNET) != 0)
        skip();
    if (!add_address("lo", "9.9.9.1") || !add_address("lo:1", "9.9.9.2"))
        skip();
    check_rows(&strict, rows, sizeof rows / sizeof *rows);
    assert_int_equal(check(&lax, "9.9.9.2:1024"), TARGET_ACL_OK);
    assert_int_equal(check(&lax, "9.9.9.1:1024"), TARGET_ACL_OWN);
    if (let_all_bind_to_anything())
        check_rows(&strict, rows, sizeof rows / sizeof *rows);
}
