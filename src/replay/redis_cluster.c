// SPDX-License-Identifier: ISC
#include "replay/redis_cluster.h"

#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "replay/redis_slots.h"

#define NOBODY UINT16_MAX
#define MAP_EVERY 10000 /* milliseconds between two CLUSTER SLOTS requests */
#define MAP_PAUSE 200   /* milliseconds at least between them, however often a node redirects */
#define GONE_AFTER 60000
#define LABEL_MAX (REDIS_ADDRESS_HOST_MAX + 10)

struct node {
    struct redis_link *link;
    bool named; /* the configuration names it, so it is never removed */
    char host[REDIS_ADDRESS_HOST_MAX + 1];
    char address[ENDPOINT_TEXT_MAX];
    uint16_t port;
    uint64_t seen_at; /* monotonic milliseconds: last reported by a node */
    const char *names[REDIS_ADDRESS_HOSTS_MAX + 2];
    size_t names_count;
};

struct redis_cluster {
    const struct redis_link_setup *links;
    struct node *nodes[REDIS_CLUSTER_NODES_MAX];
    size_t count;
    uint16_t owners[REDIS_SLOTS]; /* indices of nodes, or NOBODY */
    bool mapped;                  /* at least once */
    bool told;                    /* at least one server has replied */
    bool asking;
    bool doubted;
    uint64_t asked_at;
    size_t turn; /* the node to ask next */
    uint64_t well_at;
    /* Used while a slot map is read: */
    const struct redis_link *from;
    uint64_t mono_ms;
};

static const char slots_command[] = "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n";

static void free_node(struct node *node)
{
    redis_link_free(&node->link);
    free(node);
}

void redis_cluster_free(struct redis_cluster **cluster)
{
    struct redis_cluster *c = *cluster;

    if (c == NULL)
        return;
    for (size_t i = 0; i < c->count; i++)
        free_node(c->nodes[i]);
    free(c);
    *cluster = NULL;
}

/* Adds the node, and takes ownership of it. */
static struct node *redis_cluster_add(struct redis_cluster *c, struct node *node, const char *path,
        const struct endpoint *endpoints, size_t count, uint64_t mono_ms)
{
    char label[LABEL_MAX];
    const struct redis_link_place place = {.label = label,
            .path = path,
            .endpoints = endpoints,
            .count = count,
            .names = node->names,
            .names_count = node->names_count};

    if (path != NULL)
        snprintf(label, sizeof label, "%s", path);
    else
        snprintf(label, sizeof label, strchr(node->host, ':') != NULL ? "[%s]:%u" : "%s:%u",
                node->host, (unsigned)node->port);
    node->seen_at = mono_ms;
    node->link = redis_link_init(c->links, &place, mono_ms);
    if (node->link == NULL) {
        free(node);
        return NULL;
    }
    c->nodes[c->count++] = node;
    return node;
}

