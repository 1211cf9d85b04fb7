// SPDX-License-Identifier: ISC
#include <string.h>

#include "replay/redis_output.h"
#include "unit.h"

TEST(what_comes_in_goes_out)
{
    struct redisoutput output = {.at = NULL};
    char wanted = 'a';
    size_t sent = 0;

    assert_int_equal(redisoutput_rest(&output).len, 0);
    for (int i = 0; i < 10000; i++) {
        char octets[26];
        for (size_t k = 0; k < sizeof octets; k++)
            octets[k] = (char)('a' + k);
        assert_true(redisoutput_put(&output, (struct text){octets, sizeof octets}));
        const struct text rest = redisoutput_rest(&output);
        const size_t len = rest.len < 17 ? rest.len : 17;
        for (size_t k = 0; k < len; k++, wanted = wanted == 'z' ? 'a' : (char)(wanted + 1))
            assert_int_equal(rest.at[k], wanted);
        redisoutput_sent(&output, len);
        sent += len;
    }
    assert_int_equal(redisoutput_rest(&output).len, 260000 - sent);
    redisoutput_wipe(&output);
    assert_int_equal(redisoutput_rest(&output).len, 0);
}

TEST(it_ends)
{
    static char octets[4096];
    struct redisoutput output = {.at = NULL};
    size_t len = 0;

    while (redisoutput_put(&output, (struct text){octets, sizeof octets}))
        len += sizeof octets;
    assert_int_equal(len, REDISOUTPUT_MAX);
    redisoutput_sent(&output, 1);
    assert_true(redisoutput_put(&output, (struct text){octets, 1}));
    assert_false(redisoutput_put(&output, (struct text){octets, 1}));
    redisoutput_sent(&output, len);
    assert_true(redisoutput_put(&output, (struct text){octets, sizeof octets}));
    redisoutput_wipe(&output);
}
