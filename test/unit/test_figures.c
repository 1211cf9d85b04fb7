// SPDX-License-Identifier: ISC
#include "report/figures.h"
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
        const uint64_t got = series_step(NOW - table[i].span, NOW);
        if (got != table[i].want)
            fail_msg("%zu: got %llu h, want %llu h", i, (unsigned long long)(got / HOUR),
                    (unsigned long long)(table[i].want / HOUR));
    }
    assert_int_equal(series_step(NOW, 0), HOUR);
}

TEST(a_period_has_few_steps)
{
    for (uint64_t span = 1; span < NOW; span += span / 9 + HOUR) {
        const uint64_t step = series_step(NOW - span, NOW);
        const uint64_t begin = series_begin(NOW - span, step);
        assert_true(begin <= NOW - span);
        assert_true(NOW - span - begin < step);
        assert_true((NOW - begin + step - 1) / step <= SERIES_MOST);
    }
}

TEST(weeks_begin_on_monday)
{
    assert_int_equal(series_begin(NOW, WEEK), UINT64_C(1795392000000));
    assert_int_equal(series_begin(NOW, DAY) % DAY, 0);
    assert_int_equal(series_begin(3 * DAY, WEEK), 0);
    assert_int_equal(series_begin(4 * DAY, WEEK), 4 * DAY);
}

TEST(networks)
{
    static const struct {
        const char *beginning;
        const char *want;
    } table[] = {
            {"192.0.2.", "192.0.2.0/24"},
            {"2001:db8:7:", "2001:db8:7::/48"},
            {"2001:db8:7:1:", "2001:db8:7::/48"},
            {"2001:db8:7::", "2001:db8:7::/48"},
            {"2001:db8::", "2001:db8::/48"},
            {"2001::", "2001::/48"},
            {"::", "::/48"},
            {"1:2:3:4:5:6:7:", "1:2:3::/48"},
            {"2001:0db8:0007:", "2001:db8:7::/48"},
            {"", ""},
            {"192.0.2", ""},
            {"nonsense.", ""},
            {"x:y:z:", ""},
            {":::::", "::/48"},
            {"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26.27.28.", ""},
            {"1234567890123456789012345678901234567890123456789012345678901234567890:", ""},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char buffer[ORIGINS_NETWORK_MAX];
        const struct text got = origins_network(text_of(table[i].beginning), buffer);
        if (!text_equal(got, text_of(table[i].want)))
            fail_msg("%s: got `%.*s`, want `%s`", table[i].beginning, (int)got.len, got.at,
                    table[i].want);
    }
}
