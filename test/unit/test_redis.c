// SPDX-License-Identifier: ISC
#include <string.h>
#include <unistd.h>

#include "fake_redis.h"
#include "unit.h"

static const char replicated[] =
        "maxmemory_policy:noeviction\r\nrole:master\r\ncluster_enabled:0\r\n"
        "slave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=0\r\n";

TEST(what_is_asked_and_answered)
{
    struct fake_redis *fake = fake_redis_open("redis://$0", NULL);
    struct fake_redis_server *server = &fake->servers[0];
    struct fake_redis_count items[] = {fake_redis_item(0), fake_redis_item(1), fake_redis_item(2)};
    struct replay_health health;

    /* They wait for the connection, together. */
    for (size_t i = 0; i < 3; i++)
        fake_redis_hand_in(fake, &items[i]);
    fake_redis_welcome(fake, server, fake_redis_single);
    fake_redis_expect(fake, server,
            "EVALSHA 48c237c5b363151393e6f9604eeed49bbdd521f8 1 "
            "verimail:{1780272000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA} 1000 AAAAAAAAAAA 4");
    fake_redis_expect(fake, server, "EVALSHA ");
    fake_redis_expect(fake, server, "EVALSHA ");
    fake_redis_answer(fake, server, ":1\r\n:0\r\n", &items[0], REPLAY_WITHIN);
    fake_redis_wait(fake, &items[1], REPLAY_OVER);
    assert_int_equal(items[2].times, 0);
    fake_redis_answer(fake, server, ":1\r\n", &items[2], REPLAY_WITHIN);
    replay_health(fake->replay, &health);
    assert_int_equal(health.failures, 0);
    assert_int_equal(health.entries, 3);
    assert_int_equal(health.bytes, 4096);
    assert_string_equal(health.error, "");
    fake_redis_close(fake);
}

TEST(users_passwords_and_databases)
{
    static const struct {
        const char *form;
        const char *password;
        const char *words[3];
    } table[] = {
            {"redis://$0", NULL, {"INFO"}},
            {"redis://$0", "secret", {"AUTH secret", "INFO"}},
            {"redis://me@$0", "secret", {"AUTH me secret", "INFO"}},
            {"redis://me@$0", NULL, {"AUTH me ", "INFO"}},
            {"redis://$0/3", "secret", {"AUTH secret", "SELECT 3", "INFO"}},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fake_redis *fake = fake_redis_open(table[i].form, table[i].password);
        struct fake_redis_count item = fake_redis_item(0);
        fake_redis_hand_in(fake, &item);
        for (size_t k = 0; k < 3 && table[i].words[k] != NULL; k++) {
            fake_redis_expect(fake, &fake->servers[0], table[i].words[k]);
            if (strcmp(table[i].words[k], "INFO") == 0)
                fake_redis_say_text(&fake->servers[0], fake_redis_single);
            else
                fake_redis_say(&fake->servers[0], "+OK\r\n");
        }
        fake_redis_expect(fake, &fake->servers[0], "EVALSHA");
        fake_redis_answer(fake, &fake->servers[0], ":1\r\n", &item, REPLAY_WITHIN);
        fake_redis_close(fake);
    }
}

TEST(a_server_that_refuses)
{
    static const struct {
        const char *says; /* to AUTH, and to INFO */
        const char *wanted;
    } table[] = {
            {"-WRONGPASS secret\r\n", "refuses the user or the password: WRONGPASS"},
            {"-ERR unknown command `AUTH`, with args beginning with: `secret`\r\n",
                    "password: ERR"},
            {"+OK\r\n-NOPERM no INFO\r\n", "refuses INFO: NOPERM no INFO"},
            {"+OK\r\n:1\r\n", "does not say what its maxmemory-policy is"},
            {"+OK\r\n$33\r\nmaxmemory_policy:volatile-ttl\r\nx:\r\n", "is volatile-ttl, and must"},
    };
    char caught[4096];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fake_redis *fake = fake_redis_open("redis://$0", "secret");
        struct fake_redis_count item = fake_redis_item(0);
        fake_redis_hand_in(fake, &item);
        fake_redis_expect(fake, &fake->servers[0], "AUTH secret");
        fake_redis_answer(fake, &fake->servers[0], table[i].says, &item, REPLAY_FAILED);
        fake_redis_check_error(fake, table[i].wanted);
        capture_read(&fake->capture, caught, sizeof caught);
        assert_non_null(strstr(caught, "event=replay-server-lost"));
        assert_null(strstr(caught, "secret"));
        fake_redis_close(fake);
    }
}

