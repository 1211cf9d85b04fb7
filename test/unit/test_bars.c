// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "report/bars.h"
#include "report/chart.h"
#include "unit.h"

#define PARTS 3

TEST(cells_are_shared)
{
    static const struct {
        uint64_t parts[PARTS];
        unsigned cells;
        unsigned want[PARTS];
    } table[] = {
            {{0, 0, 0}, 0, {0, 0, 0}},
            {{1, 1, 1}, 3, {1, 1, 1}},
            {{70, 8, 22}, 50, {35, 4, 11}},
            {{1000000, 1, 1}, 8, {6, 1, 1}},
            {{1, 1000000, 1}, 8, {1, 6, 1}},
            {{1000000, 0, 1}, 2, {1, 0, 1}},
            {{1000000, 1, 1}, 1, {1, 0, 0}},
            {{1, 1, 5}, 2, {0, 1, 1}},
            {{0, 0, 7}, 5, {0, 0, 5}},
            {{UINT64_MAX / 4, UINT64_MAX / 4, UINT64_MAX / 2}, 40, {10, 10, 20}},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        unsigned got[PARTS];
        bars_share(table[i].parts, PARTS, table[i].cells, got);
        if (memcmp(got, table[i].want, sizeof got) != 0)
            fail_msg("%zu: got %u %u %u, want %u %u %u", i, got[0], got[1], got[2],
                    table[i].want[0], table[i].want[1], table[i].want[2]);
    }
}

/* Whatever the parts are: all cells are given, and none to what is 0. */
TEST(cells_are_all_given)
{
    for (uint64_t seed = 1; seed < 3000; seed++) {
        const uint64_t parts[PARTS] = {
                seed * 7919 % 101 % 4 * seed, seed * 104729 % 13, seed * 1299709 % 7 * (seed % 3)};
        for (unsigned cells = 1; cells < 60; cells += 1 + cells / 4) {
            unsigned got[PARTS];
            if (parts[0] + parts[1] + parts[2] == 0)
                continue;
            bars_share(parts, PARTS, cells, got);
            assert_int_equal(got[0] + got[1] + got[2], cells);
            for (size_t i = 0; i < PARTS; i++) {
                assert_true(parts[i] > 0 || got[i] == 0);
                assert_true(parts[i] == 0 || got[i] > 0 || cells < PARTS);
            }
        }
    }
}

TEST(ticks_are_round)
{
    static const struct {
        uint64_t largest;
        uint64_t want;
    } table[] = {
            {0, 1},
            {1, 1},
            {4, 2},
            {7, 2},
            {8, 5},
            {100, 50},
            {199, 50},
            {200, 100},
            {540420, 200000},
            {UINT64_MAX, UINT64_MAX},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const uint64_t got = chart_tick(table[i].largest);
        if (got != table[i].want)
            fail_msg("%llu: got %llu, want %llu", (unsigned long long)table[i].largest,
                    (unsigned long long)got, (unsigned long long)table[i].want);
    }
}

/* A step's parts, of which one is the sum of two members; what is no number counts as 0. */
TEST(parts_are_read)
{
    json_t *step = json_pack("{s:i, s:i, s:i, s:i, s:s}", "yes", 5, "no", 3, "temperror", 2,
            "permerror", 4, "allow", "many");
    uint64_t got[BARS_PARTS_MAX];

    assert_int_equal(bars_values(&bars_messages, step, got), 14);
    assert_int_equal(got[0], 5);
    assert_int_equal(got[1], 0);
    assert_int_equal(got[2], 3);
    assert_int_equal(got[3], 6);
    assert_int_equal(bars_values(&bars_questions, step, got), 8);
    assert_int_equal(bars_values(&bars_questions, NULL, got), 0);
    json_decref(step);
}
