// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "redis/slot.h"
#include "replay/script.h"
#include "scripted.h"
#include "unit.h"

static uint16_t slot_of_item(const struct scripted_count *counted)
{
    char room[SCRIPT_KEY_MAX];

    return slot_of(script_key(&counted->item, room));
}

/* The store is handed this, and the first server says that it counts all there is. */
static void enter_cluster(struct scripted *shop, struct scripted_count *counted)
{
    struct scripted_server *one = &shop->servers[0];
    char reply[200];

    scripted_hand_in(shop, counted);
    scripted_welcome(shop, one, scripted_clustered);
    scripted_expect(shop, one, "CLUSTER SLOTS");
    snprintf(reply, sizeof reply, "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%u\r\n",
            one->port);
    scripted_say(one, reply);
}

static void say_redirection(struct scripted_server *server, const char *word, uint16_t slot,
        const struct scripted_server *other)
{
    char reply[100];

    snprintf(reply, sizeof reply, "-%s %u 127.0.0.1:%u\r\n", word, slot, other->port);
    scripted_say(server, reply);
}

TEST(moved_is_followed_and_remembered)
{
    struct scripted *shop = scripted_open("redis://$0", NULL);
    struct scripted_server *one = &shop->servers[0];
    struct scripted_server *two = &shop->servers[1];
    struct scripted_count items[] = {scripted_item(0), scripted_item(0)};

    enter_cluster(shop, &items[0]);
    scripted_expect(shop, one, "EVALSHA");
    say_redirection(one, "MOVED", slot_of_item(&items[0]), two);
    scripted_welcome(shop, two, scripted_clustered);
    scripted_expect(shop, two, "EVALSHA");
    scripted_answer(shop, two, ":1\r\n", &items[0], REPLAY_WITHIN);
    scripted_ask(shop, two, &items[1]);
    scripted_answer(shop, two, ":0\r\n", &items[1], REPLAY_OVER);
    /* And who counts where is asked again, after a while. */
    shop->now += 200;
    redisReply *request = scripted_hear(shop, two);
    assert_string_equal(request->element[0]->str, "CLUSTER");
    freeReplyObject(request);
    scripted_close(shop);
}

TEST(ask_is_followed_once)
{
    struct scripted *shop = scripted_open("redis://$0", NULL);
    struct scripted_server *one = &shop->servers[0];
    struct scripted_server *two = &shop->servers[1];
    struct scripted_count items[] = {scripted_item(0), scripted_item(0)};

    enter_cluster(shop, &items[0]);
    scripted_expect(shop, one, "EVALSHA");
    say_redirection(one, "ASK", slot_of_item(&items[0]), two);
    scripted_welcome(shop, two, scripted_clustered);
    scripted_expect(shop, two, "ASKING");
    scripted_expect(shop, two, "EVALSHA");
    scripted_say(two, "+OK\r\n-NOSCRIPT no\r\n");
    scripted_expect(shop, two, "ASKING");
    scripted_expect(shop, two, "EVAL ");
    scripted_answer(shop, two, "+OK\r\n:1\r\n", &items[0], REPLAY_WITHIN);
    scripted_ask(shop, one, &items[1]);
    scripted_answer(shop, one, ":1\r\n", &items[1], REPLAY_WITHIN);
    scripted_close(shop);
}

TEST(two_that_send_to_each_other)
{
    struct scripted *shop = scripted_open("redis://$0", NULL);
    struct scripted_server *one = &shop->servers[0];
    struct scripted_server *two = &shop->servers[1];
    struct scripted_count item = scripted_item(0);
    unsigned asked = 0;

    enter_cluster(shop, &item);
    while (item.times == 0 && asked < 100) {
        struct scripted_server *server = asked % 2 == 0 ? one : two;
        if (asked == 1)
            scripted_welcome(shop, two, scripted_clustered);
        scripted_expect(shop, server, "EVALSHA");
        asked++;
        say_redirection(server, "MOVED", slot_of_item(&item), asked % 2 == 0 ? one : two);
        for (int i = 0; i < 50 && item.times == 0; i++)
            scripted_turn(shop);
    }
    scripted_wait(shop, &item, REPLAY_FAILED);
    assert_int_equal(asked, 8);
    scripted_check_why(shop, ": MOVED ");
    scripted_close(shop);
}

TEST(servers_that_are_no_cluster)
{
    struct scripted *shop = scripted_open("redis://$0,$1", NULL);
    struct scripted_count item = scripted_item(0);

    scripted_hand_in(shop, &item);
    scripted_welcome(shop, &shop->servers[0], scripted_single);
    scripted_welcome(shop, &shop->servers[1], scripted_single);
    scripted_wait(shop, &item, REPLAY_FAILED);
    scripted_check_why(shop, "is none of a cluster");
    scripted_close(shop);
}

TEST(a_cluster_that_says_nothing_of_use)
{
    static const char *const maps[] = {"*0\r\n", "-ERR unknown command\r\n", ":1\r\n",
            "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:0\r\n",
            "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$20\r\nno-such-host.invalid\r\n:1\r\n"};

    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        struct scripted *shop = scripted_open("redis://$0", NULL);
        struct scripted_count item = scripted_item(0);
        scripted_hand_in(shop, &item);
        scripted_welcome(shop, &shop->servers[0], scripted_clustered);
        scripted_expect(shop, &shop->servers[0], "CLUSTER SLOTS");
        scripted_answer(shop, &shop->servers[0], maps[i], &item, REPLAY_FAILED);
        scripted_close(shop);
    }
}