TEST(a_script_that_is_not_known)
{
    struct fake_redis_count item = fake_redis_item(0);
    struct fake_redis *fake = fake_redis_open_asked(&item);
    struct fake_redis_server *server = &fake->servers[0];

    fake_redis_say(server, "-NOSCRIPT No matching script. Please use EVAL.\r\n");
    fake_redis_expect(fake, server, "EVAL local key = KEYS[1]");
    fake_redis_answer(fake, server, ":1\r\n", &item, REPLAY_WITHIN);
    fake_redis_close(fake);
}

TEST(errors_are_failures)
{
    static const struct {
        const char *says;
        const char *wanted;
    } table[] = {
            {"-OOM command not allowed when used memory > 'maxmemory'.\r\n", ": OOM command not"},
            {"-LOADING Redis is loading the dataset in memory\r\n", ": LOADING"},
            {"-READONLY You can't write against a read only replica.\r\n", ": READONLY"},
            {"-MASTERDOWN Link with MASTER is down\r\n", ": MASTERDOWN"},
            {"-NOREPLICAS Not enough good replicas to write.\r\n", ": NOREPLICAS"},
            {"-MISCONF Redis is configured to save\r\n", ": MISCONF"},
            {"-NOAUTH Authentication required.\r\n", ": NOAUTH"},
            {"-NOPERM this user has no permissions\r\n", ": NOPERM"},
            {"-CLUSTERDOWN Hash slot not served\r\n", ": CLUSTERDOWN"},
            {"-WRONGTYPE Operation\x01\xff\r\n", ": WRONGTYPE Operation??"},
            {"-MOVED 1 no-such-host.invalid:1\r\n", "redirects to a node that cannot be found"},
            {"-\r\n", ": "},
            {"+OK\r\n", "unexpected reply"},
            {"$1\r\n1\r\n", "unexpected reply"},
            {"*1\r\n:1\r\n", "unexpected reply"},
            {"$-1\r\n", "unexpected reply"},
    };
    struct fake_redis *fake = fake_redis_open("redis://$0", NULL);
    struct fake_redis_server *server = &fake->servers[0];

    fake_redis_welcome(fake, server, fake_redis_single);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fake_redis_count item = fake_redis_item(0);
        fake_redis_hand_in(fake, &item);
        redisReply *request = fake_redis_hear(fake, server);
        assert_non_null(request);
        const char *word = request->element[0]->str;
        if (strcmp(word, "INFO") == 0) { /* it looks what is wrong */
            fake_redis_say_text(server, fake_redis_single);
            freeReplyObject(request);
            request = fake_redis_hear(fake, server);
            word = request->element[0]->str;
        }
        assert_string_equal(word, "EVALSHA");
        freeReplyObject(request);
        fake_redis_answer(fake, server, table[i].says, &item, REPLAY_FAILED);
        fake_redis_check_error(fake, table[i].wanted);
    }
    fake_redis_close(fake);
}

TEST(why_a_request_failed_stays)
{
    struct fake_redis_count items[] = {fake_redis_item(0), fake_redis_item(1)};
    struct fake_redis *fake = fake_redis_open_asked(&items[0]);
    struct fake_redis_server *server = &fake->servers[0];
    struct replay_health health;

    fake_redis_answer(fake, server, "-OOM no memory\r\n", &items[0], REPLAY_FAILED);
    fake_redis_ask(fake, server, &items[1]);
    fake_redis_answer(fake, server, ":1\r\n", &items[1], REPLAY_WITHIN);
    replay_health(fake->replay, &health);
    assert_string_equal(health.error, "");
    assert_non_null(strstr(health.failure, "OOM no memory"));
    fake_redis_close(fake);
}

