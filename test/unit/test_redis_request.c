// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "replay/redis_request.h"
#include "unit.h"

static size_t count(const struct redis_request *calls)
{
    const struct rediscall *before = NULL;
    size_t found = 0;

    for (const struct rediscall *call = calls->oldest; call != NULL; call = call->next, found++) {
        assert_ptr_equal(call->previous, before);
        before = call;
    }
    assert_ptr_equal(calls->newest, before);
    return found;
}

TEST(from_any_place)
{
    struct redis_request calls = {.oldest = NULL};
    struct rediscall *taken[4];

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 4; i++) {
            taken[i] = redis_request_take(&calls);
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
