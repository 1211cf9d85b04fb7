// SPDX-License-Identifier: ISC
#include <string.h>

#include "replay/redis_stream.h"
#include "unit.h"

TEST(what_comes_in_goes_out)
{
    struct redis_output output = {.at = NULL};
    char wanted = 'a';
    size_t sent = 0;

    assert_int_equal(redis_output_rest(&output).len, 0);
    for (int i = 0; i < 10000; i++) {
        char octets[26];
        for (size_t k = 0; k < sizeof octets; k++)
            octets[k] = (char)('a' + k);
        assert_true(redis_output_put(&output, (struct text){octets, sizeof octets}));
        const struct text rest = redis_output_rest(&output);
        const size_t len = rest.len < 17 ? rest.len : 17;
        for (size_t k = 0; k < len; k++, wanted = wanted == 'z' ? 'a' : (char)(wanted + 1))
            assert_int_equal(rest.at[k], wanted);
        redis_output_sent(&output, len);
        sent += len;
    }
    assert_int_equal(redis_output_rest(&output).len, 260000 - sent);
    redis_output_wipe(&output);
    assert_int_equal(redis_output_rest(&output).len, 0);
}

TEST(it_ends)
{
    static char octets[4096];
    struct redis_output output = {.at = NULL};
    size_t len = 0;

    while (redis_output_put(&output, (struct text){octets, sizeof octets}))
        len += sizeof octets;
    assert_int_equal(len, REDIS_OUTPUT_MAX);
    redis_output_sent(&output, 1);
    assert_true(redis_output_put(&output, (struct text){octets, 1}));
    assert_false(redis_output_put(&output, (struct text){octets, 1}));
    redis_output_sent(&output, len);
    assert_true(redis_output_put(&output, (struct text){octets, sizeof octets}));
    redis_output_wipe(&output);
}
