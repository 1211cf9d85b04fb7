// SPDX-License-Identifier: ISC
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events/event.h"
#include "events/ring.h"
#include "unit.h"

#define MOST 64
#define WRITTEN_AT 0 /* where in the ring's memory its positions lie */
#define TAKEN_AT 64
#define FIRST_FORM_AT (128 + 4) /* of the first event, after its length */

static struct event events[MOST];
static char buffer[MOST * EVENT_OCTETS_MAX];

/* An event that tells its number in its time and, so that lengths vary, in its user. */
static void put(struct ring *ring, uint64_t number)
{
    char user[ADDRESS_MAX];

    const int len = snprintf(user, sizeof user, "%0*d@example.org", (int)(number * 7 % 300 + 1), 1);
    ring_put(ring, &(struct event){.time = number, .user = {user, (size_t)len}});
}

static size_t look(struct ring *ring)
{
    return ring_look(ring, events, MOST, buffer, sizeof buffer);
}

/* Everything that is there, which must be what comes after `number`, in its order. */
static uint64_t take_all(struct ring *ring, uint64_t number)
{
    size_t count;

    while ((count = look(ring)) > 0) {
        for (size_t i = 0; i < count; i++, number++) {
            assert_int_equal(events[i].time, number);
            assert_int_equal(events[i].user.len, number * 7 % 300 + 1 + 12);
        }
        ring_take(ring);
    }
    return number;
}

static uint64_t fill(struct ring *ring, uint64_t from)
{
    uint64_t dropped = 0;

    for (uint64_t i = from;; i++) {
        put(ring, i);
        dropped = ring_take_dropped(ring);
        if (dropped > 0) {
            assert_int_equal(dropped, 1);
            return i;
        }
    }
}

TEST(an_empty_ring_has_nothing)
{
    struct ring *ring = ring_init(&event_kind);

    assert_non_null(ring);
    assert_int_equal(look(ring), 0);
    ring_take(ring);
    assert_int_equal(look(ring), 0);
    assert_int_equal(ring_take_dropped(ring), 0);
    ring_free(&ring);
    assert_null(ring);
    ring_free(&ring);
}

TEST(what_is_not_taken_stays)
{
    struct ring *ring = ring_init(&event_kind);

    assert_non_null(ring);
    for (uint64_t i = 0; i < 10; i++)
        put(ring, i);
    assert_int_equal(look(ring), 10);
    assert_int_equal(look(ring), 10);
    assert_int_equal(events[0].time, 0);
    put(ring, 10);
    ring_take(ring);
    assert_int_equal(look(ring), 1);
    assert_int_equal(events[0].time, 10);
    assert_int_equal(ring_take_dropped(ring), 0);
    ring_free(&ring);
}

TEST(a_look_is_bounded)
{
    struct ring *ring = ring_init(&event_kind);

    assert_non_null(ring);
    for (uint64_t i = 0; i < 10; i++)
        put(ring, i);
    assert_int_equal(ring_look(ring, events, 3, buffer, sizeof buffer), 3);
    ring_take(ring);
    assert_int_equal(ring_look(ring, events, MOST, buffer, EVENT_OCTETS_MAX) > 0, true);
    assert_int_equal(events[0].time, 3);
    assert_int_equal(take_all(ring, 3), 10);
    ring_free(&ring);
}

TEST(a_full_ring_counts_and_goes_on)
{
    struct ring *ring = ring_init(&event_kind);

    assert_non_null(ring);
    const uint64_t fitted = fill(ring, 0);
    assert_true(fitted > RING_OCTETS / EVENT_OCTETS_MAX);
    for (int i = 0; i < 5; i++)
        put(ring, 1000000);
    assert_int_equal(ring_take_dropped(ring), 5);
    assert_int_equal(ring_take_dropped(ring), 0);
    assert_int_equal(take_all(ring, 0), fitted);
    put(ring, fitted);
    assert_int_equal(take_all(ring, fitted), fitted + 1);
    ring_free(&ring);
}

/* Events that are left out take no room that others need, and are counted. */
TEST(what_is_left_out_has_half_the_ring)
{
    struct ring *ring = ring_init(&event_kind);
    uint64_t left_out = 0;
    uint64_t kept = 0;

    assert_non_null(ring);
    for (uint64_t i = 0; i < RING_OCTETS / 32; i++)
        ring_put(ring, &(struct event){.time = i, .left_out = true});
    assert_int_equal(ring_take_left_out(ring), RING_OCTETS / 32);
    assert_int_equal(ring_take_left_out(ring), 0);
    for (; ring_take_dropped(ring) == 0; kept++)
        ring_put(ring, &(struct event){.time = kept, .user = text_of("alice@example.org")});
    assert_true(kept * 80 > RING_OCTETS / 2 - EVENT_OCTETS_MAX * 2);
    for (size_t count; (count = look(ring)) > 0; ring_take(ring))
        for (size_t i = 0; i < count; i++)
            left_out += events[i].left_out;
    assert_true(left_out * 56 > RING_OCTETS / 2 - EVENT_OCTETS_MAX);
    assert_true(left_out < RING_OCTETS / 32);
    ring_put(ring, &(struct event){.left_out = true});
    ring_put(ring, &(struct event){.left_out = false});
    assert_int_equal(ring_discard(ring), 1);
    assert_int_equal(look(ring), 0);
    ring_free(&ring);
}

