// SPDX-License-Identifier: ISC
#include "verimaild/connection.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define NETWORKS_MAX 2 /* per source: its address and, for IPv6, its network */
#define CLASSIC_SHARES 4096

/* A network: its length and its first octets, of IPv4 mapped into IPv6. */
struct network {
    unsigned char octets[16];
    unsigned char bits;
};

struct slot {
    struct network network;
    uint32_t open; /* 0: the slot is free */
};

struct connection_limits {
    struct connection_limits_setup limits;
    unsigned char seed[16];
    size_t mask;
    struct ratelimit classic[CLASSIC_SHARES];
    struct slot slots[];
};

struct connection_limits *connection_limits_init(size_t connections,
        const struct connection_limits_setup *limits, const unsigned char seed[16])
{
    size_t size = 16;

    while (size < connections * NETWORKS_MAX * 2)
        size *= 2;
    struct connection_limits *s = calloc(1, sizeof *s + size * sizeof s->slots[0]);
    if (s == NULL)
        return NULL;
    s->limits = *limits;
    s->mask = size - 1;
    memcpy(s->seed, seed, sizeof s->seed);
    for (size_t i = 0; i < CLASSIC_SHARES; i++)
        s->classic[i] =
                (struct ratelimit){.rate = limits->classic_rate, .burst = limits->classic_rate};
    return s;
}

void connection_limits_free(struct connection_limits **limits)
{
    free(*limits);
    *limits = NULL;
}

static struct network connection_limits_network_of(
        const struct in6_addr *address, unsigned char bits)
{
    struct network n = {.bits = bits};

    memcpy(n.octets, address->s6_addr, bits / 8);
    return n;
}

/* The networks that a source belongs to, the narrowest first. */
static size_t connection_limits_networks_of(
        const struct endpoint *source, struct network networks_r[NETWORKS_MAX])
{
    const struct endpoint plain = endpoint_unmapped(source);

    if (plain.address.any.sa_family == AF_INET) {
        networks_r[0] = (struct network){.bits = 128};
        memcpy(networks_r[0].octets + 12, &plain.address.v4.sin_addr, 4);
        return 1;
    }
    networks_r[0] = connection_limits_network_of(&plain.address.v6.sin6_addr, 64);
    networks_r[1] = connection_limits_network_of(&plain.address.v6.sin6_addr, 48);
    return 2;
}

static size_t connection_limits_hash(
        const struct connection_limits *s, const struct network *network)
{
    uint64_t out = 0;
    unsigned char octets[sizeof network->octets + 1];

    memcpy(octets, network->octets, sizeof network->octets);
    octets[sizeof network->octets] = network->bits;
    crypto_shorthash((unsigned char *)&out, octets, sizeof octets, s->seed);
    return (size_t)out;
}

static bool connection_limits_same(const struct network *a, const struct network *b)
{
    return a->bits == b->bits && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

/* The slot of this network, or the free slot where it belongs. */
static size_t connection_limits_find(
        const struct connection_limits *s, const struct network *network)
{
    size_t i = connection_limits_hash(s, network) & s->mask;

    while (s->slots[i].open > 0 && !connection_limits_same(&s->slots[i].network, network))
        i = (i + 1) & s->mask;
    return i;
}

bool connection_limits_may_open(const struct connection_limits *s, const struct endpoint *source)
{
    const uint32_t limits[NETWORKS_MAX] = {s->limits.per_address, s->limits.per_network};
    struct network networks[NETWORKS_MAX];
    const size_t count = connection_limits_networks_of(source, networks);

    for (size_t i = 0; i < count; i++)
        if (s->slots[connection_limits_find(s, &networks[i])].open >= limits[i])
            return false;
    return true;
}

void connection_limits_add(struct connection_limits *s, const struct endpoint *source)
{
    struct network networks[NETWORKS_MAX];
    const size_t count = connection_limits_networks_of(source, networks);

    for (size_t i = 0; i < count; i++) {
        struct slot *slot = &s->slots[connection_limits_find(s, &networks[i])];
        slot->network = networks[i];
        slot->open++;
    }
}

/* Fills the slot at `hole`, at which a search would stop too early. */
static void connection_limits_close_gap(struct connection_limits *s, size_t hole)
{
    for (size_t i = (hole + 1) & s->mask; s->slots[i].open > 0; i = (i + 1) & s->mask) {
        const size_t home = connection_limits_hash(s, &s->slots[i].network) & s->mask;
        /* It may move if its home does not lie behind the hole, modulo the size. */
        if (((i - home) & s->mask) >= ((i - hole) & s->mask)) {
            s->slots[hole] = s->slots[i];
            s->slots[i].open = 0;
            hole = i;
        }
    }
}

void connection_limits_remove(struct connection_limits *s, const struct endpoint *source)
{
    struct network networks[NETWORKS_MAX];
    const size_t count = connection_limits_networks_of(source, networks);

    for (size_t i = 0; i < count; i++) {
        const size_t at = connection_limits_find(s, &networks[i]);
        if (s->slots[at].open > 0 && --s->slots[at].open == 0)
            connection_limits_close_gap(s, at);
    }
}

bool connection_limits_take_classic(
        struct connection_limits *s, const struct endpoint *source, uint64_t mono_ms)
{
    struct network networks[NETWORKS_MAX];

    connection_limits_networks_of(source, networks);
    return ratelimit_take(
            &s->classic[connection_limits_hash(s, &networks[0]) % CLASSIC_SHARES], mono_ms);
}
