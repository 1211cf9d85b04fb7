// SPDX-License-Identifier: ISC
#include <time.h>

#include "base/clock.h"
#include "unit.h"

/* Each clock lies between two looks at what it is made of. */
TEST(clocks_have_their_units)
{
    const uint64_t before = (uint64_t)time(NULL);
    const uint64_t now = unix_now();

    assert_in_range(now, before, (uint64_t)time(NULL) + 1);
    const uint64_t micro = mono_us();
    const uint64_t milli = mono_ms();
    assert_in_range(milli, micro / 1000, mono_us() / 1000);
}

TEST(monotonic_clocks_do_not_go_back)
{
    uint64_t last = mono_us();

    for (int i = 0; i < 1000; i++) {
        const uint64_t now = mono_us();
        assert_true(now >= last);
        last = now;
    }
}
