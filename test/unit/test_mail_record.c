// SPDX-License-Identifier: ISC
#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "milter/mail_record.h"
#include "unit.h"

#define MOST 4096
#define THREADS 8
#define EACH 500

static struct ring *ring;
static struct mail_event events[MOST];
static char buffer[MOST * MAIL_EVENT_OCTETS_MAX];

BEFORE_EACH()
{
    assert_true(sodium_init() >= 0);
    ring = ring_init(&mail_event_kind);
    assert_non_null(ring);
    assert_true(mail_record_start(ring));
}

AFTER_EACH()
{
    assert_true(mail_record_start(NULL));
    ring_free(&ring);
}

static struct decision_event decided(enum mail_direction direction, enum verdict verdict)
{
    return (struct decision_event){.is_made = true,
            .event = {.time = 1780272000000,
                    .direction = direction,
                    .action = MAIL_ACTION_PASSED,
                    .verdict = verdict,
                    .reason = text_of("reason"),
                    .queue = text_of("4Fz9"),
                    .author = text_of("alice@example.org")}};
}

/* How many are in the ring, and how many of them are recorded by themselves. */
static size_t look(size_t *recorded_r)
{
    const size_t count = ring_look(ring, events, MOST, buffer, sizeof buffer);

    *recorded_r = 0;
    for (size_t i = 0; i < count; i++)
        *recorded_r += !events[i].left_out;
    ring_take(ring);
    return count;
}

TEST(what_was_not_done_is_deferred)
{
    const struct decision_event event = decided(MAIL_DIRECTION_OUT, VERDICT_YES);
    size_t recorded;

    mail_record_put(&event, MAIL_ACTION_NONE);
    mail_record_put(&event, MAIL_ACTION_DEFERRED);
    assert_int_equal(look(&recorded), 2);
    assert_int_equal(events[0].action, MAIL_ACTION_PASSED);
    assert_true(text_equal(events[0].reason, text_of("reason")));
    assert_int_equal(events[1].action, MAIL_ACTION_DEFERRED);
    assert_true(text_equal(events[1].reason, text_of("not-changed")));
    assert_true(text_equal(events[1].queue, text_of("4Fz9")));
}

/* A domain that does not use Verimail leaves no trace but a count. */
TEST(mail_without_a_service_has_no_names)
{
    const struct decision_event event = decided(MAIL_DIRECTION_IN, VERDICT_NONE);
    size_t recorded;

    mail_record_put(&event, MAIL_ACTION_NONE);
    assert_int_equal(look(&recorded), 1);
    assert_int_equal(events[0].verdict, VERDICT_NONE);
    assert_int_equal(events[0].action, MAIL_ACTION_PASSED);
    assert_int_equal(events[0].time, 1780272000000);
    assert_int_equal(events[0].queue.len + events[0].author.len + events[0].reason.len, 0);
}

TEST(nothing_is_put_that_was_not_decided)
{
    struct decision_event event = decided(MAIL_DIRECTION_IN, VERDICT_YES);
    size_t recorded;

    event.is_made = false;
    mail_record_put(&event, MAIL_ACTION_NONE);
    assert_int_equal(look(&recorded), 0);
    assert_true(mail_record_start(NULL));
    event.is_made = true;
    mail_record_put(&event, MAIL_ACTION_NONE);
    assert_int_equal(look(&recorded), 0);
}

/* Of what strangers can send without end only so much is recorded. The rest is counted. */
static const struct rationed {
    struct unit_row row;
    enum mail_direction direction;
    enum verdict verdict;
    bool stamped;
    size_t want; /* of 3,000 */
} rationed[] = {
        {{"NO"}, MAIL_DIRECTION_IN, VERDICT_NO, false, 100},
        {{"NO with a stamp"}, MAIL_DIRECTION_IN, VERDICT_NO, true, 100},
        {{"temperror"}, MAIL_DIRECTION_IN, VERDICT_TEMPERROR, false, 100},
        {{"permerror"}, MAIL_DIRECTION_IN, VERDICT_PERMERROR, false, 100},
        {{"ALLOW"}, MAIL_DIRECTION_IN, VERDICT_ALLOW, false, 100},
        {{"ALLOW with a stamp"}, MAIL_DIRECTION_IN, VERDICT_ALLOW, true, 2000},
        {{"YES"}, MAIL_DIRECTION_IN, VERDICT_YES, true, 2000},
        {{"none"}, MAIL_DIRECTION_IN, VERDICT_NONE, false, 3000},
        {{"sent"}, MAIL_DIRECTION_OUT, VERDICT_YES, true, 3000},
};

TEST_EACH(mail_is_rationed, rationed)
{
    struct decision_event event = decided(row->direction, row->verdict);
    struct endpoint client;
    size_t recorded;

    assert_true(endpoint_parse("192.0.2.1:25", &client));
    event.from = &client;
    if (row->stamped)
        event.event.stamp = text_of("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    for (size_t i = 0; i < 3000; i++)
        mail_record_put(&event, MAIL_ACTION_NONE);
    assert_int_equal(look(&recorded), 3000);
    /* A slow machine refills the ration meanwhile. */
    assert_in_range(recorded, row->want, row->want + (row->want < 3000 ? 500 : 0));
    assert_int_equal(ring_take_left_out(ring), 3000 - recorded);
}

static void *put_many(void *context)
{
    struct decision_event event = decided(MAIL_DIRECTION_OUT, VERDICT_YES);
    const uint64_t thread = (uint64_t)(uintptr_t)context;

    for (uint64_t i = 0; i < EACH; i++) {
        event.event.time = thread * EACH + i;
        mail_record_put(&event, MAIL_ACTION_NONE);
    }
    return NULL;
}

/* Threads put into one ring: each event arrives once, those of a thread in their order. */
TEST(threads_share_a_ring)
{
    pthread_t threads[THREADS];
    uint64_t next[THREADS] = {0};
    size_t recorded;

    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, (void *)i), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(look(&recorded), THREADS * EACH);
    assert_int_equal(recorded, THREADS * EACH);
    for (size_t i = 0; i < THREADS * EACH; i++) {
        const uint64_t thread = events[i].time / EACH;
        assert_in_range(thread, 0, THREADS - 1);
        assert_int_equal(events[i].time % EACH, next[thread]++);
    }
}
