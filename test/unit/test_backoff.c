// SPDX-License-Identifier: ISC
#include "base/backoff.h"
#include "unit.h"

#define NOW 5000

static const struct {
    struct unit_row row;
    struct backoff backoff;
    uint64_t want[6]; /* the pauses of failures in a row */
} rows[] = {
        {{.name = "doubles up to the longest"}, {.first = 100, .max = 1000},
                {100, 200, 400, 800, 1000, 1000}},
        {{.name = "the longest is reached exactly"}, {.first = 100, .max = 400},
                {100, 200, 400, 400, 400, 400}},
        {{.name = "the first costs nothing"}, {.first = 100, .max = 1000, .free = 1},
                {0, 100, 200, 400, 800, 1000}},
        {{.name = "nor do the first three"}, {.first = 7, .max = 1000, .free = 3},
                {0, 0, 0, 7, 14, 28}},
        {{.name = "the first is more than the longest"}, {.first = 100, .max = 30},
                {30, 30, 30, 30, 30, 30}},
        {{.name = "after more failures than there are bits"},
                {.first = 1, .max = UINT32_MAX, .failures = 30},
                {UINT64_C(1) << 30, UINT64_C(1) << 31, UINT32_MAX, UINT32_MAX, UINT32_MAX,
                        UINT32_MAX}},
        {{.name = "after more failures than can be counted"},
                {.first = 3, .max = 10000, .failures = UINT32_MAX - 1},
                {10000, 10000, 10000, 10000, 10000, 10000}},
};

TEST_EACH(pauses, rows)
{
    struct backoff backoff = row->backoff;

    for (size_t i = 0; i < sizeof row->want / sizeof *row->want; i++) {
        const uint64_t got = backoff_failed(&backoff, NOW);
        if (got != row->want[i] || backoff.until != NOW + row->want[i])
            fail_msg("failure %zu: got %llu until %llu, want %llu", i + 1, (unsigned long long)got,
                    (unsigned long long)backoff.until, (unsigned long long)row->want[i]);
    }
}

TEST(what_worked_begins_again_and_may_be_tried_at_once)
{
    struct backoff backoff = {.first = 100, .max = 1000};

    assert_int_equal(backoff_failed(&backoff, NOW), 100);
    assert_int_equal(backoff_failed(&backoff, NOW), 200);
    backoff_reset(&backoff);
    assert_int_equal(backoff.until, 0);
    assert_int_equal(backoff_failed(&backoff, NOW), 100);
}
