// SPDX-License-Identifier: ISC
#include <string.h>

#include "unit.h"
#include "verimaild/connection.h"

static const struct endpoint nowhere;

static struct connection *take(struct connection_pool *pool, int fd)
{
    return connection_pool_take(pool, fd, &nowhere, (uint64_t)fd * 10);
}

static struct connection *take_held(struct connection_pool *pool, int fd)
{
    struct connection *connection = take(pool, fd);

    assert_non_null(connection);
    connection_pool_hold(pool, connection);
    return connection;
}

/* The descriptors from the oldest to the newest, found by giving the oldest back. */
static void check_order(struct connection_pool *pool, const int *fds, size_t count)
{
    assert_int_equal(connection_pool_held(pool), count);
    for (size_t i = 0; i < count; i++) {
        struct connection *oldest = connection_pool_oldest(pool);
        assert_non_null(oldest);
        assert_int_equal(oldest->fd, fds[i]);
        assert_int_equal(oldest->since, (uint64_t)fds[i] * 10);
        connection_pool_give(pool, oldest);
    }
    assert_null(connection_pool_oldest(pool));
    assert_int_equal(connection_pool_held(pool), 0);
    assert_int_equal(connection_pool_taken(pool), 0);
}

TEST(oldest_goes_first)
{
    struct connection_pool *pool = connection_pool_init(4);

    assert_non_null(pool);
    assert_null(connection_pool_oldest(pool));
    for (int round = 0; round < 3; round++) {
        for (int fd = 1; fd <= 4; fd++)
            (void)take_held(pool, fd);
        assert_null(take(pool, 5));
        check_order(pool, (const int[]){1, 2, 3, 4}, 4);
    }
    connection_pool_free(&pool);
    assert_null(pool);
    connection_pool_free(&pool);
}

TEST(given_back_from_anywhere)
{
    static const struct {
        int given;
        int left[3];
    } table[] = {{1, {2, 3, 4}}, {2, {1, 3, 4}}, {3, {1, 2, 4}}, {4, {1, 2, 3}}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct connection_pool *pool = connection_pool_init(4);
        struct connection *at[5];
        for (int fd = 1; fd <= 4; fd++)
            at[fd] = take_held(pool, fd);
        connection_pool_give(pool, at[table[i].given]);
        (void)take_held(pool, 5);
        assert_null(take(pool, 6));
        check_order(
                pool, (const int[]){table[i].left[0], table[i].left[1], table[i].left[2], 5}, 4);
        connection_pool_free(&pool);
    }
}

/* One that waits for its count is not in the list, and comes back to its end. */
TEST(taken_and_not_held)
{
    struct connection_pool *pool = connection_pool_init(3);
    struct connection *first = take_held(pool, 1);

    assert_non_null(pool);
    (void)take_held(pool, 2);
    struct connection *third = take(pool, 3);
    assert_int_equal(connection_pool_taken(pool), 3);
    assert_int_equal(connection_pool_held(pool), 2);
    connection_pool_release(pool, first);
    connection_pool_release(pool, first);
    assert_int_equal(connection_pool_oldest(pool)->fd, 2);
    connection_pool_hold(pool, third);
    connection_pool_hold(pool, first);
    connection_pool_hold(pool, third);
    check_order(pool, (const int[]){2, 3, 1}, 3);
    struct connection *again = take(pool, 4);
    connection_pool_give(pool, again);
    assert_int_equal(connection_pool_taken(pool), 0);
    connection_pool_free(&pool);
}

TEST(indexes)
{
    struct connection_pool *pool = connection_pool_init(2);

    assert_non_null(pool);
    assert_null(connection_pool_at(pool, 0));
    struct connection *first = take(pool, 7);
    const uint32_t index = connection_pool_index(pool, first);
    assert_true(index < 2);
    assert_ptr_equal(connection_pool_at(pool, index), first);
    assert_null(connection_pool_at(pool, 1 - index));
    assert_null(connection_pool_at(pool, 2));
    assert_null(connection_pool_at(pool, UINT32_MAX));
    connection_pool_give(pool, first);
    assert_null(connection_pool_at(pool, index));
    connection_pool_free(&pool);
}

/* Nothing of one connection is seen by the next in its place but what it wrote into its buffers. */
TEST(places_are_used_again)
{
    struct connection_pool *pool = connection_pool_init(1);
    struct connection *connection = take_held(pool, 1);

    assert_non_null(pool);
    connection->state = CONNECTION_DRAINING;
    connection->more = true;
    connection->limited = true;
    connection->used = 4096;
    connection->discarded = 99;
    connection_pool_give(pool, connection);
    assert_ptr_equal(take(pool, 2), connection);
    assert_int_equal(connection->fd, 2);
    assert_int_equal(connection->state, CONNECTION_READING);
    assert_false(connection->more);
    assert_false(connection->limited);
    assert_false(connection->held);
    assert_int_equal(connection->used, 0);
    assert_int_equal(connection->discarded, 0);
    assert_int_equal(connection->since, 20);
    connection_pool_free(&pool);
}

TEST(lines_are_apart)
{
    enum { COUNT = 5 };
    struct connection_pool *pool = connection_pool_init(COUNT);
    struct connection *at[COUNT];

    assert_non_null(pool);
    for (int i = 0; i < COUNT; i++) {
        at[i] = take(pool, i);
        memset(at[i]->line, 'a' + i, sizeof at[i]->line);
    }
    for (int i = 0; i < COUNT; i++)
        for (size_t k = 0; k < sizeof at[i]->line; k++)
            assert_int_equal(at[i]->line[k], 'a' + i);
    connection_pool_free(&pool);
}

/* A slow sender's octets stand in the page that its connection has anyway. */
TEST(what_every_connection_needs_comes_first)
{
    assert_true(offsetof(struct connection, line) < 256);
    assert_true(offsetof(struct connection, query) > offsetof(struct connection, line));
    assert_true(offsetof(struct connection, request) > offsetof(struct connection, line));
}

/* Against an array kept in order, with every way to add and to remove. */
TEST(like_a_naive_list)
{
    enum { MAX = 7, STEPS = 20000 };
    struct connection_pool *pool = connection_pool_init(MAX);
    struct connection *model[MAX];
    size_t count = 0;
    uint32_t chance = 1;

    assert_non_null(pool);
    for (int step = 1; step <= STEPS; step++) {
        chance = chance * 1664525 + 1013904223;
        const size_t pick = chance >> 8;
        if (chance >> 31 == 0) {
            struct connection *taken = take(pool, step);
            assert_true((taken == NULL) == (count == MAX));
            if (taken != NULL) {
                connection_pool_hold(pool, taken);
                model[count++] = taken;
            }
        } else if (count > 0) {
            const size_t which = pick % count;
            struct connection *moved = model[which];
            memmove(model + which, model + which + 1, (--count - which) * sizeof *model);
            if ((pick >> 16) % 3 == 0) {
                connection_pool_release(pool, moved);
                connection_pool_hold(pool, moved);
                model[count++] = moved;
            } else {
                connection_pool_give(pool, moved);
            }
        }
        assert_int_equal(connection_pool_held(pool), count);
        assert_int_equal(connection_pool_taken(pool), count);
        assert_ptr_equal(connection_pool_oldest(pool), count > 0 ? model[0] : NULL);
        for (size_t i = 0; i < count; i++)
            assert_ptr_equal(
                    connection_pool_at(pool, connection_pool_index(pool, model[i])), model[i]);
    }
    connection_pool_free(&pool);
}
