// SPDX-License-Identifier: ISC
#include <string.h>

#include "unit.h"
#include "verimaild/connection.h"

static const struct endpoint nowhere;

static struct connection *add(struct connections *c, int fd)
{
    return connections_add(c, fd, &nowhere, (uint64_t)fd * 10);
}

/* The descriptors from the oldest to the newest, found by taking the oldest away. */
static void check_order(struct connections *c, const int *fds, size_t count)
{
    assert_int_equal(connections_count(c), count);
    for (size_t i = 0; i < count; i++) {
        struct connection *oldest = connections_oldest(c);
        assert_non_null(oldest);
        assert_int_equal(oldest->fd, fds[i]);
        assert_int_equal(oldest->since, (uint64_t)fds[i] * 10);
        connections_remove(c, oldest);
    }
    assert_null(connections_oldest(c));
    assert_int_equal(connections_count(c), 0);
}

TEST(oldest_goes_first)
{
    struct connections *c = connections_init(4);

    assert_null(connections_oldest(c));
    for (int round = 0; round < 3; round++) {
        for (int fd = 1; fd <= 4; fd++)
            assert_non_null(add(c, fd));
        assert_null(add(c, 5));
        check_order(c, (const int[]){1, 2, 3, 4}, 4);
    }
    connections_free(&c);
    assert_null(c);
    connections_free(&c);
}

TEST(removed_from_anywhere)
{
    static const struct {
        int removed;
        int left[3];
    } table[] = {{1, {2, 3, 4}}, {2, {1, 3, 4}}, {3, {1, 2, 4}}, {4, {1, 2, 3}}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct connections *c = connections_init(4);
        struct connection *at[5];
        for (int fd = 1; fd <= 4; fd++)
            at[fd] = add(c, fd);
        connections_remove(c, at[table[i].removed]);
        assert_non_null(add(c, 5));
        assert_null(add(c, 6));
        check_order(c, (const int[]){table[i].left[0], table[i].left[1], table[i].left[2], 5}, 4);
        connections_free(&c);
    }
}

TEST(indexes)
{
    struct connections *c = connections_init(2);

    assert_null(connections_at(c, 0));
    struct connection *first = add(c, 7);
    const uint32_t index = connections_index(c, first);
    assert_true(index < 2);
    assert_ptr_equal(connections_at(c, index), first);
    assert_null(connections_at(c, 1 - index));
    assert_null(connections_at(c, 2));
    assert_null(connections_at(c, UINT32_MAX));
    connections_remove(c, first);
    assert_null(connections_at(c, index));
    connections_free(&c);
}

/* Nothing of one connection is seen by the next in its place but the octets in its room. */
TEST(places_are_used_again)
{
    struct connections *c = connections_init(1);
    struct connection *connection = add(c, 1);

    connection->answered = true;
    connection->used = 4096;
    connection->discarded = 99;
    connections_remove(c, connection);
    assert_ptr_equal(add(c, 2), connection);
    assert_int_equal(connection->fd, 2);
    assert_false(connection->answered);
    assert_int_equal(connection->used, 0);
    assert_int_equal(connection->discarded, 0);
    assert_int_equal(connection->since, 20);
    connections_free(&c);
}

TEST(rooms_are_apart)
{
    enum { COUNT = 5 };
    struct connections *c = connections_init(COUNT);
    struct connection *at[COUNT];

    for (int i = 0; i < COUNT; i++) {
        at[i] = add(c, i);
        memset(connections_room(c, at[i]), 'a' + i, QUESTION_MAX);
    }
    for (int i = 0; i < COUNT; i++) {
        const char *room = connections_room(c, at[i]);
        for (size_t k = 0; k < QUESTION_MAX; k++)
            assert_int_equal(room[k], 'a' + i);
    }
    connections_free(&c);
}

/* Against an array kept in order, with every way to add and to remove. */
TEST(like_a_naive_list)
{
    enum { MAX = 7, STEPS = 20000 };
    struct connections *c = connections_init(MAX);
    struct connection *model[MAX];
    size_t count = 0;
    uint32_t chance = 1;

    for (int step = 1; step <= STEPS; step++) {
        chance = chance * 1664525 + 1013904223;
        const size_t pick = chance >> 8;
        if (chance >> 31 == 0) {
            struct connection *added = add(c, step);
            assert_true((added == NULL) == (count == MAX));
            if (added != NULL)
                model[count++] = added;
        } else if (count > 0) {
            const size_t which = pick % count;
            connections_remove(c, model[which]);
            memmove(model + which, model + which + 1, (--count - which) * sizeof *model);
        }
        assert_int_equal(connections_count(c), count);
        assert_ptr_equal(connections_oldest(c), count > 0 ? model[0] : NULL);
        for (size_t i = 0; i < count; i++)
            assert_ptr_equal(connections_at(c, connections_index(c, model[i])), model[i]);
    }
    connections_free(&c);
}
