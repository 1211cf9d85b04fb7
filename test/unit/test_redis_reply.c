// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>

#include "exact.h"
#include "replay/redis_reply.h"
#include "unit.h"

TEST(whole_replies_come_out)
{
    static const char stream[] = "+OK\r\n:1\r\n-ERR no\r\n$3\r\na\r\n\r\n*2\r\n:1\r\n*0\r\n$-1\r\n";
    static const int types[] = {REDIS_REPLY_STATUS, REDIS_REPLY_INTEGER, REDIS_REPLY_ERROR,
            REDIS_REPLY_STRING, REDIS_REPLY_ARRAY, REDIS_REPLY_NIL};

    for (size_t step = 1; step < sizeof stream; step++) {
        struct redis_reply_reader *reader = redis_reply_init();
        size_t found = 0;
        assert_non_null(reader);
        for (size_t i = 0; i < sizeof stream - 1; i += step) {
            const size_t left = sizeof stream - 1 - i;
            const struct text part =
                    exact_copy((struct text){stream + i, step < left ? step : left});
            redisReply *reply = NULL;
            redis_reply_feed(reader, part);
            exact_free(part);
            while ((reply = redis_reply_next(reader)) != NULL) {
                assert_int_equal(reply->type, types[found++]);
                freeReplyObject(reply);
            }
            assert_null(redis_reply_error(reader));
        }
        assert_int_equal(found, sizeof types / sizeof *types);
        redis_reply_free(&reader);
        assert_null(reader);
    }
}

TEST(texts)
{
    struct redis_reply_reader *reader = redis_reply_init();
    static const char *const wanted[] = {"OK", "ERR no", "a", ""};

    assert_non_null(reader);
    redis_reply_feed(reader, text_of("+OK\r\n-ERR no\r\n$1\r\na\r\n:5\r\n"));
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        redisReply *reply = redis_reply_next(reader);
        assert_non_null(reply);
        assert_true(text_equal(redis_reply_text(reply), text_of(wanted[i])));
        freeReplyObject(reply);
    }
    redis_reply_free(&reader);
}

