// SPDX-License-Identifier: ISC
#include "client/target_acl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PORT 26

/* What is not global in IANA's registry of special-purpose IPv4 addresses (RFC 6890), and the
 * anycast addresses of 6to4 relays. */
static const struct {
    uint32_t base;
    unsigned prefix;
} special_v4[] = {
        {0x00000000, 8},  /* this network */
        {0x0a000000, 8},  /* private */
        {0x64400000, 10}, /* shared by carriers */
        {0x7f000000, 8},  /* loopback */
        {0xa9fe0000, 16}, /* link local: clouds keep their secrets at 169.254.169.254 */
        {0xac100000, 12}, /* private */
        {0xc0000000, 24}, /* protocol assignments */
        {0xc0000200, 24}, /* documentation */
        {0xc0586300, 24}, /* 6to4 relays */
        {0xc0a80000, 16}, /* private */
        {0xc6120000, 15}, /* benchmarks */
        {0xc6336400, 24}, /* documentation */
        {0xcb007100, 24}, /* documentation */
        {0xe0000000, 4},  /* multicast */
        {0xf0000000, 4},  /* reserved, and broadcast */
};

/* The same for IPv6 inside 2000::/3, which is all that is global unicast. */
static const struct {
    unsigned char base[4];
    unsigned prefix;
} special_v6[] = {
        {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments, Teredo among them */
        {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
        {{0x3f, 0xff, 0x00, 0x00}, 20}, /* documentation */
};

static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};

static bool is_global_v4(uint32_t address)
{
    for (size_t i = 0; i < sizeof special_v4 / sizeof *special_v4; i++)
        if ((address ^ special_v4[i].base) >> (32 - special_v4[i].prefix) == 0)
            return false;
    return true;
}

static uint32_t target_acl_number(const unsigned char octets[4])
{
    return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 |
           octets[3];
}

static bool target_acl_is_global_v6(const unsigned char octets[16])
{
    if (memcmp(octets, nat64, sizeof nat64) == 0)
        return is_global_v4(target_acl_number(octets + sizeof nat64));
    if (octets[0] >> 5 != 1)
        return false;
    if (octets[0] == 0x20 && octets[1] == 0x02) /* 6to4 */
        return is_global_v4(target_acl_number(octets + 2));
    for (size_t i = 0; i < sizeof special_v6 / sizeof *special_v6; i++)
        if ((target_acl_number(octets) ^ target_acl_number(special_v6[i].base)) >>
                        (32 - special_v6[i].prefix) ==
                0)
            return false;
    return true;
}

static bool is_global(const struct endpoint *endpoint)
{
    if (endpoint->address.any.sa_family == AF_INET)
        return is_global_v4(ntohl(endpoint->address.v4.sin_addr.s_addr));
    return endpoint->address.any.sa_family == AF_INET6 &&
           target_acl_is_global_v6(endpoint->address.v6.sin6_addr.s6_addr);
}

static bool target_acl_same_address(const struct endpoint *a, const struct endpoint *b)
{
    if (a->address.any.sa_family != b->address.any.sa_family)
        return false;
    if (a->address.any.sa_family == AF_INET)
        return a->address.v4.sin_addr.s_addr == b->address.v4.sin_addr.s_addr;
    return IN6_ARE_ADDR_EQUAL(&a->address.v6.sin6_addr, &b->address.v6.sin6_addr);
}

/* Whoever uses up our sockets must not get past here. An address that cannot be bound or reached
 * is none of ours. */
static enum target_acl_result target_acl_after_error(int error)
{
    const bool is_short = error == EMFILE || error == ENFILE || error == ENOBUFS ||
                          error == ENOMEM || error == EAGAIN || error == EADDRINUSE;

    return is_short ? TARGET_ACL_SHORTAGE : TARGET_ACL_OK;
}

/* To its own addresses a machine speaks from the very same address; but to a second address of an
 * IPv4 network from the first one, unless it is told to use that. Binding alone proves nothing
 * where the system lets everybody bind to addresses that it does not have; to speak from one of
 * them it refuses, for IPv4. */
static enum target_acl_result target_acl_find_own(int fd, const struct endpoint *endpoint)
{
    struct endpoint from = *endpoint;

    if (from.address.any.sa_family == AF_INET) {
        from.address.v4.sin_port = 0;
        if (bind(fd, &from.address.any, from.len) != 0)
            return target_acl_after_error(errno);
    }
    if (connect(fd, &endpoint->address.any, endpoint->len) != 0 ||
            getsockname(fd, &from.address.any, &from.len) != 0)
        return target_acl_after_error(errno);
    return target_acl_same_address(endpoint, &from) ? TARGET_ACL_OWN : TARGET_ACL_OK;
}

/* Connecting a UDP socket sends nothing. */
static enum target_acl_result target_acl_check_own(const struct endpoint *endpoint)
{
    const int fd = socket(endpoint->address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    /* A family that the machine does not speak leads nowhere. */
    if (fd < 0)
        return errno == EAFNOSUPPORT ? TARGET_ACL_OK : TARGET_ACL_SHORTAGE;
    const enum target_acl_result result = target_acl_find_own(fd, endpoint);
    close(fd);
    return result;
}

static bool target_acl_is_port_allowed(const struct target_acl *acl, unsigned port)
{
    if (port == PORT || port >= TARGET_ACL_PORT_MIN)
        return true;
    for (size_t i = 0; i < acl->ports_count; i++)
        if (port == acl->ports[i])
            return true;
    return false;
}

enum target_acl_result target_acl_check(
        const struct target_acl *acl, const struct endpoint *endpoint)
{
    const struct endpoint plain = endpoint_unmapped(endpoint);

    if (!target_acl_is_port_allowed(acl, endpoint_port(&plain)))
        return TARGET_ACL_PORT;
    if (network_any_has(acl->networks, acl->networks_count, &plain.address.any))
        return TARGET_ACL_OK;
    if (!is_global(&plain))
        return TARGET_ACL_NETWORK;
    return endpoint_port(&plain) != PORT ? target_acl_check_own(&plain) : TARGET_ACL_OK;
}

size_t target_acl_machine(
        const struct endpoint *endpoint, unsigned char octets_r[TARGET_ACL_MACHINE_MAX])
{
    const struct endpoint plain = endpoint_unmapped(endpoint);
    const unsigned char *v6 = plain.address.v6.sin6_addr.s6_addr;

    if (plain.address.any.sa_family == AF_INET) {
        memcpy(octets_r, &plain.address.v4.sin_addr, 4);
        return 4;
    }
    if (memcmp(v6, nat64, sizeof nat64) == 0) {
        memcpy(octets_r, v6 + sizeof nat64, 4);
        return 4;
    }
    memcpy(octets_r, v6, TARGET_ACL_MACHINE_MAX);
    return TARGET_ACL_MACHINE_MAX;
}

const char *target_acl_result_text(enum target_acl_result result)
{
    static const char *const texts[] = {
            [TARGET_ACL_OK] = "it may be asked",
            [TARGET_ACL_NETWORK] =
                    "its address is not one of the public Internet, and not in allow_networks",
            [TARGET_ACL_OWN] = "it is this machine, not in allow_networks, and its port is not 26",
            [TARGET_ACL_PORT] = "its port is neither 26 nor 1024 or above, and not in allow_ports",
            [TARGET_ACL_SHORTAGE] = "this machine has no socket to find out whose address it is",
    };

    return texts[result];
}
