// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "client/lru.h"
#include "unit.h"

static int *add(struct lru *lru, const char *key, int value)
{
    int *added = lru_add(lru, text_of(key));

    assert_non_null(added);
    assert_int_equal(*added, 0);
    *added = value;
    return added;
}

static void check_keys(struct lru *lru, const char *keys, const char *want)
{
    char got[64] = "";

    for (size_t i = 0; keys[i] != '\0'; i++) {
        const int *value = lru_find(lru, (struct text){keys + i, 1});
        if (value != NULL) {
            assert_int_equal(*value, keys[i]);
            strncat(got, keys + i, 1);
        }
    }
    assert_string_equal(got, want);
}

TEST(the_one_not_used_longest_goes)
{
    struct lru *lru = lru_init(3, sizeof(int));

    assert_non_null(lru);
    (void)add(lru, "a", 'a');
    (void)add(lru, "b", 'b');
    assert_true(lru_make_room(lru, 1, NULL, NULL)); /* there was room */
    (void)add(lru, "c", 'c');
    check_keys(lru, "abcd", "abc"); /* finding is not using */
    assert_non_null(lru_use(lru, text_of("a")));
    assert_null(lru_use(lru, text_of("x")));
    assert_true(lru_make_room(lru, 1, NULL, NULL));
    (void)add(lru, "d", 'd');
    check_keys(lru, "abcd", "acd");
    assert_true(lru_make_room(lru, 1, NULL, NULL));
    check_keys(lru, "abcd", "ad");
    lru_free(&lru);
    assert_null(lru);
    lru_free(&lru);
}

static bool is_even(void *value, const void *context)
{
    unsigned *calls = *(unsigned *const *)context;

    ++*calls;
    return *(const int *)value % 2 == 0;
}

TEST(who_may_go)
{
    static const struct {
        const char *keys; /* oldest first */
        size_t most;
        const char *left; /* NULL: no room was made */
        unsigned calls;
    } table[] = {
            {"bdf", 3, "df", 1},
            {"abd", 3, "ad", 2},
            {"acf", 2, NULL, 2},
            {"acf", 3, "ac", 3},
            {"ace", 9, NULL, 3},
            {"ab", 3, "ab", 0},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct lru *lru = lru_init(3, sizeof(int));
        unsigned calls = 0;
        unsigned *const context = &calls;
        for (const char *key = table[i].keys; *key != '\0'; key++)
            (void)add(lru, (char[]){*key, '\0'}, *key);
        assert_int_equal(
                lru_make_room(lru, table[i].most, is_even, &context), table[i].left != NULL);
        assert_int_equal(calls, table[i].calls);
        check_keys(lru, table[i].keys, table[i].left != NULL ? table[i].left : table[i].keys);
        lru_free(&lru);
    }
}

TEST(dropped)
{
    struct lru *lru = lru_init(3, sizeof(int));

    assert_non_null(lru);
    for (unsigned round = 0; round < 3; round++) {
        int *a = add(lru, "a", 'a');
        (void)add(lru, "b", 'b');
        int *c = add(lru, "c", 'c');
        assert_false(lru_make_room(lru, 0, NULL, NULL));
        lru_drop(lru, round == 0 ? a : c);
        check_keys(lru, "abc", round == 0 ? "bc" : "ab");
        while (lru_make_room(lru, 1, NULL, NULL) && lru_find(lru, text_of("b")) != NULL)
            lru_drop(lru, lru_find(lru, text_of("b")));
        lru_drop(lru, round == 0 ? c : a);
        check_keys(lru, "abc", "");
    }
    lru_free(&lru);
}

/* Keys of any octets and length are told apart, and values stay where they are. */
TEST(many)
{
    struct lru *lru = lru_init(1000, 3 * sizeof(double));
    char key[32];
    double *first = NULL;

    assert_non_null(lru);
    for (unsigned i = 0; i < 5000; i++) {
        const size_t len = (size_t)snprintf(key, sizeof key, "%c%u", '\0', i);
        assert_true(lru_make_room(lru, 1, NULL, NULL));
        double *value = lru_add(lru, (struct text){key, len});
        assert_non_null(value);
        value[2] = i;
        if (i == 4500)
            first = value;
    }
    for (unsigned i = 0; i < 5000; i++) {
        const size_t len = (size_t)snprintf(key, sizeof key, "%c%u", '\0', i);
        const double *value = lru_use(lru, (struct text){key, len});
        assert_int_equal(value != NULL, i >= 4000);
        assert_true(value == NULL || value[2] == i);
        assert_true(i != 4500 || value == first);
    }
    assert_null(lru_find(lru, text_of("")));
    lru_free(&lru);
}