/* A beginning, and what comes again and again behind it. */
TEST(what_is_no_reply_ends)
{
    static const struct {
        const char *first;
        const char *again;
        const char *wanted;
    } table[] = {
            {"HTTP/1.1 400 Bad Request\r\n", "", "protocol"},
            {"", "x", "protocol"},
            {"$99999999\r\n", "0123456789abcdef", "too large"},
            {"+", "0123456789abcdef", "too large"},
            {"*2147483647\r\n", ":1\r\n", "too large"},
            {"*32769\r\n", ":1\r\n", "too large"},
            {"*2\r\n*32766\r\n", ":1\r\n*32766\r\n", ""},
            {"*32768\r\n", "*1\r\n:1\r\n", "too large"},
            {"*9999999999\r\n", "", "protocol"},
            {"", "*1\r\n", "protocol"}, /* ever deeper */
            {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "", "protocol"},
            {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n!", "", "protocol"},
            /* types of RESP3 */
            {"_\r\n", "", "protocol"},
            {",1.5\r\n", "", "protocol"},
            {"#t\r\n", "", "protocol"},
            {"(12345678901234567890\r\n", "", "protocol"},
            {"=5\r\ntxt:a\r\n", "", "protocol"},
            {"%1\r\n:1\r\n:2\r\n", "", "protocol"},
            {"~1\r\n:1\r\n", "", "protocol"},
            {">1\r\n:1\r\n", "", "protocol"},
            {"|1\r\n:1\r\n:2\r\n:3\r\n", "", "protocol"},
            {"*2\r\n:1\r\n_\r\n", "", "protocol"},
            {":1x\r\n", "", "protocol"},
            {"$-2\r\n", "", "protocol"},
            {"*2\r\n$70000\r\n", "0123456789abcdef", "too large"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct redis_reply_reader *reader = redis_reply_init();
        redisReply *reply = NULL;
        size_t octets = 0;
        redis_reply_feed(reader, text_of(table[i].first));
        while (redis_reply_error(reader) == NULL && octets < 2 * REDIS_REPLY_OCTETS_MAX) {
            reply = redis_reply_next(reader);
            if (reply != NULL)
                freeReplyObject(reply);
            redis_reply_feed(reader, text_of(table[i].again));
            octets += strlen(table[i].again) + 1;
        }
        const char *got = redis_reply_error(reader);
        if (got == NULL || strstr(got, table[i].wanted) == NULL)
            fail_msg("%s: got %s, want %s", table[i].first, got, table[i].wanted);
        assert_null(redis_reply_next(reader));
        redis_reply_free(&reader);
    }
}

/* The limit is each reply's, not the stream's. */
TEST(a_stream_may_be_long)
{
    struct redis_reply_reader *reader = redis_reply_init();

    assert_non_null(reader);
    for (int i = 0; i < 300000; i++) {
        redis_reply_feed(reader, text_of("*1\r\n:1\r\n"));
        redisReply *reply = redis_reply_next(reader);
        assert_non_null(reply);
        freeReplyObject(reply);
    }
    assert_null(redis_reply_error(reader));
    redis_reply_free(&reader);
}

TEST(what_servers_say)
{
    static const struct {
        const char *text;
        const char *wanted;
    } table[] = {
            {"", "------ 0 0 0"},
            {"# Server\r\nredis_version:7.0.15\r\n\r\n# Memory\r\nused_memory:1024\r\n"
             "maxmemory_policy:noeviction\r\n# Replication\r\nrole:master\r\n"
             "connected_slaves:2\r\n"
             "slave0:ip=192.0.2.1,port=6379,state=online,offset=14,lag=0\r\n"
             "slave1:ip=192.0.2.2,port=6379,state=wait_bgsave,offset=0,lag=0\r\n"
             "# Cluster\r\ncluster_enabled:0\r\nloading:0\r\n"
             "# Keyspace\r\ndb0:keys=9,expires=9,avg_ttl=1\r\ndb1:keys=7,expires=1\r\n",
                    "noeviction------ 1 7 1024"},
            {"maxmemory_policy:allkeys-lru\nrole:slave\ncluster_enabled:1\nloading:1",
                    "allkeys-lru-cluster-replica-loading--- 0 0 0"},
            {"slave0:state=online,lag=5\r\nslave10:lag=6,state=online\r\nslave1:state=online\r\n",
                    "------ 1 0 0"},
            {"slave_priority:100\r\nslaves:state=online,lag=0\r\nslave:state=online,lag=0",
                    "------ 0 0 0"},
            {"maxmemory_policy:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "------ 0 0 0"},
            {"used_memory:99999999999999999999999\ndb1:expires=1\n:::\ndb1\n", "------ 0 0 0"},
    };
    char got[200];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text text = exact_copy(text_of(table[i].text));
        struct redis_info info;
        redis_info_read(text, 1, &info);
        exact_free(text);
        snprintf(got, sizeof got, "%s-%s-%s-%s--- %u %lu %lu", info.policy,
                info.cluster ? "cluster" : "", info.replica ? "replica" : "",
                info.loading ? "loading" : "", info.replicas, (unsigned long)info.keys,
                (unsigned long)info.memory);
        if (strcmp(got, table[i].wanted) != 0)
            fail_msg("%s: got %s, want %s", table[i].text, got, table[i].wanted);
    }
}

TEST(who_is_fit)
{
    static const struct {
        struct redis_info info;
        bool cluster_only;
        const char *wanted; /* of the reason; "": it is fit */
    } table[] = {
            {{.policy = "noeviction"}, false, ""},
            {{.policy = "noeviction", .replicas = 3}, false, ""},
            {{.policy = "noeviction", .cluster = true}, true, ""},
            {{.policy = "noeviction", .cluster = true}, false, ""},
            {{.policy = "noeviction", .cluster = true, .replica = true}, true, ""},
            {{.policy = "noeviction", .replica = true}, false, "replica"},
            {{.policy = "noeviction"}, true, "not part of a cluster"},
            {{.policy = "noeviction", .loading = true}, false, "loading"},
            {{.policy = "volatile-ttl"}, false, "volatile-ttl"},
            {{.policy = "allkeys-lru", .cluster = true}, false, "allkeys-lru"},
            {{.policy = ""}, false, "does not say"},
    };
    char error[128];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *wanted = table[i].wanted;
        const bool fit =
                redis_info_is_fit(&table[i].info, table[i].cluster_only, error, sizeof error);
        if (fit != (wanted[0] == '\0') || strstr(error, wanted) == NULL)
            fail_msg("row %zu: got %s, want %s", i, error, wanted);
    }
}
