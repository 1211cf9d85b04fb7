// SPDX-License-Identifier: ISC
#include "base/endpoint.h"

#include <arpa/inet.h>
#include <string.h>

#include "protocol/text.h"

static bool parse_address(const char *host, struct endpoint *e)
{
    if (strcmp(host, "*") == 0) {
        e->address.v6.sin6_family = AF_INET6;
        e->address.v6.sin6_addr = in6addr_any;
        e->len = sizeof e->address.v6;
        e->wildcard = true;
        return true;
    }
    if (host[0] == '[') {
        char inside[INET6_ADDRSTRLEN] = "";
        const size_t len = strlen(host);
        if (host[len - 1] != ']' || len - 2 >= sizeof inside)
            return false;
        memcpy(inside, host + 1, len - 2);
        e->address.v6.sin6_family = AF_INET6;
        e->len = sizeof e->address.v6;
        return inet_pton(AF_INET6, inside, &e->address.v6.sin6_addr) == 1;
    }
    e->address.v4.sin_family = AF_INET;
    e->len = sizeof e->address.v4;
    return inet_pton(AF_INET, host, &e->address.v4.sin_addr) == 1;
}

bool endpoint_parse(const char *text, struct endpoint *endpoint_r)
{
    char host[INET6_ADDRSTRLEN + 3];
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;

    memset(endpoint_r, 0, sizeof *endpoint_r);
    if (colon == NULL || (size_t)(colon - text) >= sizeof host || colon == text)
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    if (!text_decimal(text_of(colon + 1), 65535, &port) || !parse_address(host, endpoint_r))
        return false;
    if (endpoint_r->address.any.sa_family == AF_INET)
        endpoint_r->address.v4.sin_port = htons((uint16_t)port);
    else
        endpoint_r->address.v6.sin6_port = htons((uint16_t)port);
    return true;
}

struct endpoint endpoint_unmapped(const struct endpoint *endpoint)
{
    struct endpoint plain = {.len = sizeof plain.address.v4};

    if (endpoint->address.any.sa_family != AF_INET6 ||
            !IN6_IS_ADDR_V4MAPPED(&endpoint->address.v6.sin6_addr))
        return *endpoint;
    plain.address.v4.sin_family = AF_INET;
    plain.address.v4.sin_port = endpoint->address.v6.sin6_port;
    memcpy(&plain.address.v4.sin_addr, endpoint->address.v6.sin6_addr.s6_addr + 12, 4);
    return plain;
}

/* Written for every question that is logged, so without stdio. */
static void put_address(struct writer *w, const struct endpoint *plain)
{
    const unsigned char *octets = (const unsigned char *)&plain->address.v4.sin_addr;
    char buffer[INET6_ADDRSTRLEN];

    if (plain->address.any.sa_family == AF_INET6) {
        writer_string(w, inet_ntop(AF_INET6, &plain->address.v6.sin6_addr, buffer, sizeof buffer));
        return;
    }
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            writer_char(w, '.');
        writer_decimal(w, octets[i]);
    }
}

void endpoint_format_address(const struct endpoint *endpoint, char text_r[ENDPOINT_TEXT_MAX])
{
    const struct endpoint plain = endpoint_unmapped(endpoint);
    struct writer w = writer_of(text_r, ENDPOINT_TEXT_MAX - 1);

    put_address(&w, &plain);
    *w.at = '\0';
}

void endpoint_format(const struct endpoint *endpoint, char text_r[ENDPOINT_TEXT_MAX])
{
    const struct endpoint plain = endpoint_unmapped(endpoint);
    const bool v4 = plain.address.any.sa_family == AF_INET;
    struct writer w = writer_of(text_r, ENDPOINT_TEXT_MAX - 1);

    writer_string(&w, v4 ? "" : "[");
    put_address(&w, &plain);
    writer_string(&w, v4 ? ":" : "]:");
    writer_decimal(&w, ntohs(v4 ? plain.address.v4.sin_port : plain.address.v6.sin6_port));
    *w.at = '\0';
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    if (a->address.any.sa_family != b->address.any.sa_family || a->wildcard != b->wildcard)
        return false;
    if (a->address.any.sa_family == AF_INET)
        return a->address.v4.sin_port == b->address.v4.sin_port &&
               a->address.v4.sin_addr.s_addr == b->address.v4.sin_addr.s_addr;
    return a->address.v6.sin6_port == b->address.v6.sin6_port &&
           IN6_ARE_ADDR_EQUAL(&a->address.v6.sin6_addr, &b->address.v6.sin6_addr);
}

bool endpoint_is_loopback(const struct endpoint *endpoint)
{
    const struct endpoint e = endpoint_unmapped(endpoint);

    if (e.wildcard)
        return false;
    if (e.address.any.sa_family == AF_INET)
        return ntohl(e.address.v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&e.address.v6.sin6_addr);
}

unsigned endpoint_port(const struct endpoint *endpoint)
{
    return ntohs(endpoint->address.any.sa_family == AF_INET ? endpoint->address.v4.sin_port
                                                            : endpoint->address.v6.sin6_port);
}

bool endpoint_is_any(const struct endpoint *endpoint)
{
    return endpoint->address.any.sa_family == AF_INET
                   ? endpoint->address.v4.sin_addr.s_addr == htonl(INADDR_ANY)
                   : IN6_IS_ADDR_UNSPECIFIED(&endpoint->address.v6.sin6_addr);
}

bool endpoint_is_target(const struct endpoint *endpoint)
{
    const struct endpoint plain = endpoint_unmapped(endpoint);

    return endpoint_port(&plain) != 0 && !endpoint_is_any(&plain);
}
