// SPDX-License-Identifier: ISC
#include "command/time_argument.h"
#include "unit.h"

#define NOW UINT64_C(1795500000000) /* 24 November 2026, 06:00 */
#define HOUR UINT64_C(3600000)

TEST(good_ones)
{
    static const struct {
        const char *text;
        uint64_t want;
        bool before;
    } table[] = {
            {"90m", NOW - 90 * HOUR / 60, true},
            {"12h", NOW - 12 * HOUR, true},
            {"7d", NOW - 7 * 24 * HOUR, true},
            {"4w", NOW - 28 * 24 * HOUR, true},
            {"0d", NOW, true},
            {"100000w", 0, true},
            {"2026-11-24", NOW - 6 * HOUR, false},
            {"2026-11-24T06:00", NOW, false},
            {"2026-11-24T06:00Z", NOW, false},
            {"2026-11-24T06:00:00", NOW, false},
            {"2026-11-24T05:59:59Z", NOW - 1000, false},
            {"1970-01-01", 0, false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct time_argument got;
        if (!time_argument_parse(table[i].text, NOW, &got))
            fail_msg("%s: refused", table[i].text);
        if (got.milliseconds != table[i].want || got.is_before_now != table[i].before)
            fail_msg("%s: got %llu, want %llu", table[i].text, (unsigned long long)got.milliseconds,
                    (unsigned long long)table[i].want);
    }
}

TEST(bad_ones)
{
    static const char *const table[] = {"", "d", "7", "7x", "7 d", " 7d", "-7d", "+7d", "07d",
            "100001d", "99999999999999999999d", "2026", "2026-11", "2026-11-31", "2026-13-01",
            "2026-11-24 06:00", "2026-11-24T", "2026-11-24T25:00", "2026-11-24T06:00:00+01:00",
            "26-11-24", "1969-12-31", "2026-11-24Z", "2026-11-24T06:00ZZ", "yesterday"};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct time_argument got;
        if (time_argument_parse(table[i], NOW, &got))
            fail_msg("%s: taken as %llu", table[i], (unsigned long long)got.milliseconds);
    }
}
