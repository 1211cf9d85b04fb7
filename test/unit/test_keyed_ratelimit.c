// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "client/keyed_ratelimit.h"
#include "unit.h"

static unsigned taken(struct keyed_ratelimit *limits, const char *key, uint32_t per_minute,
        uint64_t now, unsigned tries)
{
    unsigned n = 0;

    for (unsigned i = 0; i < tries; i++)
        n += keyed_ratelimit_take(limits, text_of(key), per_minute, now);
    return n;
}

TEST(a_minute_has_so_many)
{
    struct keyed_ratelimit *limits = keyed_ratelimit_init(10);

    assert_non_null(limits);
    assert_int_equal(taken(limits, "a", 60, 0, 100), 60);
    assert_int_equal(taken(limits, "a", 60, 999, 5), 0);
    assert_int_equal(taken(limits, "a", 60, 1000, 5), 1);
    assert_int_equal(taken(limits, "a", 60, 500, 5), 0); /* a clock that goes back */
    assert_int_equal(taken(limits, "a", 60, 61000, 100), 60);
    assert_int_equal(taken(limits, "a", 60, 10000000, 100), 60);
    assert_int_equal(taken(limits, "b", 1, 10000000, 5), 1);
    keyed_ratelimit_free(&limits);
    keyed_ratelimit_free(&limits);
}

TEST(given_back)
{
    struct keyed_ratelimit *limits = keyed_ratelimit_init(10);

    assert_non_null(limits);
    assert_int_equal(taken(limits, "a", 2, 0, 5), 2);
    keyed_ratelimit_give_back(limits, text_of("a"));
    assert_int_equal(taken(limits, "a", 2, 0, 5), 1);
    for (unsigned i = 0; i < 100; i++)
        keyed_ratelimit_give_back(limits, text_of("a"));
    assert_int_equal(taken(limits, "a", 2, 0, 5), 2);
    keyed_ratelimit_free(&limits);
}

/* A flood of keys frees no other key of what it has used. */
TEST(more_keys_than_room)
{
    struct keyed_ratelimit *limits = keyed_ratelimit_init(3);
    char key[16];
    unsigned late = 0;

    assert_non_null(limits);
    assert_int_equal(taken(limits, "victim", 10, 0, 20), 10);
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        late += taken(limits, key, 10, 1, 1);
    }
    assert_int_equal(late, 2 + 10); /* two had room; all others share one limit */
    assert_int_equal(taken(limits, "victim", 10, 2, 20), 0);
    /* Once the oldest is full again it makes room. */
    assert_int_equal(taken(limits, "new", 10, 200000, 20), 10);
    keyed_ratelimit_free(&limits);
}

/* One key that is spent does not keep the place of those that came after it. */
TEST(a_spent_key_is_the_oldest)
{
    struct keyed_ratelimit *limits = keyed_ratelimit_init(3);

    assert_non_null(limits);
    assert_int_equal(taken(limits, "spent", 60, 0, 100), 60);
    assert_int_equal(taken(limits, "b", 60, 1, 1), 1);
    assert_int_equal(taken(limits, "c", 60, 2, 1), 1);
    assert_int_equal(taken(limits, "d", 60, 1001, 100), 60);
    assert_int_equal(taken(limits, "spent", 60, 1001, 100), 1);
    keyed_ratelimit_free(&limits);
}
