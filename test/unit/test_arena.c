// SPDX-License-Identifier: ISC
#include <string.h>

#include "unit.h"
#include "users/arena.h"

#define PIECES 3000

TEST(what_is_kept_stays)
{
    static char *pieces[PIECES];
    struct arena blocks = {NULL};

    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = arena_keep(&blocks, i);
        assert_non_null(pieces[i]);
        memset(pieces[i], (int)(i % 251), i);
    }
    for (size_t i = 0; i < PIECES; i++)
        for (size_t k = 0; k < i; k++)
            if ((unsigned char)pieces[i][k] != i % 251)
                fail_msg("piece %zu at %zu: got %d", i, k, pieces[i][k]);
    arena_free(&blocks);
    assert_null(blocks.last);
    arena_free(&blocks);
}

TEST(sizes_at_their_edge)
{
    struct arena blocks = {NULL};

    assert_null(arena_keep(&blocks, ARENA_MAX + 1));
    assert_null(arena_keep(&blocks, SIZE_MAX));
    char *whole = arena_keep(&blocks, ARENA_MAX);
    assert_non_null(whole);
    memset(whole, 'x', ARENA_MAX);
    char *next = arena_keep(&blocks, 1);
    assert_non_null(next);
    *next = 'y';
    assert_int_equal(whole[ARENA_MAX - 1], 'x');
    arena_free(&blocks);
}
