// SPDX-License-Identifier: ISC
#include "base/ratelimit.h"
#include "unit.h"

/* How many of `tries` at one moment are granted. */
static unsigned taken(struct ratelimit *bucket, uint64_t now, unsigned tries)
{
    unsigned n = 0;

    for (unsigned i = 0; i < tries; i++)
        n += ratelimit_take(bucket, now);
    return n;
}

struct moment {
    uint64_t now;
    unsigned want; /* granted, of more tries than that */
};

static void check_moments(struct ratelimit bucket, const struct moment *moments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const unsigned got = taken(&bucket, moments[i].now, 300);
        if (got != moments[i].want) {
            print_error("rate %u, burst %llu, moment %zu at %llu: got %u, want %u\n", bucket.rate,
                    (unsigned long long)bucket.burst, i, (unsigned long long)moments[i].now, got,
                    moments[i].want);
            fail();
        }
    }
}

#define CHECK(rate_, burst_, ...)                                                                  \
    do {                                                                                           \
        const struct moment moments[] = {__VA_ARGS__};                                             \
        check_moments((struct ratelimit){.rate = rate_, .burst = burst_}, moments,                 \
                sizeof moments / sizeof *moments);                                                 \
    } while (0)

TEST(refills_at_its_rate)
{
    CHECK(10, 5, {0, 5}, {0, 0}, {99, 0}, {100, 1}, {199, 0}, {200, 1}, {399, 1}, {400, 1});
    CHECK(1, 1, {5000, 1}, {5999, 0}, {6000, 1}, {6999, 0}, {6999, 0}, {7000, 1});
    /* three a second: one after 334 ms, none lost to rounding over a second */
    CHECK(3, 3, {0, 3}, {333, 0}, {334, 1}, {666, 0}, {667, 1}, {999, 0}, {1000, 1});
    CHECK(1000, 2, {0, 2}, {1, 1}, {3, 2}, {4, 1}, {1000, 2});
}

TEST(never_holds_more_than_its_burst)
{
    CHECK(10, 5, {0, 5}, {499, 4}, {1000, 5}, {1000000000, 5}, {UINT64_MAX, 5}, {UINT64_MAX, 0});
    CHECK(UINT32_MAX, 3, {UINT64_MAX, 3}, {UINT64_MAX, 0});
}

TEST(fills_whole_at_the_exact_moment)
{
    struct ratelimit bucket = {.rate = 7, .burst = 21};

    assert_int_equal(taken(&bucket, 0, 100), 21);
    /* 21000 / 7 = 3000 ms: the last token is there then and not before */
    struct ratelimit other = bucket;
    assert_int_equal(taken(&other, 2999, 100), 20);
    assert_int_equal(taken(&bucket, 3000, 100), 21);
}

TEST(clock_that_stands_still_grants_the_burst_once)
{
    CHECK(1000000, 7, {42, 7}, {42, 0}, {42, 0});
    CHECK(5, 7, {UINT64_MAX, 7}, {UINT64_MAX, 0});
}

/* It should not, but if it does: nothing is granted for time that did not pass, and nobody waits
 * until the clock is back where it was. */
TEST(clock_that_goes_back_grants_nothing)
{
    CHECK(10, 5, {10000, 5}, {0, 0}, {99, 0}, {100, 1});
    CHECK(10, 5, {UINT64_MAX, 5}, {0, 0}, {100, 1});
}

TEST(zeros)
{
    CHECK(0, 3, {0, 3}, {1000, 0}, {UINT64_MAX, 0});
    CHECK(10, 0, {0, 0}, {UINT64_MAX, 0});
    CHECK(0, 0, {0, 0}, {1, 0});
}

TEST(largest_numbers_do_not_wrap)
{
    struct ratelimit bucket = {
            .rate = UINT32_MAX, .burst = UINT32_MAX, .used = (uint64_t)UINT32_MAX * 1000 - 1000};

    assert_int_equal(taken(&bucket, 0, 2), 1);
    assert_int_equal(taken(&bucket, 1, 300), 300);
    bucket.used = (uint64_t)UINT32_MAX * 1000;
    assert_int_equal(taken(&bucket, UINT64_MAX, 300), 300);
}

TEST(many_at_once)
{
    struct ratelimit bucket = {.rate = 60, .burst = 100};

    assert_true(ratelimit_is_full(&bucket, 0));
    assert_true(ratelimit_take_many(&bucket, 60, 0));
    assert_false(ratelimit_take_many(&bucket, 60, 0)); /* takes nothing */
    assert_true(ratelimit_take_many(&bucket, 40, 0));
    assert_false(ratelimit_is_full(&bucket, 1666));
    assert_true(ratelimit_is_full(&bucket, 1667));
}

TEST(given_back)
{
    struct ratelimit bucket = {.rate = 0, .burst = 5};

    assert_int_equal(taken(&bucket, 0, 300), 5);
    ratelimit_give_back(&bucket, 2);
    assert_int_equal(taken(&bucket, 0, 300), 2);
    ratelimit_give_back(&bucket, UINT32_MAX);
    assert_true(ratelimit_is_full(&bucket, 0));
    assert_int_equal(taken(&bucket, 0, 300), 5);
}
