// SPDX-License-Identifier: ISC
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static struct endpoint endpoint_of(const unsigned char address[16])
{
    struct endpoint endpoint = {0};

    endpoint.address.v6.sin6_family = AF_INET6;
    memcpy(&endpoint.address.v6.sin6_addr, address, 16);
    endpoint.len = sizeof endpoint.address.v6;
    return endpoint;
}

/* An IPv4 address belongs where it belongs, in whichever family it is written. */
static bool has(const struct network *network, const unsigned char address[16])
{
    const struct endpoint endpoint = endpoint_of(address);
    const struct endpoint plain = endpoint_unmapped(&endpoint);
    const bool answer = network_has(network, &endpoint.address.any);

    require(network_has(network, &plain.address.any) == answer);
    require(network_any_has(network, 1, &plain.address.any) == answer);
    require(!network_any_has(network, 0, &plain.address.any));
    return answer;
}

static bool bit(const unsigned char address[16], unsigned i)
{
    return (address[i / 8] & 0x80 >> i % 8) != 0;
}

/* The first address is in it and the last one; what differs in a bit of the prefix is not. */
static void check_bounds(const struct network *network)
{
    unsigned char address[16];

    memcpy(address, network->address, sizeof address);
    require(has(network, address));
    for (unsigned i = network->prefix; i < 128; i++) {
        require(!bit(address, i));
        address[i / 8] |= (unsigned char)(0x80 >> i % 8);
        require(has(network, address));
    }
    for (unsigned i = 0; i < network->prefix; i++) {
        address[i / 8] ^= (unsigned char)(0x80 >> i % 8);
        require(!has(network, address));
        address[i / 8] ^= (unsigned char)(0x80 >> i % 8);
    }
}

/* Written as IPv6 with a prefix, it reads as the same. */
static void check_round(const struct network *network)
{
    char address[INET6_ADDRSTRLEN];
    char text[INET6_ADDRSTRLEN + 4];
    struct network back;

    require(inet_ntop(AF_INET6, network->address, address, sizeof address) != NULL);
    (void)snprintf(text, sizeof text, "%s/%u", address, network->prefix);
    require(network_parse(text, &back));
    require(memcmp(back.address, network->address, 16) == 0 && back.prefix == network->prefix);
}

/* The input is a network, a line's end, and the 16 octets of an address. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    const size_t len = end != NULL ? (size_t)(end - data) : size;
    struct network network;
    char *text = malloc(len + 1);

    require(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    if (network_parse(text, &network)) {
        require(network.prefix <= 128);
        require(strchr(text, '/') != NULL || network.prefix == 128);
        check_bounds(&network);
        check_round(&network);
        if (size >= len + 1 + 16) {
            bool same = true;
            for (unsigned i = 0; i < network.prefix; i++)
                same = same && bit(end + 1, i) == bit(network.address, i);
            require(has(&network, end + 1) == same);
        }
    }
    free(text);
    return 0;
}