TEST(try_again_is_tried_again)
{
    struct fake_redis_count item = fake_redis_item(0);
    struct fake_redis *fake = fake_redis_open_asked(&item);
    struct fake_redis_server *server = &fake->servers[0];

    fake_redis_say(server, "-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
    for (int i = 0; i < 20 && replay_time_left(fake->replay, fake->mono_ms) > 20; i++)
        fake_redis_turn(fake);
    assert_int_equal(replay_time_left(fake->replay, fake->mono_ms), 20);
    fake->mono_ms += 20;
    fake_redis_expect(fake, server, "EVALSHA");
    fake_redis_answer(fake, server, ":1\r\n", &item, REPLAY_WITHIN);
    fake_redis_close(fake);
}

/* YES only when a replica has the count too, which is asked once for all that were counted. */
TEST(replicas_confirm)
{
    static const struct {
        const char *says; /* to WAIT */
        enum replay_count wanted;
    } table[] = {
            {":1\r\n", REPLAY_WITHIN},
            {":2\r\n", REPLAY_WITHIN},
            {":0\r\n", REPLAY_FAILED},
            {"-ERR WAIT cannot be used with replica instances\r\n", REPLAY_FAILED},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fake_redis *fake = fake_redis_open("redis://$0", NULL);
        struct fake_redis_server *server = &fake->servers[0];
        struct fake_redis_count items[] = {
                fake_redis_item(0), fake_redis_item(1), fake_redis_item(2)};
        fake_redis_welcome(fake, server, replicated);
        for (int k = 0; k < 50; k++)
            fake_redis_turn(fake);
        for (size_t k = 0; k < 3; k++)
            fake_redis_hand_in(fake, &items[k]);
        for (size_t k = 0; k < 3; k++)
            fake_redis_expect(fake, server, "EVALSHA");
        fake_redis_expect(fake, server, "WAIT 1 1000");
        fake_redis_answer(fake, server, ":1\r\n:0\r\n:1\r\n", &items[1], REPLAY_OVER);
        for (int k = 0; k < 20; k++)
            fake_redis_turn(fake);
        assert_int_equal(items[0].times + items[2].times, 0);
        fake_redis_answer(fake, server, table[i].says, &items[0], table[i].wanted);
        fake_redis_wait(fake, &items[2], table[i].wanted);
        fake_redis_close(fake);
    }
}

/* Before it is asked for a name's address anew, or for a path, it must be opened anew. */
TEST(stores_that_grow_stale)
{
    static const struct {
        const char *form;
        uint64_t after; /* milliseconds; 0: never */
    } table[] = {
            {"redis+unix:///no/such/socket", 12000},
            {"redis://no-such-host.invalid", 60000},
            {"redis://$0", 0},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fake_redis *fake = fake_redis_open(table[i].form, NULL);
        struct fake_redis_count item = fake_redis_item(0);
        const uint64_t after = table[i].after > 0 ? table[i].after : 1000000;
        close(fake->servers[0].listener);
        fake->servers[0].listener = -1;
        fake->mono_ms += after - 1;
        fake_redis_turn(fake);
        assert_false(replay_is_stale(fake->replay));
        fake_redis_hand_in(fake, &item);
        if (table[i].after > 0)
            fake_redis_wait(fake, &item, REPLAY_FAILED);
        fake->mono_ms += 1;
        fake_redis_turn(fake);
        assert_int_equal(replay_is_stale(fake->replay), table[i].after > 0);
        fake_redis_close(fake);
    }
}

TEST(certificates_that_are_not_there)
{
    const struct replay_setup setup = {
            .address = "rediss://127.0.0.1:1", .ca = "/no/such/file", .done = fake_redis_done};
    struct replay *replay = replay_open(&setup, FAKE_REDIS_BEGIN, FAKE_REDIS_TODAY);
    struct fake_redis_count item = fake_redis_item(0);
    struct replay_health health;

    assert_non_null(replay);
    replay_submit(replay, &item.item, FAKE_REDIS_BEGIN, FAKE_REDIS_TODAY);
    replay_commit(replay, FAKE_REDIS_BEGIN, FAKE_REDIS_TODAY);
    replay_turn(replay, FAKE_REDIS_BEGIN, FAKE_REDIS_TODAY);
    assert_int_equal(item.times, 1);
    assert_int_equal(item.item.result, REPLAY_FAILED);
    assert_int_equal(replay_time_left(replay, FAKE_REDIS_BEGIN), -1);
    replay_health(replay, &health);
    assert_string_equal(
            health.error, "rediss://127.0.0.1:1: /no/such/file: has no certificates to trust");
    replay_close(&replay);
}
