// SPDX-License-Identifier: ISC
#include "replay/redis_reply.h"

#include <stdio.h>
#include <stdlib.h>

struct redis_reply_reader {
    redisReader *reader;
    redisReplyObjectFunctions makers; /* hiredis's own; ours check, then call them */
    redisReplyObjectFunctions theirs;
    size_t octets;       /* octets read since the last complete reply */
    size_t elements;     /* elements read since the last complete reply */
    const char *refusal; /* why one of our functions refused */
    const char *error;
};

static const char too_much[] = "sent a reply that is too large";
static const char not_redis[] = "does not speak Redis's protocol";

/* Refuses a value. hiredis treats NULL as out of memory. */
static void *redis_reply_refuse(const redisReadTask *task, const char *error)
{
    struct redis_reply_reader *r = task->privdata;

    r->refusal = error;
    return NULL;
}

/* Whether the value has a RESP3 type, which hiredis 1 also reads. A server sends these only on
 * request, and we never ask. The RESP3 null is the only null with a type of its own. */
static bool is_resp3(const redisReadTask *task)
{
    return task->type > REDIS_REPLY_ERROR || task->type == REDIS_REPLY_NIL;
}

static size_t depth_of(const redisReadTask *task)
{
    size_t depth = 1;

    for (; task->parent != NULL; task = task->parent)
        depth++;
    return depth;
}

#if HIREDIS_MAJOR >= 1
typedef size_t array_length;

static void *make_double(const redisReadTask *task, double value, char *octets, size_t len)
{
    (void)value;
    (void)octets;
    (void)len;
    return redis_reply_refuse(task, not_redis);
}

static void *make_bool(const redisReadTask *task, int value)
{
    (void)value;
    return redis_reply_refuse(task, not_redis);
}
#else
typedef int array_length;
#endif

/* hiredis creates an array when it has read its length, before its elements. */
static void *make_array(const redisReadTask *task, array_length count)
{
    struct redis_reply_reader *r = task->privdata;

    if (is_resp3(task) || depth_of(task) > REDIS_REPLY_DEPTH_MAX)
        return redis_reply_refuse(task, not_redis);
    if ((size_t)count > REDIS_REPLY_ELEMENTS_MAX - r->elements)
        return redis_reply_refuse(task, too_much);
    r->elements += (size_t)count;
    return r->theirs.createArray(task, count);
}

static void *make_string(const redisReadTask *task, char *octets, size_t len)
{
    const struct redis_reply_reader *r = task->privdata;

    return is_resp3(task) ? redis_reply_refuse(task, not_redis)
                          : r->theirs.createString(task, octets, len);
}

static void *make_nil(const redisReadTask *task)
{
    const struct redis_reply_reader *r = task->privdata;

    return is_resp3(task) ? redis_reply_refuse(task, not_redis) : r->theirs.createNil(task);
}

struct redis_reply_reader *redis_reply_init(void)
{
    struct redis_reply_reader *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->reader = redisReaderCreate();
    if (r->reader == NULL) {
        redis_reply_free(&r);
        return NULL;
    }
    r->theirs = *r->reader->fn;
    r->makers = r->theirs;
    r->makers.createArray = make_array;
    r->makers.createString = make_string;
    r->makers.createNil = make_nil;
#if HIREDIS_MAJOR >= 1
    r->makers.createDouble = make_double;
    r->makers.createBool = make_bool;
#endif
    r->reader->fn = &r->makers;
    r->reader->privdata = r;
    return r;
}

void redis_reply_free(struct redis_reply_reader **reader)
{
    if (*reader == NULL)
        return;
    if ((*reader)->reader != NULL)
        redisReaderFree((*reader)->reader);
    free(*reader);
    *reader = NULL;
}

void redis_reply_feed(struct redis_reply_reader *reader, struct text octets)
{
    reader->octets += octets.len;
    if (reader->error == NULL && redisReaderFeed(reader->reader, octets.at, octets.len) != REDIS_OK)
        reader->error = "out of memory";
}

redisReply *redis_reply_next(struct redis_reply_reader *reader)
{
    void *reply = NULL;

    if (reader->error != NULL)
        return NULL;
    if (redisReaderGetReply(reader->reader, &reply) != REDIS_OK) {
        reader->error = reader->refusal;
        if (reader->error == NULL)
            reader->error = reader->reader->err == REDIS_ERR_OOM ? "out of memory" : not_redis;
        return NULL;
    }
    const size_t item = reader->reader->len - reader->reader->pos;
    if (reply == NULL && (reader->octets > REDIS_REPLY_OCTETS_MAX || item > REDIS_REPLY_ITEM_MAX))
        reader->error = too_much;
    if (reply != NULL) {
        reader->octets = item;
        reader->elements = 0;
    }
    return reply;
}

const char *redis_reply_error(const struct redis_reply_reader *reader)
{
    return reader->error;
}

struct text redis_reply_text(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS &&
            reply->type != REDIS_REPLY_ERROR)
        return (struct text){NULL, 0};
    return (struct text){reply->str, reply->len};
}

/* The value after `name=` in `name=value,name=value`; empty: there is none. */
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

/* Whether this line is an online replica, for example
 * slave0:ip=192.0.2.1,port=6379,state=online,offset=14,lag=1. A replica that still gets its first
 * copy, or hangs, confirms nothing. */
static bool is_online_replica(struct text name, struct text value)
{
    uint64_t lag = 0;

    return text_starts_with_fold(name, text_of("slave")) && name.len > 5 &&
           text_is_digit(name.at[5]) &&
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
    const char *error = "";

    if (info->policy[0] == '\0')
        error = "does not say what its maxmemory-policy is";
    else if (info->loading)
        error = "is still loading its data";
    else if (cluster_only && !info->cluster)
        error = "is not part of a cluster, though the address names several servers";
    else if (info->replica && !info->cluster)
        error = "is a replica of another server";
    snprintf(error_r, size, "%s", error);
    if (error[0] == '\0' && strcmp(info->policy, "noeviction") != 0)
        snprintf(error_r, size,
                "may forget counts: its maxmemory-policy is %s, and must be noeviction",
                info->policy);
    return error_r[0] == '\0';
}
