// SPDX-License-Identifier: ISC
#include "exact.h"
#include "protocol/utf8.h"
#include "unit.h"

TEST(lengths_are_those_of_rfc_3629)
{
    static const struct {
        const char *octets;
        size_t want;
    } table[] = {
            {"", 0},
            {"a", 1},
            {"\x7f", 1},
            {"\x80", 0},
            {"\xc1\xbf", 0},
            {"\xc2", 0},
            {"\xc2\x80z", 2},
            {"\xc2z", 0},
            {"\xe0\x9f\xbf", 0},
            {"\xe0\xa0\x80", 3},
            {"\xe2\x82", 0},
            {"\xed\x9f\xbf", 3},
            {"\xed\xa0\x80", 0},
            {"\xef\xbf\xbf", 3},
            {"\xf0\x8f\xbf\xbf", 0},
            {"\xf0\x90\x80\x80", 4},
            {"\xf0\x9f\x98", 0},
            {"\xf4\x8f\xbf\xbf", 4},
            {"\xf4\x90\x80\x80", 0},
            {"\xf5\x80\x80\x80", 0},
            {"\xff", 0},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text in = exact_copy(text_of(table[i].octets));
        const size_t got = utf8_len(in);
        assert_int_equal(
                utf8_is_valid(in), in.len == 0 || got == in.len || (got > 0 && got < in.len));
        exact_free(in);
        if (got != table[i].want)
            fail_msg("row %zu: got %zu, want %zu", i, got, table[i].want);
    }
    assert_false(utf8_is_valid(text_of("a\xc3")));
    assert_true(utf8_is_valid(text_of("a\xc3\xbc\xf0\x90\x80\x80")));
}
