// SPDX-License-Identifier: ISC
#include "events/privacy.h"

#include <netinet/in.h>
#include <string.h>

/* A network's number: a mark for the family, then the octets of the network. */
#define MARK_SHIFT 56
#define MARK_V4 UINT64_C(4)
#define MARK_V6 UINT64_C(6)
#define OCTETS_V4 3
#define OCTETS_V6 6

static const struct {
    const char *word;
    enum privacy privacy;
} words[] = {
        {"full", PRIVACY_FULL},
        {"network", PRIVACY_NETWORK},
        {"none", PRIVACY_NONE},
};

bool privacy_find(const char *word, enum privacy *privacy_r)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].word, word) == 0) {
            *privacy_r = words[i].privacy;
            return true;
        }
    }
    return false;
}

static uint64_t privacy_number(uint64_t mark, const unsigned char *octets, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++)
        value = value << 8 | octets[i];
    return mark << MARK_SHIFT | value;
}

static uint64_t privacy_number_of_v6(const struct in6_addr *v6)
{
    return IN6_IS_ADDR_V4MAPPED(v6) ? privacy_number(MARK_V4, v6->s6_addr + 12, OCTETS_V4)
                                    : privacy_number(MARK_V6, v6->s6_addr, OCTETS_V6);
}

uint64_t privacy_network_of(const struct endpoint *endpoint)
{
    unsigned char octets[sizeof(struct in_addr)];

    if (endpoint->address.any.sa_family == AF_INET6)
        return privacy_number_of_v6(&endpoint->address.v6.sin6_addr);
    if (endpoint->address.any.sa_family != AF_INET)
        return 0;
    memcpy(octets, &endpoint->address.v4.sin_addr, sizeof octets);
    return privacy_number(MARK_V4, octets, OCTETS_V4);
}

uint64_t privacy_network(struct text address)
{
    char zero_terminated[PRIVACY_TEXT_MAX];
    unsigned char octets[sizeof(struct in6_addr)];

    if (address.len >= sizeof zero_terminated || address.len == 0)
        return 0;
    memcpy(zero_terminated, address.at, address.len);
    zero_terminated[address.len] = '\0';
    if (strlen(zero_terminated) != address.len)
        return 0;
    if (inet_pton(AF_INET, zero_terminated, octets) == 1)
        return privacy_number(MARK_V4, octets, OCTETS_V4);
    if (inet_pton(AF_INET6, zero_terminated, octets) != 1)
        return 0;
    struct in6_addr v6;
    memcpy(&v6, octets, sizeof v6);
    return privacy_number_of_v6(&v6);
}

/* As inet_ntop() has it, which takes a printf() for it. */
static struct text privacy_text_of_v4(uint64_t network, char buffer_r[PRIVACY_TEXT_MAX])
{
    struct writer w = writer_of(buffer_r, PRIVACY_TEXT_MAX);

    for (unsigned shift = 8 * OCTETS_V4; shift > 0; shift -= 8) {
        writer_decimal(&w, network >> (shift - 8) & 255);
        writer_char(&w, '.');
    }
    writer_string(&w, "0");
    writer_char(&w, '\0');
    return text_of(buffer_r);
}

struct text privacy_text(uint64_t network, char buffer_r[PRIVACY_TEXT_MAX])
{
    unsigned char octets[sizeof(struct in6_addr)] = {0};

    if (network == 0)
        return (struct text){"", 0};
    if (network >> MARK_SHIFT == MARK_V4)
        return privacy_text_of_v4(network, buffer_r);
    for (size_t i = OCTETS_V6; i-- > 0; network >>= 8)
        octets[i] = (unsigned char)network;
    if (inet_ntop(AF_INET6, octets, buffer_r, PRIVACY_TEXT_MAX) == NULL)
        return (struct text){"", 0};
    return text_of(buffer_r);
}

struct text privacy_prefix_text(uint64_t network, char buffer_r[PRIVACY_TEXT_MAX])
{
    const struct text address = privacy_text(network, buffer_r);

    if (address.len == 0)
        return address;
    /* There is room for the prefix: a network's first address is that much shorter than the longest
     * address. */
    struct writer w = writer_of(buffer_r + address.len, PRIVACY_TEXT_MAX - address.len);
    writer_string(&w, network >> MARK_SHIFT == MARK_V4 ? "/24" : "/48");
    return (struct text){buffer_r, address.len + writer_text(&w).len};
}

struct text privacy_apply(
        enum privacy privacy, struct text address, char buffer_r[PRIVACY_TEXT_MAX])
{
    if (privacy == PRIVACY_FULL)
        return address;
    return privacy_text(privacy == PRIVACY_NETWORK ? privacy_network(address) : 0, buffer_r);
}
