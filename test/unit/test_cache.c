// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "client/cache.h"
#include "unit.h"

static struct address user(const char *text)
{
    struct address address;

    assert_true(address_parse(text_of(text), text_of(""), &address));
    return address;
}

static void put(struct cache *cache, const char *text, uint32_t ttl, bool scope, uint64_t now)
{
    const struct address address = user(text);
    const struct cached cached = {{VERDICT_NO, REASON_UNSTAMPED, ttl, scope}, true};

    cache_put(cache, &address, &cached, now);
}

static bool has(struct cache *cache, const char *text, uint64_t now)
{
    const struct address address = user(text);
    struct cached cached = {0};
    const bool found = cache_get(cache, &address, now, &cached);

    if (found)
        assert_true(cached.answer.verdict == VERDICT_NO && cached.secure);
    return found;
}

TEST(as_long_as_its_ttl)
{
    struct cache *cache = cache_init(10);

    assert_non_null(cache);
    put(cache, "a@b.c", 2, false, 1000);
    put(cache, "x@b.c", 0, false, 1000);
    assert_true(has(cache, "a@b.c", 1000));
    assert_true(has(cache, "A@B.c", 2999));
    assert_false(has(cache, "a@b.c", 3000));
    assert_false(has(cache, "a@b.c", 1000)); /* it was dropped */
    assert_false(has(cache, "x@b.c", 1000));
    cache_free(&cache);
    cache_free(&cache);
}

TEST(whole_domains)
{
    struct cache *cache = cache_init(10);

    assert_non_null(cache);
    put(cache, "a@b.c", 60, true, 0);
    assert_true(has(cache, "a@b.c", 1));
    assert_true(has(cache, "other@B.C", 1));
    assert_false(has(cache, "a@x.b.c", 1));
    assert_false(has(cache, "a@bb.c", 1));
    assert_false(has(cache, "a@c", 1));
    cache_free(&cache);
}

/* Of a whole domain for five minutes at most; of one user for as long as it says. */
TEST(whole_domains_for_a_while)
{
    struct cache *cache = cache_init(10);

    assert_non_null(cache);
    put(cache, "a@b.c", 3600, true, 0);
    put(cache, "a@d.e", 3600, false, 0);
    put(cache, "a@f.g", 299, true, 0);
    assert_true(has(cache, "x@b.c", 299999));
    assert_false(has(cache, "x@b.c", 300000));
    assert_true(has(cache, "a@d.e", 3599999));
    assert_false(has(cache, "x@f.g", 299000));
    cache_free(&cache);
}

TEST(the_oldest_goes)
{
    struct cache *cache = cache_init(3);

    assert_non_null(cache);
    put(cache, "1@b.c", 60, false, 0);
    put(cache, "2@b.c", 60, false, 0);
    put(cache, "3@b.c", 60, false, 0);
    assert_true(has(cache, "1@b.c", 1));
    put(cache, "4@b.c", 60, false, 2);
    assert_false(has(cache, "2@b.c", 3));
    assert_true(has(cache, "1@b.c", 3) && has(cache, "3@b.c", 3) && has(cache, "4@b.c", 3));
    put(cache, "4@b.c", 60, false, 4); /* again: nobody goes */
    assert_true(has(cache, "1@b.c", 5) && has(cache, "3@b.c", 5) && has(cache, "4@b.c", 5));
    cache_free(&cache);
}

TEST(many)
{
    struct cache *cache = cache_init(1000);
    char text[32];

    assert_non_null(cache);
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(text, sizeof text, "u%u@b.c", i);
        put(cache, text, 60, false, i);
    }
    assert_false(has(cache, "u3999@b.c", 5000));
    assert_true(has(cache, "u4000@b.c", 5000) && has(cache, "u4999@b.c", 5000));
    cache_free(&cache);
}
