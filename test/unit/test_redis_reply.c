// SPDX-License-Identifier: ISC
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
            {"$99999999\r\n", "0123456789abcdef", "more than"},
            {"+", "0123456789abcdef", "more than"},
            {"*2147483647\r\n", ":1\r\n", "more than"},
            {"*32769\r\n", ":1\r\n", "more than"},
            {"*2\r\n*32766\r\n", ":1\r\n*32766\r\n", ""},
            {"*32768\r\n", "*1\r\n:1\r\n", "more than"},
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
            {"*2\r\n$70000\r\n", "0123456789abcdef", "more than"},
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

    for (int i = 0; i < 300000; i++) {
        redis_reply_feed(reader, text_of("*1\r\n:1\r\n"));
        redisReply *reply = redis_reply_next(reader);
        assert_non_null(reply);
        freeReplyObject(reply);
    }
    assert_null(redis_reply_error(reader));
    redis_reply_free(&reader);
}
