// SPDX-License-Identifier: ISC
#include "base/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Where an IPv4 address lies in IPv6. */
static void map(const struct in_addr *v4, unsigned char address_r[16])
{
    memcpy(address_r, mapped, sizeof mapped);
    memcpy(address_r + sizeof mapped, v4, sizeof *v4);
}

static bool bit(const unsigned char address[16], unsigned i)
{
    return (address[i / 8] >> (7 - i % 8) & 1) != 0;
}

static bool read_prefix(struct text t, unsigned offset, unsigned *prefix_r)
{
    uint64_t bits;

    if (!text_decimal(t, 128 - offset, &bits))
        return false;
    *prefix_r = (unsigned)bits + offset;
    return true;
}

bool network_parse(const char *text, struct network *network_r)
{
    const char *slash = strchr(text, '/');
    const size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    char address[INET6_ADDRSTRLEN];
    struct network network = {.prefix = 128};
    struct in_addr v4;
    unsigned offset = 0;

    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (inet_pton(AF_INET, address, &v4) == 1) {
        map(&v4, network.address);
        offset = 96;
    } else if (inet_pton(AF_INET6, address, network.address) != 1) {
        return false;
    }
    if (slash != NULL && !read_prefix(text_of(slash + 1), offset, &network.prefix))
        return false;
    for (unsigned i = network.prefix; i < 128; i++)
        if (bit(network.address, i))
            return false;
    *network_r = network;
    return true;
}

bool network_has(const struct network *network, const struct sockaddr *address)
{
    unsigned char octets[16];
    const unsigned whole = network->prefix / 8;

    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        map(&v4.sin_addr, octets);
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        memcpy(octets, &v6.sin6_addr, sizeof octets);
    } else {
        return false;
    }
    if (memcmp(network->address, octets, whole) != 0)
        return false;
    for (unsigned i = whole * 8; i < network->prefix; i++)
        if (bit(network->address, i) != bit(octets, i))
            return false;
    return true;
}

bool network_any_has(const struct network *networks, size_t count, const struct sockaddr *address)
{
    for (size_t i = 0; i < count; i++)
        if (network_has(&networks[i], address))
            return true;
    return false;
}

struct text network_of_client(struct text address, char octets_r[NETWORK_CLIENT_MAX])
{
    char text[INET6_ADDRSTRLEN];
    struct network network;
    struct writer w = writer_of(octets_r, NETWORK_CLIENT_MAX);

    if (address.len >= sizeof text)
        return text_of("");
    memcpy(text, address.at, address.len);
    text[address.len] = '\0';
    if (strchr(text, '/') != NULL || !network_parse(text, &network))
        return text_of("");
    const bool is_v4 = memcmp(network.address, mapped, sizeof mapped) == 0;
    writer_char(&w, '\0');
    writer_put(&w, (struct text){(const char *)network.address + (is_v4 ? sizeof mapped : 0),
                           is_v4 ? 3 : 6});
    return writer_text(&w);
}
