// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "base/clock.h"

/* Each clock lies between two looks at what it is made of. */
static void clocks_have_their_units(void **state)
{
    const uint64_t before = (uint64_t)time(NULL);
    const uint64_t now = clock_unix();

    (void)state;
    assert_in_range(now, before, (uint64_t)time(NULL) + 1);
    const uint64_t micro = clock_microseconds();
    const uint64_t milli = clock_milliseconds();
    assert_in_range(milli, micro / 1000, clock_microseconds() / 1000);
}

static void monotonic_clocks_do_not_go_back(void **state)
{
    uint64_t last = clock_microseconds();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        const uint64_t now = clock_microseconds();
        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(clocks_have_their_units),
            cmocka_unit_test(monotonic_clocks_do_not_go_back),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
