// SPDX-License-Identifier: ISC
#include <hiredis/hiredis.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/redis_request.h"
#include "replay/redis_slots.h"
#include "unit.h"

static size_t count(const struct redis_requests *calls)
{
    const struct redis_request *before = NULL;
    size_t found = 0;

    for (const struct redis_request *call = calls->oldest; call != NULL;
            call = call->next, found++) {
        assert_ptr_equal(call->previous, before);
        before = call;
    }
    assert_ptr_equal(calls->newest, before);
    return found;
}

TEST(from_any_place)
{
    struct redis_requests calls = {.oldest = NULL};
    struct redis_request *taken[4];

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 4; i++) {
            taken[i] = redis_request_take(&calls);
            assert_non_null(taken[i]);
            assert_ptr_equal(calls.newest, taken[i]);
            assert_int_equal(taken[i]->tries, 0);
            taken[i]->tries = 9;
        }
        assert_int_equal(count(&calls), 4);
        redis_request_give(&calls, taken[1]);
        assert_int_equal(count(&calls), 3);
        redis_request_give(&calls, taken[0]);
        assert_ptr_equal(calls.oldest, taken[2]);
        redis_request_give(&calls, taken[3]);
        assert_ptr_equal(calls.newest, taken[2]);
        redis_request_give(&calls, taken[2]);
        assert_int_equal(count(&calls), 0);
    }
    redis_request_free(&calls);
    assert_null(calls.spare);
}

static struct count_request item_of(size_t entries)
{
    struct count_request item = {
            .issued = 1780272000, .expires = 1780277000, .entries_count = entries};

    memset(item.nonce, 0xff, sizeof item.nonce);
    for (size_t i = 0; i < entries; i++) {
        memset(item.entries[i].domain, (int)i, REPLAY_DOMAIN);
        item.entries[i].allowance = (uint32_t)i + 4;
    }
    return item;
}

static void check_command(const struct count_request *item, uint64_t today, const char *wanted)
{
    char *command = NULL;
    size_t len = 0;

    assert_true(redis_request_write(item, true, today, &command, &len));
    if (len != strlen(wanted) || memcmp(command, wanted, len) != 0)
        fail_msg("got %.*s, want %s", (int)len, command, wanted);
    redisFreeCommand(command);
}

TEST(commands)
{
    struct count_request item = item_of(2);

    check_command(&item, 1780272000,
            "*9\r\n$7\r\nEVALSHA\r\n$40\r\n48c237c5b363151393e6f9604eeed49bbdd521f8\r\n$1\r\n1\r\n"
            "$54\r\nverimail:{1780272000.________________________________}\r\n$4\r\n5000\r\n"
            "$11\r\nAAAAAAAAAAA\r\n$1\r\n4\r\n$11\r\nAQEBAQEBAQE\r\n$1\r\n5\r\n");
    item = item_of(1);
    item.entries[0].allowance = UINT32_MAX;
    item.expires = 1; /* it is over: the server would take 0 or less as `now` as well */
    check_command(&item, 1780272000,
            "*7\r\n$7\r\nEVALSHA\r\n$40\r\n48c237c5b363151393e6f9604eeed49bbdd521f8\r\n$1\r\n1\r\n"
            "$54\r\nverimail:{1780272000.________________________________}\r\n$1\r\n1\r\n"
            "$11\r\nAAAAAAAAAAA\r\n$10\r\n4294967295\r\n");
    item.expires = UINT64_MAX;
    check_command(&item, 0,
            "*7\r\n$7\r\nEVALSHA\r\n$40\r\n48c237c5b363151393e6f9604eeed49bbdd521f8\r\n$1\r\n1\r\n"
            "$54\r\nverimail:{1780272000.________________________________}\r\n$10\r\n1000000000\r\n"
            "$11\r\nAAAAAAAAAAA\r\n$10\r\n4294967295\r\n");
}

/* The hash that the server is told is the hash of the text that it is told. */
TEST(the_script_and_its_hash)
{
    const struct count_request item = item_of(1);
    unsigned char hash[SHA_DIGEST_LENGTH];
    char hex[2 * SHA_DIGEST_LENGTH + 1];
    char *by_text = NULL;
    char *by_hash = NULL;
    size_t len = 0;

    assert_true(redis_request_write(&item, true, 0, &by_hash, &len));
    assert_true(redis_request_write(&item, false, 0, &by_text, &len));
    unsigned script_len = 0;
    int begin = 0;
    assert_int_equal(sscanf(by_text, "*7\r\n$4\r\nEVAL\r\n$%u\r\n%n", &script_len, &begin), 1);
    /* %n comes after any white space, which the script does not begin with. */
    SHA1((const unsigned char *)by_text + begin, script_len, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    assert_non_null(strstr(by_hash, hex));
    redisFreeCommand(by_hash);
    redisFreeCommand(by_text);
}

/* The longest there are. */
TEST(the_largest)
{
    struct count_request item = item_of(REPLAY_ENTRIES_MAX);
    char buffer[REDIS_REQUEST_KEY_MAX];
    char *command = NULL;
    size_t len = 0;

    item.issued = UINT64_MAX;
    const struct text key = redis_request_key(&item, buffer);
    assert_int_equal(key.len, REDIS_REQUEST_KEY_MAX);
    assert_int_equal(key.at[key.len - 1], '}');
    assert_true(redis_request_write(&item, false, 0, &command, &len));
    assert_true(len < 8192);
    redisFreeCommand(command);
}
