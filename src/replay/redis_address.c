// SPDX-License-Identifier: ISC
#include "replay/redis_address.h"

#include <arpa/inet.h>
#include <string.h>

#define DATABASE_MAX 65535

static bool take_scheme(struct text *t, const char *scheme)
{
    const struct text wanted = text_of(scheme);

    if (t->len < wanted.len || memcmp(t->at, wanted.at, wanted.len) != 0)
        return false;
    *t = (struct text){t->at + wanted.len, t->len - wanted.len};
    return true;
}

static bool is_letter(char c)
{
    return text_lower(c) >= 'a' && text_lower(c) <= 'z';
}

static bool has_only(struct text t, const char *marks)
{
    for (size_t i = 0; i < t.len; i++)
        if (!is_letter(t.at[i]) && !text_is_digit(t.at[i]) &&
                (t.at[i] == '\0' || strchr(marks, t.at[i]) == NULL))
            return false;
    return t.len > 0;
}

static bool redis_address_keep(struct text t, char *buffer, size_t size)
{
    if (t.len >= size)
        return false;
    memcpy(buffer, t.at, t.len);
    buffer[t.len] = '\0';
    return true;
}

/* [USER@] */
static bool redis_address_take_user(struct text *t, struct redis_address *address)
{
    const char *at = t->len > 0 ? memchr(t->at, '@', t->len) : NULL;

    if (at == NULL)
        return true;
    const struct text user = {t->at, (size_t)(at - t->at)};
    *t = (struct text){at + 1, t->len - user.len - 1};
    return has_only(user, "-._+=~") &&
           redis_address_keep(user, address->user, sizeof address->user);
}

/* A host name, which may have underscores, or an address in brackets. */
static bool redis_address_take_name(struct text name, struct redis_address_host *host)
{
    struct in6_addr address;

    if (name.len < 2 || name.at[0] != '[')
        return has_only(name, "-._") && redis_address_keep(name, host->name, sizeof host->name);
    if (name.at[name.len - 1] != ']')
        return false;
    const struct text inside = {name.at + 1, name.len - 2};
    return has_only(inside, ":.") && redis_address_keep(inside, host->name, sizeof host->name) &&
           inet_pton(AF_INET6, host->name, &address) == 1;
}

/* HOST[:PORT] */
static bool redis_address_take_host(struct text t, struct redis_address *address)
{
    if (address->count == REDIS_ADDRESS_HOSTS_MAX)
        return false;
    struct redis_address_host *host = &address->hosts[address->count++];
    const char *colon = t.len > 0 ? memrchr(t.at, ':', t.len) : NULL;
    uint64_t port = REDIS_ADDRESS_PORT;

    if (colon != NULL && t.at[t.len - 1] != ']') {
        const size_t before = (size_t)(colon - t.at);
        if (!text_decimal((struct text){colon + 1, t.len - before - 1}, UINT16_MAX, &port) ||
                port == 0)
            return false;
        t.len = before;
    }
    host->port = (uint16_t)port;
    return redis_address_take_name(t, host);
}

static bool take_database(struct text t, struct redis_address *address)
{
    uint64_t database = 0;

    if (!text_decimal(t, DATABASE_MAX, &database))
        return false;
    address->database = (unsigned)database;
    return true;
}

static bool parse_path(struct text t, struct redis_address *address)
{
    struct reader r = reader_of(t);
    const struct text path = reader_field(&r, '?');
    struct text parameter = reader_rest(&r);

    if (path.len < 2 || path.at[0] != '/' || memchr(path.at, '\0', path.len) != NULL ||
            !redis_address_keep(path, address->path, sizeof address->path))
        return false;
    if (path.len == t.len)
        return true;
    return take_scheme(&parameter, "db=") && take_database(parameter, address);
}

static bool parse_hosts(struct text t, struct redis_address *address)
{
    struct reader r = reader_of(t);
    const struct text hosts = reader_field(&r, '/');
    const struct text database = reader_rest(&r);
    struct reader list = reader_of(hosts);

    if (hosts.len == 0 || hosts.at[hosts.len - 1] == ',')
        return false;
    while (list.rest.len > 0)
        if (!redis_address_take_host(reader_field(&list, ','), address))
            return false;
    return database.len == 0 || take_database(database, address);
}

bool redis_address_parse(struct text t, struct redis_address *address_r)
{
    *address_r = (struct redis_address){.tls = false};
    if (take_scheme(&t, "redis+unix://"))
        return redis_address_take_user(&t, address_r) && parse_path(t, address_r);
    address_r->tls = take_scheme(&t, "rediss://");
    return (address_r->tls || take_scheme(&t, "redis://")) &&
           redis_address_take_user(&t, address_r) && parse_hosts(t, address_r);
}

bool redis_address_has_names(const struct redis_address *address)
{
    unsigned char octets[sizeof(struct in6_addr)];

    for (size_t i = 0; i < address->count; i++)
        if (inet_pton(AF_INET, address->hosts[i].name, octets) != 1 &&
                inet_pton(AF_INET6, address->hosts[i].name, octets) != 1)
            return true;
    return false;
}
