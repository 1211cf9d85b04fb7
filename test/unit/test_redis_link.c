// SPDX-License-Identifier: ISC
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_redis.h"
#include "unit.h"

/* What is said too late is nobody else's answer. */
TEST(late_replies)
{
    struct fake_redis_count first = fake_redis_item(0);
    struct fake_redis_count second = fake_redis_item(1);
    struct fake_redis_count third = fake_redis_item(2);
    struct fake_redis *fake = fake_redis_open_asked(&first);
    struct fake_redis_server *server = &fake->servers[0];

    fake->mono_ms += 100;
    fake_redis_ask(fake, server, &second);
    fake->mono_ms += REPLAY_TIMEOUT - 200;
    fake_redis_answer(fake, server, ":1\r\n", &first, REPLAY_WITHIN);
    fake->mono_ms += 199;
    fake_redis_turn(fake);
    assert_int_equal(second.times, 0);
    assert_int_equal(replay_time_left(fake->replay, fake->mono_ms), 1);
    fake->mono_ms += 1;
    fake_redis_turn(fake);
    fake_redis_wait(fake, &second, REPLAY_FAILED);
    fake_redis_check_error(fake, "does not answer in time");
    fake_redis_ask(fake, server, &third);
    fake_redis_answer(fake, server, ":1\r\n:0\r\n", &third, REPLAY_OVER);
    fake_redis_close(fake);
}

/* One that says nothing at all is left, and nobody waits for it again before it says something. */
TEST(a_server_that_falls_silent)
{
    struct fake_redis_count items[] = {fake_redis_item(0), fake_redis_item(1), fake_redis_item(2)};
    struct fake_redis *fake = fake_redis_open_asked(&items[0]);
    struct fake_redis_server *server = &fake->servers[0];

    fake->mono_ms += REPLAY_TIMEOUT - 1;
    fake_redis_turn(fake);
    assert_int_equal(items[0].times, 0);
    fake->mono_ms += 1;
    fake_redis_wait(fake, &items[0], REPLAY_FAILED);
    fake_redis_check_error(fake, "does not answer");
    fake_redis_expect_end(fake, server);
    fake->mono_ms += 100;
    fake_redis_expect(fake, server, "INFO");
    fake_redis_hand_in(fake, &items[1]);
    assert_int_equal(items[1].times, 1);
    assert_int_equal(items[1].item.result, REPLAY_FAILED);
    fake_redis_say_text(server, fake_redis_single);
    for (int i = 0; i < 50; i++)
        fake_redis_turn(fake);
    fake_redis_ask(fake, server, &items[2]);
    fake_redis_answer(fake, server, ":1\r\n", &items[2], REPLAY_WITHIN);
    fake_redis_close(fake);
}

TEST(a_connection_that_ends_is_made_anew_at_once)
{
    struct fake_redis_count items[] = {fake_redis_item(0), fake_redis_item(1)};
    struct fake_redis *fake = fake_redis_open_asked(&items[0]);
    struct fake_redis_server *server = &fake->servers[0];

    fake->mono_ms += 1000;
    fake_redis_hang_up(server);
    fake_redis_wait(fake, &items[0], REPLAY_FAILED);
    fake_redis_hand_in(fake, &items[1]);
    fake_redis_welcome(fake, server, fake_redis_single);
    fake_redis_expect(fake, server, "EVALSHA");
    fake_redis_answer(fake, server, ":1\r\n", &items[1], REPLAY_WITHIN);
    fake_redis_close(fake);
}

/* Ever later, up to five seconds. */
TEST(nobody_is_there)
{
    static const int pauses[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct fake_redis *fake = fake_redis_open("redis://$0", NULL);
    struct fake_redis_count item = fake_redis_item(0);

    close(fake->servers[0].listener);
    fake->servers[0].listener = -1;
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        /* The kernel says at once that nobody is there; from then on time passes. */
        for (int k = 0; k < 50 && (k == 0 || replay_time_left(fake->replay, fake->mono_ms) == 0 ||
                                          replay_time_left(fake->replay, fake->mono_ms) >= 1900);
                k++)
            fake_redis_turn(fake);
        const int left = replay_time_left(fake->replay, fake->mono_ms);
        if (i > 0 && left != pauses[i] && pauses[i] < 1900)
            fail_msg("attempt %zu: got %d, want %d", i + 1, left, pauses[i]);
        fake->mono_ms += (uint64_t)pauses[i];
    }
    fake_redis_hand_in(fake, &item);
    assert_int_equal(item.times, 1);
    assert_int_equal(item.item.result, REPLAY_FAILED);
    assert_false(replay_is_stale(fake->replay));
    fake_redis_close(fake);
}

/* What a server has not taken or answered is bounded; more fails at once. */
TEST(a_server_that_takes_nothing)
{
    static struct fake_redis_count items[10000];
    struct fake_redis *fake = fake_redis_open("redis://$0", NULL);
    unsigned pending = 0;

    fake_redis_welcome(fake, &fake->servers[0], fake_redis_single);
    for (int k = 0; k < 50; k++)
        fake_redis_turn(fake);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        items[i] = fake_redis_item((unsigned char)i);
        fake_redis_hand_in(fake, &items[i]);
        pending += items[i].times == 0;
    }
    assert_int_equal(pending, 8192);
    fake_redis_check_error(fake, "accepts no more requests");
    fake_redis_close(fake);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        assert_int_equal(items[i].times, 1);
}

/* Whatever it says, and however long: the connection ends, and so does the question. */
TEST(mad_servers)
{
    static const struct {
        const char *first;
        const char *again;
        enum replay_count wanted;
    } table[] = {
            {"HTTP/1.1 400 Bad Request\r\n\r\n", "", REPLAY_FAILED},
            {"SSH-2.0-OpenSSH_9.2\r\n", "", REPLAY_FAILED},
            {"$536870912\r\n", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                    REPLAY_FAILED},
            {"+", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                    REPLAY_FAILED},
            {"*1000000000\r\n", "", REPLAY_FAILED},
            {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "",
                    REPLAY_FAILED},
            {":1\r\n:1\r\n", "", REPLAY_WITHIN}, /* one more than it was asked for */
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fake_redis_count item = fake_redis_item(0);
        struct fake_redis *fake = fake_redis_open_asked(&item);
        struct fake_redis_server *server = &fake->servers[0];
        fake_redis_say(server, table[i].first);
        for (int k = 0; k < 100000; k++) {
            const size_t len = strlen(table[i].again);
            if (len == 0 ||
                    (send(server->fd, table[i].again, len, MSG_NOSIGNAL) < 0 && errno != EAGAIN))
                break;
            if (k % 100 == 0)
                replay_turn(fake->replay, fake->mono_ms, FAKE_REDIS_TODAY);
        }
        fake_redis_wait(fake, &item, table[i].wanted);
        for (int k = 0; k < 20; k++)
            fake_redis_turn(fake);
        struct replay_health health;
        replay_health(fake->replay, &health);
        assert_string_not_equal(health.error, "");
        fake_redis_close(fake);
    }
}