/* The end of the ring comes at another place of a record each time. */
TEST(many_times_round)
{
    struct ring *ring = ring_init(&event_kind);
    uint64_t put_up_to = 0;
    uint64_t taken = 0;

    assert_non_null(ring);
    while (put_up_to < 300000) {
        for (uint64_t i = 0; i < put_up_to % 1700; i++)
            put(ring, put_up_to + i);
        put_up_to += put_up_to % 1700 + 1;
        put(ring, put_up_to - 1);
        taken = take_all(ring, taken);
        assert_int_equal(taken, put_up_to);
    }
    assert_int_equal(ring_take_dropped(ring), 0);
    ring_free(&ring);
}

/* As many as there is room for, however slow the reader is; then it waits for its end. */
static void put_some(struct ring *ring, uint64_t number)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (uint64_t i = number; i < number + 5000; i++)
        put(ring, i);
    for (;;)
        (void)pause();
}

/* A worker in another process, killed somewhere; its successor goes on. */
TEST(a_killed_worker_leaves_whole_events)
{
    struct ring *ring = ring_init(&event_kind);
    uint64_t number = 0;

    assert_non_null(ring);
    for (int round = 0; round < 20; round++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            put_some(ring, number);
        const uint64_t enough = number + 500;
        while (number < enough)
            number = take_all(ring, number);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        number = take_all(ring, number);
        assert_int_equal(ring_take_dropped(ring), 0);
    }
    ring_free(&ring);
}

/* No event is lost or seen twice between two processes that run at once, and gaps are counted. */
TEST(two_processes)
{
    static const uint64_t total = 200000;
    struct ring *ring = ring_init(&event_kind);
    uint64_t next = 0;
    uint64_t seen = 0;
    uint64_t dropped = 0;

    assert_non_null(ring);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (uint64_t i = 0; i < total; i++)
            put(ring, i);
        _exit(0);
    }
    while (seen + dropped < total) {
        const size_t count = look(ring);
        for (size_t i = 0; i < count; i++) {
            assert_true(events[i].time >= next);
            next = events[i].time + 1;
        }
        ring_take(ring);
        seen += count;
        dropped += ring_take_dropped(ring);
    }
    assert_int_equal(seen + dropped, total);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(look(ring), 0);
    ring_free(&ring);
}

static void set_position(struct ring *ring, size_t at, uint64_t position)
{
    size_t size;

    memcpy(ring_memory(ring, &size) + at, &position, sizeof position);
}

/* Positions that a mad worker left: what was there is lost and counted, what comes is not. */
TEST(positions_mend)
{
    static const struct {
        size_t at;
        uint64_t position;
    } table[] = {{WRITTEN_AT, 1}, {WRITTEN_AT, 8}, {WRITTEN_AT, 1000001}, {WRITTEN_AT, UINT64_MAX},
            {WRITTEN_AT, UINT64_MAX - 7}, {WRITTEN_AT, (uint64_t)RING_OCTETS * 2},
            {WRITTEN_AT, RING_OCTETS}, {TAKEN_AT, 1}, {TAKEN_AT, RING_OCTETS},
            {TAKEN_AT, UINT64_MAX}, {TAKEN_AT, (uint64_t)1 << 63}, {TAKEN_AT, 12345677}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (int worker_first = 0; worker_first < 2; worker_first++) {
            struct ring *ring = ring_init(&event_kind);
            for (uint64_t n = 0; n < 10; n++)
                put(ring, n);
            set_position(ring, table[i].at, table[i].position);
            if (worker_first)
                put(ring, 100);
            for (int k = 0; k < 5; k++) {
                (void)look(ring);
                ring_take(ring);
                put(ring, 100);
            }
            if (ring_take_dropped(ring) == 0)
                fail_msg("position %llu at %zu: nothing is counted",
                        (unsigned long long)table[i].position, table[i].at);
            assert_true(look(ring) > 0);
            ring_take(ring);
            for (uint64_t n = 0; n < 10; n++)
                put(ring, n);
            assert_int_equal(take_all(ring, 0), 10);
            assert_int_equal(ring_take_dropped(ring), 0);
            ring_free(&ring);
        }
}

/* What is no event is passed over, and counted when it is taken, once. */
TEST(events_that_are_none)
{
    struct ring *ring = ring_init(&event_kind);
    size_t size;

    assert_non_null(ring);
    put(ring, 0);
    put(ring, 1);
    ring_memory(ring, &size)[FIRST_FORM_AT] = 77;
    assert_int_equal(look(ring), 1);
    assert_int_equal(events[0].time, 1);
    assert_int_equal(ring_take_dropped(ring), 0);
    assert_int_equal(look(ring), 1);
    ring_take(ring);
    assert_int_equal(ring_take_dropped(ring), 1);
    assert_int_equal(look(ring), 0);
    put(ring, 2);
    assert_int_equal(take_all(ring, 2), 3);
    ring_free(&ring);
}
