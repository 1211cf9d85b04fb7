// SPDX-License-Identifier: ISC
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scripted.h"
#include "unit.h"

/* What is said too late is nobody else's answer. */
TEST(late_replies)
{
    struct scripted_count first = scripted_item(0);
    struct scripted_count second = scripted_item(1);
    struct scripted_count third = scripted_item(2);
    struct scripted *shop = scripted_open_asked(&first);
    struct scripted_server *server = &shop->servers[0];

    shop->now += 100;
    scripted_ask(shop, server, &second);
    shop->now += REPLAY_PATIENCE - 200;
    scripted_answer(shop, server, ":1\r\n", &first, REPLAY_WITHIN);
    shop->now += 199;
    scripted_turn(shop);
    assert_int_equal(second.times, 0);
    assert_int_equal(replay_time_left(shop->replay, shop->now), 1);
    shop->now += 1;
    scripted_turn(shop);
    scripted_wait(shop, &second, REPLAY_FAILED);
    scripted_check_why(shop, "does not answer in time");
    scripted_ask(shop, server, &third);
    scripted_answer(shop, server, ":1\r\n:0\r\n", &third, REPLAY_OVER);
    scripted_close(shop);
}

/* One that says nothing at all is left, and nobody waits for it again before it says something. */
TEST(a_server_that_falls_silent)
{
    struct scripted_count items[] = {scripted_item(0), scripted_item(1), scripted_item(2)};
    struct scripted *shop = scripted_open_asked(&items[0]);
    struct scripted_server *server = &shop->servers[0];

    shop->now += REPLAY_PATIENCE - 1;
    scripted_turn(shop);
    assert_int_equal(items[0].times, 0);
    shop->now += 1;
    scripted_wait(shop, &items[0], REPLAY_FAILED);
    scripted_check_why(shop, "does not answer");
    scripted_expect_end(shop, server);
    shop->now += 100;
    scripted_expect(shop, server, "INFO");
    scripted_hand_in(shop, &items[1]);
    assert_int_equal(items[1].times, 1);
    assert_int_equal(items[1].item.result, REPLAY_FAILED);
    scripted_say_text(server, scripted_single);
    for (int i = 0; i < 50; i++)
        scripted_turn(shop);
    scripted_ask(shop, server, &items[2]);
    scripted_answer(shop, server, ":1\r\n", &items[2], REPLAY_WITHIN);
    scripted_close(shop);
}

TEST(a_connection_that_ends_is_made_anew_at_once)
{
    struct scripted_count items[] = {scripted_item(0), scripted_item(1)};
    struct scripted *shop = scripted_open_asked(&items[0]);
    struct scripted_server *server = &shop->servers[0];

    shop->now += 1000;
    scripted_hang_up(server);
    scripted_wait(shop, &items[0], REPLAY_FAILED);
    scripted_hand_in(shop, &items[1]);
    scripted_welcome(shop, server, scripted_single);
    scripted_expect(shop, server, "EVALSHA");
    scripted_answer(shop, server, ":1\r\n", &items[1], REPLAY_WITHIN);
    scripted_close(shop);
}

/* Ever later, up to five seconds. */
TEST(nobody_is_there)
{
    static const int pauses[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct scripted *shop = scripted_open("redis://$0", NULL);
    struct scripted_count item = scripted_item(0);

    close(shop->servers[0].listener);
    shop->servers[0].listener = -1;
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        /* The kernel says at once that nobody is there; from then on time passes. */
        for (int k = 0; k < 50 && (k == 0 || replay_time_left(shop->replay, shop->now) == 0 ||
                                          replay_time_left(shop->replay, shop->now) >= 1900);
                k++)
            scripted_turn(shop);
        const int left = replay_time_left(shop->replay, shop->now);
        if (i > 0 && left != pauses[i] && pauses[i] < 1900)
            fail_msg("attempt %zu: got %d, want %d", i + 1, left, pauses[i]);
        shop->now += (uint64_t)pauses[i];
    }
    scripted_hand_in(shop, &item);
    assert_int_equal(item.times, 1);
    assert_int_equal(item.item.result, REPLAY_FAILED);
    assert_false(replay_is_stale(shop->replay));
    scripted_close(shop);
}

/* What a server has not taken or answered is bounded; more fails at once. */
TEST(a_server_that_takes_nothing)
{
    static struct scripted_count items[10000];
    struct scripted *shop = scripted_open("redis://$0", NULL);
    unsigned pending = 0;

    scripted_welcome(shop, &shop->servers[0], scripted_single);
    for (int k = 0; k < 50; k++)
        scripted_turn(shop);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        items[i] = scripted_item((unsigned char)i);
        scripted_hand_in(shop, &items[i]);
        pending += items[i].times == 0;
    }
    assert_int_equal(pending, 8192);
    scripted_check_why(shop, "takes no more");
    scripted_close(shop);
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
        struct scripted_count item = scripted_item(0);
        struct scripted *shop = scripted_open_asked(&item);
        struct scripted_server *server = &shop->servers[0];
        scripted_say(server, table[i].first);
        for (int k = 0; k < 100000; k++) {
            const size_t len = strlen(table[i].again);
            if (len == 0 ||
                    (send(server->fd, table[i].again, len, MSG_NOSIGNAL) < 0 && errno != EAGAIN))
                break;
            if (k % 100 == 0)
                replay_turn(shop->replay, shop->now, SCRIPTED_TODAY);
        }
        scripted_wait(shop, &item, table[i].wanted);
        for (int k = 0; k < 20; k++)
            scripted_turn(shop);
        struct replay_health health;
        replay_health(shop->replay, &health);
        assert_string_not_equal(health.why, "");
        scripted_close(shop);
    }
}
