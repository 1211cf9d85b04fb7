// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "fake_redis.h"
#include "replay/redis_request.h"
#include "replay/redis_slots.h"
#include "unit.h"

static uint16_t slot_of_item(const struct fake_redis_count *counted)
{
    char buffer[REDIS_REQUEST_KEY_MAX];

    return redis_slots_key(redis_request_key(&counted->item, buffer));
}

/* The store is handed this, and the first server says that it counts all there is. */
static void enter_cluster(struct fake_redis *fake, struct fake_redis_count *counted)
{
    struct fake_redis_server *one = &fake->servers[0];
    char reply[200];

    fake_redis_hand_in(fake, counted);
    fake_redis_welcome(fake, one, fake_redis_clustered);
    fake_redis_expect(fake, one, "CLUSTER SLOTS");
    snprintf(reply, sizeof reply, "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%u\r\n",
            one->port);
    fake_redis_say(one, reply);
}

static void say_redirection(struct fake_redis_server *server, const char *word, uint16_t slot,
        const struct fake_redis_server *other)
{
    char reply[100];

    snprintf(reply, sizeof reply, "-%s %u 127.0.0.1:%u\r\n", word, slot, other->port);
    fake_redis_say(server, reply);
}

TEST(moved_is_followed_and_remembered)
{
    struct fake_redis *fake = fake_redis_open("redis://$0", NULL);
    struct fake_redis_server *one = &fake->servers[0];
    struct fake_redis_server *two = &fake->servers[1];
    struct fake_redis_count items[] = {fake_redis_item(0), fake_redis_item(0)};

    enter_cluster(fake, &items[0]);
    fake_redis_expect(fake, one, "EVALSHA");
    say_redirection(one, "MOVED", slot_of_item(&items[0]), two);
    fake_redis_welcome(fake, two, fake_redis_clustered);
    fake_redis_expect(fake, two, "EVALSHA");
    fake_redis_answer(fake, two, ":1\r\n", &items[0], REPLAY_WITHIN);
    fake_redis_ask(fake, two, &items[1]);
    fake_redis_answer(fake, two, ":0\r\n", &items[1], REPLAY_OVER);
    /* And who counts where is asked again, after a while. */
    fake->mono_ms += 200;
    redisReply *request = fake_redis_hear(fake, two);
    assert_string_equal(request->element[0]->str, "CLUSTER");
    freeReplyObject(request);
    fake_redis_close(fake);
}

TEST(ask_is_followed_once)
{
    struct fake_redis *fake = fake_redis_open("redis://$0", NULL);
    struct fake_redis_server *one = &fake->servers[0];
    struct fake_redis_server *two = &fake->servers[1];
    struct fake_redis_count items[] = {fake_redis_item(0), fake_redis_item(0)};

    enter_cluster(fake, &items[0]);
    fake_redis_expect(fake, one, "EVALSHA");
    say_redirection(one, "ASK", slot_of_item(&items[0]), two);
    fake_redis_welcome(fake, two, fake_redis_clustered);
    fake_redis_expect(fake, two, "ASKING");
    fake_redis_expect(fake, two, "EVALSHA");
    fake_redis_say(two, "+OK\r\n-NOSCRIPT no\r\n");
    fake_redis_expect(fake, two, "ASKING");
    fake_redis_expect(fake, two, "EVAL ");
    fake_redis_answer(fake, two, "+OK\r\n:1\r\n", &items[0], REPLAY_WITHIN);
    fake_redis_ask(fake, one, &items[1]);
    fake_redis_answer(fake, one, ":1\r\n", &items[1], REPLAY_WITHIN);
    fake_redis_close(fake);
}

TEST(two_that_send_to_each_other)
{
    struct fake_redis *fake = fake_redis_open("redis://$0", NULL);
    struct fake_redis_server *one = &fake->servers[0];
    struct fake_redis_server *two = &fake->servers[1];
    struct fake_redis_count item = fake_redis_item(0);
    unsigned asked = 0;

    enter_cluster(fake, &item);
    while (item.times == 0 && asked < 100) {
        struct fake_redis_server *server = asked % 2 == 0 ? one : two;
        if (asked == 1)
            fake_redis_welcome(fake, two, fake_redis_clustered);
        fake_redis_expect(fake, server, "EVALSHA");
        asked++;
        say_redirection(server, "MOVED", slot_of_item(&item), asked % 2 == 0 ? one : two);
        for (int i = 0; i < 50 && item.times == 0; i++)
            fake_redis_turn(fake);
    }
    fake_redis_wait(fake, &item, REPLAY_FAILED);
    assert_int_equal(asked, 8);
    fake_redis_check_error(fake, ": MOVED ");
    fake_redis_close(fake);
}

TEST(servers_that_are_no_cluster)
{
    struct fake_redis *fake = fake_redis_open("redis://$0,$1", NULL);
    struct fake_redis_count item = fake_redis_item(0);

    fake_redis_hand_in(fake, &item);
    fake_redis_welcome(fake, &fake->servers[0], fake_redis_single);
    fake_redis_welcome(fake, &fake->servers[1], fake_redis_single);
    fake_redis_wait(fake, &item, REPLAY_FAILED);
    fake_redis_check_error(fake, "is not part of a cluster");
    fake_redis_close(fake);
}

TEST(a_cluster_that_says_nothing_of_use)
{
    static const char *const maps[] = {"*0\r\n", "-ERR unknown command\r\n", ":1\r\n",
            "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:0\r\n",
            "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$20\r\nno-such-host.invalid\r\n:1\r\n"};

    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        struct fake_redis *fake = fake_redis_open("redis://$0", NULL);
        struct fake_redis_count item = fake_redis_item(0);
        fake_redis_hand_in(fake, &item);
        fake_redis_welcome(fake, &fake->servers[0], fake_redis_clustered);
        fake_redis_expect(fake, &fake->servers[0], "CLUSTER SLOTS");
        fake_redis_answer(fake, &fake->servers[0], maps[i], &item, REPLAY_FAILED);
        fake_redis_close(fake);
    }
}
