// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_PART_H
#define VERIMAIL_TEST_PART_H

#include <stddef.h>

#include "unit.h"

/* A part of a bundle is these octets with a NUL behind them, or not there when `want` is NULL. */
static inline void part_assert(const char *got, size_t got_len, const char *want, size_t want_len)
{
    assert_int_equal(got == NULL, want == NULL);
    if (want == NULL)
        return;
    assert_int_equal(got_len, want_len);
    assert_memory_equal(got, want, want_len);
    assert_int_equal(got[got_len], '\0');
}

#endif
