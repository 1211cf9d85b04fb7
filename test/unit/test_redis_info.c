// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "exact.h"
#include "replay/redis_info.h"
#include "unit.h"

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
            {{.policy = "noeviction"}, true, "none of a cluster"},
            {{.policy = "noeviction", .loading = true}, false, "loading"},
            {{.policy = "volatile-ttl"}, false, "volatile-ttl"},
            {{.policy = "allkeys-lru", .cluster = true}, false, "allkeys-lru"},
            {{.policy = ""}, false, "does not say"},
    };
    char why[128];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *wanted = table[i].wanted;
        const bool fit = redis_info_is_fit(&table[i].info, table[i].cluster_only, why, sizeof why);
        if (fit != (wanted[0] == '\0') || strstr(why, wanted) == NULL)
            fail_msg("row %zu: got %s, want %s", i, why, wanted);
    }
}
