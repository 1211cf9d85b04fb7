// SPDX-License-Identifier: ISC
#include "replay/redis_info.h"

#include <stdio.h>

static bool starts_with(struct text t, const char *start)
{
    const struct text wanted = text_of(start);

    return t.len >= wanted.len && memcmp(t.at, wanted.at, wanted.len) == 0;
}

/* The value behind `name=` in `name=value,name=value`; empty: there is none. */
static struct text redis_info_value_of(struct text fields, const char *name)
{
    struct reader r = reader_of(fields);

    while (r.rest.len > 0) {
        struct reader field = reader_of(reader_field(&r, ','));
        const struct text key = reader_field(&field, '=');
        if (text_equal(key, text_of(name)))
            return reader_rest(&field);
    }
    return (struct text){NULL, 0};
}

static uint64_t redis_info_number_of(struct text t)
{
    uint64_t number = 0;

    return text_decimal(t, UINT64_MAX, &number) ? number : 0;
}

/* slave0:ip=192.0.2.1,port=6379,state=online,offset=14,lag=1: one that still gets its first copy,
 * or hangs, confirms nothing. */
static bool is_online_replica(struct text name, struct text value)
{
    uint64_t lag = 0;

    return starts_with(name, "slave") && name.len > 5 && text_is_digit(name.at[5]) &&
           text_equal(redis_info_value_of(value, "state"), text_of("online")) &&
           text_decimal(redis_info_value_of(value, "lag"), REDIS_INFO_LAG_MAX, &lag);
}

static void take_policy(struct text value, struct redis_info *info)
{
    if (value.len < sizeof info->policy) {
        memcpy(info->policy, value.at, value.len);
        info->policy[value.len] = '\0';
    }
}

static void redis_info_read_line(struct text line, const char *keyspace, struct redis_info *info)
{
    struct reader r = reader_of(text_trim(line));
    const struct text name = reader_until(&r, ':');
    const struct text value = reader_rest(&r);

    if (name.len == 0 || value.len == 0)
        return;
    if (text_equal(name, text_of("cluster_enabled")))
        info->cluster = text_equal(value, text_of("1"));
    else if (text_equal(name, text_of("role")))
        info->replica = !text_equal(value, text_of("master"));
    else if (text_equal(name, text_of("loading")))
        info->loading = !text_equal(value, text_of("0"));
    else if (text_equal(name, text_of("maxmemory_policy")))
        take_policy(value, info);
    else if (text_equal(name, text_of("used_memory")))
        info->memory = redis_info_number_of(value);
    else if (text_equal(name, text_of(keyspace)))
        info->keys = redis_info_number_of(redis_info_value_of(value, "keys"));
    else if (is_online_replica(name, value))
        info->replicas++;
}

void redis_info_read(struct text t, unsigned database, struct redis_info *info_r)
{
    struct reader r = reader_of(t);
    char keyspace[16];

    *info_r = (struct redis_info){.cluster = false};
    snprintf(keyspace, sizeof keyspace, "db%u", database);
    while (r.rest.len > 0)
        redis_info_read_line(reader_field(&r, '\n'), keyspace, info_r);
}

bool redis_info_is_fit(const struct redis_info *info, bool cluster_only, char *error_r, size_t size)
{
    const char *why = "";

    if (info->policy[0] == '\0')
        why = "does not say what its maxmemory-policy is";
    else if (info->loading)
        why = "is still loading its data";
    else if (cluster_only && !info->cluster)
        why = "is none of a cluster, though several servers are named";
    else if (info->replica && !info->cluster)
        why = "is a replica of another server";
    snprintf(error_r, size, "%s", why);
    if (why[0] == '\0' && strcmp(info->policy, "noeviction") != 0)
        snprintf(error_r, size,
                "may forget counts: its maxmemory-policy is %s, and must be noeviction",
                info->policy);
    return error_r[0] == '\0';
}
