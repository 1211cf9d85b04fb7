// SPDX-License-Identifier: ISC
#include <string.h>

#include "replay/redis_stream.h"
#include "unit.h"

TEST(what_comes_in_goes_out)
{
    struct redis_output output = {.at = NULL};
    char wanted = 'a';
    size_t sent = 0;

    assert_int_equal(redis_output_rest(&output).len, 0);
    for (int i = 0; i < 10000; i++) {
        char octets[26];
        for (size_t k = 0; k < sizeof octets; k++)
            octets[k] = (char)('a' + k);
        assert_true(redis_output_put(&output, (struct text){octets, sizeof octets}));
        const struct text rest = redis_output_rest(&output);
        const size_t len = rest.len < 17 ? rest.len : 17;
        for (size_t k = 0; k < len; k++, wanted = wanted == 'z' ? 'a' : (char)(wanted + 1))
            assert_int_equal(rest.at[k], wanted);
        redis_output_sent(&output, len);
        sent += len;
    }
    assert_int_equal(redis_output_rest(&output).len, 260000 - sent);
    redis_output_wipe(&output);
    assert_int_equal(redis_output_rest(&output).len, 0);
}

TEST(it_ends)
{
    static char octets[4096];
    struct redis_output output = {.at = NULL};
    size_t len = 0;

    while (redis_output_put(&output, (struct text){octets, sizeof octets}))
        len += sizeof octets;
    assert_int_equal(len, REDIS_OUTPUT_MAX);
    redis_output_sent(&output, 1);
    assert_true(redis_output_put(&output, (struct text){octets, 1}));
    assert_false(redis_output_put(&output, (struct text){octets, 1}));
    redis_output_sent(&output, len);
    assert_true(redis_output_put(&output, (struct text){octets, sizeof octets}));
    redis_output_wipe(&output);
}

TEST(in_their_order)
{
    struct redis_queue queue = {.ring = NULL};
    struct redis_queued request;
    uint64_t ticket;
    int next = 0;

    assert_false(redis_queue_shift(&queue, &request));
    assert_null(redis_queue_oldest(&queue));
    for (int i = 0; i < 1000; i++) {
        request = (struct redis_queued){.what = i, .about = &next, .since = (uint64_t)i};
        assert_true(redis_queue_push(&queue, 600, &request, &ticket));
        if (i % 2 == 0)
            continue;
        assert_int_equal(redis_queue_oldest(&queue)->what, next);
        assert_true(redis_queue_shift(&queue, &request));
        assert_int_equal(request.what, next++);
    }
    assert_int_equal(redis_queue_count(&queue), 500);
    redis_queue_free(&queue);
    assert_int_equal(redis_queue_count(&queue), 0);
}

TEST(no_more_than_so_many)
{
    const struct redis_queued request = {.what = 1};
    struct redis_queued got;
    struct redis_queue queue = {.ring = NULL};
    uint64_t ticket;

    for (int i = 0; i < 100; i++)
        assert_true(redis_queue_push(&queue, 100, &request, &ticket));
    assert_false(redis_queue_push(&queue, 100, &request, &ticket));
    assert_false(redis_queue_take_back(&queue));
    assert_true(redis_queue_push(&queue, 100, &request, &ticket));
    assert_true(redis_queue_shift(&queue, &got));
    assert_true(redis_queue_push(&queue, 100, &request, &ticket));
    redis_queue_free(&queue);
}

TEST(what_is_forgotten_keeps_its_place)
{
    int about[3];
    struct redis_queue queue = {.ring = NULL};
    struct redis_queued request = {.what = 1};
    uint64_t tickets[3];

    for (int i = 0; i < 3; i++) {
        request.about = &about[i];
        assert_true(redis_queue_push(&queue, 3, &request, &tickets[i]));
    }
    redis_queue_forget(&queue, tickets[1]);
    redis_queue_forget(&queue, tickets[2] + 1);
    assert_true(redis_queue_shift(&queue, &request));
    assert_ptr_equal(request.about, &about[0]);
    redis_queue_forget(&queue, tickets[0]);
    assert_true(redis_queue_shift(&queue, &request));
    assert_null(request.about);
    assert_true(redis_queue_shift(&queue, &request));
    assert_ptr_equal(request.about, &about[2]);
    redis_queue_free(&queue);
}
