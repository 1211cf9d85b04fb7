// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>

#include "exact.h"
#include "replay/redis_slots.h"
#include "unit.h"

/* Of the Redis cluster specification, its appendix, and what a Redis 7 answers to CLUSTER KEYSLOT.
 */
TEST(slots)
{
    static const struct {
        const char *key;
        uint16_t slot;
    } table[] = {
            {"", 0},
            {"123456789", 0x31c3},
            {"foo", 12182},
            {"{foo}", 12182},
            {"{user1000}.following", 3443},
            {"{user1000}.followers", 3443},
            {"user1000", 3443},
            {"foo{}{bar}", 8363},
            {"foo{{bar}}zap", 4015},
            {"{bar", 4015},
            {"foo{bar}{zap}", 5061},
            {"bar", 5061},
            {"}bar{", 1498},
            {"verimail:{1.x}", 10467},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text key = exact_copy(text_of(table[i].key));
        const uint16_t got = redis_slots_key(key);
        exact_free(key);
        if (got != table[i].slot)
            fail_msg("%s: got %u, want %u", table[i].key, got, table[i].slot);
    }
}

TEST(crc)
{
    assert_int_equal(redis_slots_crc16(text_of("123456789")), 0x31c3);
    assert_int_equal(redis_slots_crc16((struct text){NULL, 0}), 0);
    assert_int_equal(redis_slots_crc16(text_of("A")), 0x58e5);
}

static char found[1024];

static void on_range(void *context, const struct redis_slots_range *range)
{
    const size_t len = strlen(found);

    (void)context;
    snprintf(found + len, sizeof found - len, "[%u-%u %.*s/%.*s %u]", range->first, range->last,
            (int)range->host.len, range->host.len > 0 ? range->host.at : "",
            (int)range->address.len, range->address.len > 0 ? range->address.at : "", range->port);
}

TEST(maps)
{
    static const struct {
        const char *reply;
        const char *wanted; /* NULL: it is none */
    } table[] = {
            {"*0\r\n", ""},
            {"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:6379\r\n",
                    "[0-16383 127.0.0.1/ 6379]"},
            {"*2\r\n*4\r\n:0\r\n:5\r\n*3\r\n$1\r\na\r\n:1\r\n$2\r\nid\r\n*2\r\n$1\r\nb\r\n:2\r\n"
             "*3\r\n:6\r\n:6\r\n*2\r\n$-1\r\n:3\r\n",
                    "[0-5 a/ 1][6-6 / 3]"},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*4\r\n$1\r\nh\r\n:1\r\n$2\r\nid\r\n*4\r\n$1\r\nx\r\n$"
             "1\r\ny\r\n"
             "$2\r\nip\r\n$7\r\n1.2.3.4\r\n",
                    "[0-1 h/1.2.3.4 1]"},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\n?\r\n:1\r\n", "[0-1 / 1]"},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$0\r\n\r\n:0\r\n", "[0-1 / 0]"},
            {":1\r\n", NULL},
            {"$-1\r\n", NULL},
            {"*1\r\n:1\r\n", NULL},
            {"*1\r\n*2\r\n:0\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n:1\r\n:0\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n$1\r\n0\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n", NULL},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:65536\r\n", NULL},
            {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n:1\r\n:1\r\n", NULL},
            {"*1\r\n*3\r\n:0\r\n:1\r\n$1\r\na\r\n", NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct redis_reply_reader *reader = redis_reply_init();
        assert_non_null(reader);
        redis_reply_feed(reader, text_of(table[i].reply));
        redisReply *reply = redis_reply_next(reader);
        assert_non_null(reply);
        found[0] = '\0';
        const bool good = redis_slots_read(reply, on_range, NULL);
        if (good != (table[i].wanted != NULL) || (good && strcmp(found, table[i].wanted) != 0))
            fail_msg("%s: got %d %s, want %s", table[i].reply, good, found, table[i].wanted);
        freeReplyObject(reply);
        redis_reply_free(&reader);
    }
}

TEST(redirections)
{
    static const struct {
        const char *error;
        bool ask;
        uint16_t slot;
        const char *host; /* NULL: it is none */
        uint16_t port;
    } table[] = {
            {"MOVED 3999 127.0.0.1:6381", false, 3999, "127.0.0.1", 6381},
            {"ASK 3999 127.0.0.1:6381", true, 3999, "127.0.0.1", 6381},
            {"MOVED 0 ::1:1", false, 0, "::1", 1},
            {"MOVED 16383 redis.example.org:65535", false, 16383, "redis.example.org", 65535},
            {"MOVED 1 :6381", false, 1, "", 6381},
            {"MOVED 1 127.0.0.1:6381 and more", false, 1, "127.0.0.1", 6381},
            {"MOVED 16384 127.0.0.1:6381", false, 0, NULL, 0},
            {"MOVED -1 127.0.0.1:6381", false, 0, NULL, 0},
            {"MOVED 1 127.0.0.1:65536", false, 0, NULL, 0},
            {"MOVED 1 127.0.0.1:0", false, 0, NULL, 0},
            {"MOVED 1 127.0.0.1:", false, 0, NULL, 0},
            {"MOVED 1 127.0.0.1", false, 0, NULL, 0},
            {"MOVED 1 ", false, 0, NULL, 0},
            {"MOVED 1", false, 0, NULL, 0},
            {"MOVED", false, 0, NULL, 0},
            {"", false, 0, NULL, 0},
            {"moved 1 127.0.0.1:6381", false, 0, NULL, 0},
            {"ASKING 1 127.0.0.1:6381", false, 0, NULL, 0},
            {"ERR 1 127.0.0.1:6381", false, 0, NULL, 0},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text error = exact_copy(text_of(table[i].error));
        struct redis_redirection got;
        const bool good = redis_slots_redirection(error, &got);
        if (good != (table[i].host != NULL) ||
                (good && (got.ask != table[i].ask || got.slot != table[i].slot ||
                                 !text_equal(got.host, text_of(table[i].host)) ||
                                 got.port != table[i].port)))
            fail_msg("%s: got %d, slot %u at %.*s port %u", table[i].error, good, got.slot,
                    good ? (int)got.host.len : 0, good ? got.host.at : "", got.port);
        exact_free(error);
    }
}
