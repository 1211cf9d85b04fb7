// SPDX-License-Identifier: ISC
#include "report/hours.h"
#include "unit.h"

#define HOUR UINT64_C(3600000)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define NOW UINT64_C(1795500000000) /* 24 November 2026, 06:00 */

TEST(steps)
{
    static const struct {
        uint64_t span;
        uint64_t want;
    } table[] = {
            {0, HOUR},
            {1, HOUR},
            {2 * DAY, HOUR},
            {2 * DAY + 1, DAY},
            {60 * DAY, DAY},
            {60 * DAY + 1, WEEK},
            {59 * WEEK, WEEK},
            {60 * WEEK, 2 * WEEK},
            {NOW, 50 * WEEK},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const uint64_t got = hours_step(NOW - table[i].span, NOW);
        if (got != table[i].want)
            fail_msg("%zu: got %llu h, want %llu h", i, (unsigned long long)(got / HOUR),
                    (unsigned long long)(table[i].want / HOUR));
    }
    assert_int_equal(hours_step(NOW, 0), HOUR);
}

TEST(a_period_has_few_steps)
{
    for (uint64_t span = 1; span < NOW; span += span / 9 + HOUR) {
        const uint64_t step = hours_step(NOW - span, NOW);
        const uint64_t begin = hours_step_begin(NOW - span, step);
        assert_true(begin <= NOW - span);
        assert_true(NOW - span - begin < step);
        assert_true((NOW - begin + step - 1) / step <= HOURS_STEPS_MOST);
    }
}

TEST(weeks_begin_on_monday)
{
    assert_int_equal(hours_step_begin(NOW, WEEK), UINT64_C(1795392000000));
    assert_int_equal(hours_step_begin(NOW, DAY) % DAY, 0);
    assert_int_equal(hours_step_begin(3 * DAY, WEEK), 0);
    assert_int_equal(hours_step_begin(4 * DAY, WEEK), 4 * DAY);
}