static size_t redis_cluster_look_up(const struct redis_address_host *host,
        struct endpoint endpoints_r[REDIS_LINK_ENDPOINTS_MAX])
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[6];
    size_t count = 0;

    snprintf(port, sizeof port, "%u", (unsigned)host->port);
    if (getaddrinfo(host->name, port, &hints, &found) != 0)
        return 0;
    for (const struct addrinfo *at = found; at != NULL && count < REDIS_LINK_ENDPOINTS_MAX;
            at = at->ai_next) {
        if (at->ai_addrlen > sizeof endpoints_r->address)
            continue;
        endpoints_r[count] = (struct endpoint){.len = at->ai_addrlen};
        memcpy(&endpoints_r[count++].address, at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(found);
    return count;
}

static bool add_named(struct redis_cluster *c, const struct redis_address_host *host,
        const char *path, uint64_t mono_ms)
{
    struct endpoint endpoints[REDIS_LINK_ENDPOINTS_MAX];
    struct node *node = calloc(1, sizeof *node);

    if (node == NULL)
        return false;
    node->named = true;
    if (path == NULL) {
        snprintf(node->host, sizeof node->host, "%s", host->name);
        node->port = host->port;
        node->names[node->names_count++] = host->name;
    }
    const size_t count = path == NULL ? redis_cluster_look_up(host, endpoints) : 0;
    return redis_cluster_add(c, node, path, endpoints, count, mono_ms) != NULL;
}

/* Before the first name is looked up. A name server that does not answer must not delay a worker
 * for long. When it is out of memory, glibc (2.36, 2.41) keeps a lock of its resolver for good:
 * whoever asks that once more waits for ever. So a process whose first time failed never asks
 * again. */
static bool redis_cluster_begin_resolver(void)
{
    static bool is_lost;

    is_lost = is_lost || res_init() != 0;
    if (is_lost)
        return false;
    _res.retrans = 1; /* seconds */
    _res.retry = 1;
    return true;
}

struct redis_cluster *redis_cluster_init(const struct redis_link_setup *links, uint64_t mono_ms)
{
    const struct redis_address *address = links->address;
    struct redis_cluster *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->links = links;
    c->well_at = mono_ms;
    for (size_t slot = 0; slot < REDIS_SLOTS; slot++)
        c->owners[slot] = NOBODY;
    bool good = address->path[0] != '\0' ? add_named(c, NULL, address->path, mono_ms)
                                         : redis_cluster_begin_resolver();
    for (size_t i = 0; good && i < address->count; i++)
        good = add_named(c, &address->hosts[i], NULL, mono_ms);
    if (!good)
        redis_cluster_free(&c);
    return c;
}

struct redis_link *redis_cluster_route(const struct redis_cluster *cluster, uint16_t slot)
{
    const uint16_t owner = cluster->owners[slot];

    return owner != NOBODY ? cluster->nodes[owner]->link : NULL;
}

bool redis_cluster_is_coming(const struct redis_cluster *cluster)
{
    for (size_t i = 0; !cluster->told && i < cluster->count; i++)
        if (redis_link_state(cluster->nodes[i]->link) != REDIS_LINK_DOWN)
            return true;
    return false;
}

static bool redis_cluster_make_endpoint(
        struct text host, uint16_t port, struct endpoint *endpoint_r)
{
    char text[INET6_ADDRSTRLEN + 10];
    const bool v6 = host.len > 0 && memchr(host.at, ':', host.len) != NULL;

    if (host.len == 0 || host.len >= INET6_ADDRSTRLEN || memchr(host.at, '\0', host.len) != NULL)
        return false;
    snprintf(text, sizeof text, v6 ? "[%.*s]:%u" : "%.*s:%u", (int)host.len, host.at,
            (unsigned)port);
    return endpoint_parse(text, endpoint_r) && !endpoint_r->wildcard;
}

static uint16_t redis_cluster_find(const struct redis_cluster *c, struct text host, uint16_t port,
        const struct endpoint *endpoint)
{
    for (size_t i = 0; i < c->count; i++)
        if ((c->nodes[i]->port == port && text_equal_fold(text_of(c->nodes[i]->host), host)) ||
                (endpoint != NULL && redis_link_is_at(c->nodes[i]->link, endpoint)))
            return (uint16_t)i;
    return NOBODY;
}

/* Sets the names that the node's certificate may have: the name that the other nodes report, or one
 * from the configuration. */
static void name_node(const struct redis_cluster *c, struct node *node)
{
    const struct redis_address *address = c->links->address;

    node->names[node->names_count++] = node->host;
    if (node->address[0] != '\0')
        node->names[node->names_count++] = node->address;
    for (size_t i = 0; i < address->count; i++)
        node->names[node->names_count++] = address->hosts[i].name;
}

static uint16_t add_told(struct redis_cluster *c, struct text host, uint16_t port,
        const struct endpoint *endpoint, uint64_t mono_ms)
{
    struct node *node = c->count < REDIS_CLUSTER_NODES_MAX ? calloc(1, sizeof *node) : NULL;

    if (node == NULL)
        return NOBODY;
    snprintf(node->host, sizeof node->host, "%.*s", (int)host.len, host.at);
    endpoint_format_address(endpoint, node->address);
    node->port = port;
    name_node(c, node);
    return redis_cluster_add(c, node, NULL, endpoint, 1, mono_ms) != NULL ? (uint16_t)(c->count - 1)
                                                                          : NOBODY;
}

/* Finds the node that `from` reports, or adds it. `address`: the host's address, if `host` is a
 * name. */
static uint16_t redis_cluster_meet(struct redis_cluster *c, const struct redis_link *from,
        struct text host, struct text address, uint16_t port, uint64_t mono_ms)
{
    char own[ENDPOINT_TEXT_MAX];
    struct endpoint endpoint;

    if (port == 0)
        return NOBODY;
    if (host.len == 0) {
        if (c->links->address->path[0] != '\0')
            return 0; /* a unix socket has a single server */
        endpoint_format_address(redis_link_endpoint(from), own);
        host = text_of(own);
    }
    const bool there = redis_cluster_make_endpoint(host, port, &endpoint) ||
                       redis_cluster_make_endpoint(address, port, &endpoint);
    uint16_t index = redis_cluster_find(c, host, port, there ? &endpoint : NULL);
    if (index == NOBODY && there && host.len <= REDIS_ADDRESS_HOST_MAX)
        index = add_told(c, host, port, &endpoint, mono_ms);
    if (index != NOBODY)
        c->nodes[index]->seen_at = mono_ms;
    return index;
}

struct redis_link *redis_cluster_follow(struct redis_cluster *cluster,
        const struct redis_link *from, const struct redis_redirection *redirection,
        uint64_t mono_ms)
{
    const struct text none = {NULL, 0};
    const uint16_t index =
            redis_cluster_meet(cluster, from, redirection->host, none, redirection->port, mono_ms);

    if (!redirection->ask)
        redis_cluster_doubt(cluster);
    if (index == NOBODY)
        return NULL;
    if (!redirection->ask)
        cluster->owners[redirection->slot] = index;
    return cluster->nodes[index]->link;
}

void redis_cluster_doubt(struct redis_cluster *cluster)
{
    cluster->doubted = true;
}

void redis_cluster_on_ready(struct redis_cluster *cluster, const struct redis_link *link)
{
    if (redis_link_info(link)->cluster) {
        if (!cluster->mapped)
            cluster->asked_at = 0; /* the request was too early: repeat it */
        return;
    }
    /* A single server owns all slots. */
    for (size_t slot = 0; slot < REDIS_SLOTS; slot++)
        cluster->owners[slot] = 0;
    cluster->mapped = true;
    cluster->told = true;
}

/* A slot that the map does not mention keeps its owner. If the owner lost the slot, it redirects us
 * to the new one. */
static void take_range(void *context, const struct redis_slots_range *range)
{
    struct redis_cluster *c = context;
    const uint16_t index =
            redis_cluster_meet(c, c->from, range->host, range->address, range->port, c->mono_ms);

    for (unsigned slot = range->first; index != NOBODY && slot <= range->last; slot++) {
        c->owners[slot] = index;
        c->mapped = true;
    }
}

void redis_cluster_on_slots(struct redis_cluster *cluster, const struct redis_link *from,
        const redisReply *reply, uint64_t mono_ms)
{
    cluster->asking = false;
    cluster->told = cluster->told || reply != NULL;
    cluster->from = from;
    cluster->mono_ms = mono_ms;
    if (reply == NULL || !redis_slots_read(reply, take_range, cluster))
        cluster->doubted = true;
}

/* Removes a node that has not been reported for long. The last node moves to its index. */
static void remove_node(struct redis_cluster *c, size_t index)
{
    const size_t last = c->count - 1;

    free_node(c->nodes[index]);
    c->nodes[index] = c->nodes[last];
    c->count = last;
    for (size_t slot = 0; slot < REDIS_SLOTS; slot++) {
        if (c->owners[slot] == index)
            c->owners[slot] = NOBODY;
        else if (c->owners[slot] == last)
            c->owners[slot] = (uint16_t)index;
    }
}

static bool ask_one(struct redis_cluster *c, struct redis_link *link, uint64_t mono_ms)
{
    if (redis_link_state(link) != REDIS_LINK_READY || !redis_link_info(link)->cluster ||
            !redis_link_ask(
                    link, REDIS_CLUSTER_ASKS_SLOTS, c, text_of(slots_command), NULL, mono_ms))
        return false;
    redis_link_flush(link, mono_ms);
    return true;
}

static void ask_map(struct redis_cluster *c, uint64_t mono_ms)
{
    c->asked_at = mono_ms;
    for (size_t i = 0; i < c->count; i++) {
        c->turn = (c->turn + 1) % c->count;
        if (ask_one(c, c->nodes[c->turn]->link, mono_ms)) {
            c->asking = true;
            c->doubted = false;
            return;
        }
    }
}

static uint64_t map_due(const struct redis_cluster *c)
{
    return c->asking ? UINT64_MAX : c->asked_at + (c->doubted ? MAP_PAUSE : MAP_EVERY);
}

uint64_t redis_cluster_tick(struct redis_cluster *cluster, uint64_t mono_ms)
{
    uint64_t due = UINT64_MAX;

    for (size_t i = 0; i < cluster->count; i++) {
        struct redis_link *link = cluster->nodes[i]->link;
        const uint64_t link_due = redis_link_tick(link, mono_ms);
        if (link_due < due)
            due = link_due;
        if (redis_link_state(link) == REDIS_LINK_READY)
            cluster->well_at = mono_ms;
    }
    for (size_t i = 0; i < cluster->count;) {
        const struct node *node = cluster->nodes[i];
        if (!node->named && mono_ms - node->seen_at > GONE_AFTER)
            remove_node(cluster, i);
        else
            i++;
    }
    if (mono_ms >= map_due(cluster))
        ask_map(cluster, mono_ms);
    return map_due(cluster) < due ? map_due(cluster) : due;
}

size_t redis_cluster_count(const struct redis_cluster *cluster)
{
    return cluster->count;
}

struct redis_link *redis_cluster_link(const struct redis_cluster *cluster, size_t index)
{
    return cluster->nodes[index]->link;
}

uint64_t redis_cluster_well_at(const struct redis_cluster *cluster)
{
    return cluster->well_at;
}

const struct redis_link *redis_cluster_trouble(const struct redis_cluster *cluster)
{
    for (size_t i = 0; i < cluster->count; i++)
        if (redis_link_error(cluster->nodes[i]->link)[0] != '\0')
            return cluster->nodes[i]->link;
    return NULL;
}
