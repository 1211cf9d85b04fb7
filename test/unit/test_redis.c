// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/log.h"
#include "captured.h"
#include "redis/slot.h"
#include "replay/replay.h"
#include "replay/script.h"

#define TODAY UINT64_C(1780272000) /* 1 June 2026 */
#define BEGIN UINT64_C(1000000)    /* milliseconds of the test's own clock */
#define SERVERS 2
#define TURNS 2000 /* of a millisecond, until something must have happened */

/* Redis servers that say what the test tells them. The store never waits, so that one thread is
 * enough for both ends. */
struct server {
    int listener;
    int fd; /* of the store's connection; -1: none */
    unsigned port;
    redisReader *reader;
};

struct counted {
    struct replay_item item; /* the first member: what the store hands back */
    unsigned times;
};

struct shop {
    struct captured captured;
    struct server servers[SERVERS];
    struct replay *replay;
    char address[64];
    uint64_t now;
};

static const char single[] = "maxmemory_policy:noeviction\r\nrole:master\r\ncluster_enabled:0\r\n"
                             "loading:0\r\nused_memory:4096\r\ndb0:keys=3,expires=3\r\n";
static const char clustered[] = "maxmemory_policy:noeviction\r\nrole:master\r\nloading:0\r\n"
                                "cluster_enabled:1\r\n";
static const char replicated[] =
        "maxmemory_policy:noeviction\r\nrole:master\r\ncluster_enabled:0\r\n"
        "slave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=0\r\n";

static void on_done(void *context, struct replay_item *item)
{
    (void)context;
    ((struct counted *)item)->times++;
}

static void start(struct server *server)
{
    struct endpoint at;

    server->fd = -1;
    server->reader = NULL;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(endpoint_parse("127.0.0.1:0", &at));
    assert_int_equal(bind(server->listener, &at.address.any, at.len), 0);
    assert_int_equal(listen(server->listener, 8), 0);
    assert_int_equal(getsockname(server->listener, &at.address.any, &at.len), 0);
    server->port = ntohs(at.address.v4.sin_port);
}

static void hang_up(struct server *server)
{
    if (server->fd >= 0)
        close(server->fd);
    if (server->reader != NULL)
        redisReaderFree(server->reader);
    server->fd = -1;
    server->reader = NULL;
}

/* `$0` and `$1` become the servers' addresses. */
static void write_address(struct shop *shop, const char *form)
{
    size_t len = 0;

    for (; *form != '\0'; form++) {
        char *at = shop->address + len;
        const size_t room = sizeof shop->address - len;
        if (*form == '$')
            len += (size_t)snprintf(at, room, "127.0.0.1:%u", shop->servers[*++form - '0'].port);
        else
            len += (size_t)snprintf(at, room, "%c", *form);
    }
}

static struct shop *open_shop(const char *form, const char *password)
{
    struct shop *shop = calloc(1, sizeof *shop);

    assert_non_null(shop);
    setenv("JOURNAL_STREAM", "8:1", 1);
    shop->captured = captured_begin();
    log_init();
    for (size_t i = 0; i < SERVERS; i++)
        start(&shop->servers[i]);
    write_address(shop, form);
    const struct replay_setup setup = {
            .address = shop->address, .password = password, .done = on_done, .context = shop};
    shop->now = BEGIN;
    shop->replay = replay_open(&setup, shop->now, TODAY);
    assert_non_null(shop->replay);
    return shop;
}

static void close_shop(struct shop *shop)
{
    replay_close(&shop->replay);
    for (size_t i = 0; i < SERVERS; i++) {
        hang_up(&shop->servers[i]);
        if (shop->servers[i].listener >= 0)
            close(shop->servers[i].listener);
    }
    captured_end(&shop->captured);
    free(shop);
}

static void turn(struct shop *shop)
{
    struct pollfd ready = {.fd = replay_fd(shop->replay), .events = POLLIN};

    replay_commit(shop->replay, shop->now, TODAY);
    (void)poll(&ready, 1, 1);
    replay_turn(shop->replay, shop->now, TODAY);
}

static void take_connection(struct server *server)
{
    if (server->fd >= 0)
        return;
    server->fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (server->fd >= 0)
        server->reader = redisReaderCreate();
}

/* The next request, waited for; NULL: the connection ended. */
static redisReply *hear(struct shop *shop, struct server *server)
{
    char room[4096];
    void *request = NULL;

    for (int i = 0; i < TURNS; i++) {
        take_connection(server);
        if (server->fd >= 0) {
            assert_int_equal(redisReaderGetReply(server->reader, &request), REDIS_OK);
            if (request != NULL)
                return request;
            const ssize_t got = recv(server->fd, room, sizeof room, 0);
            if (got == 0 || (got < 0 && errno != EAGAIN))
                return NULL;
            if (got > 0) {
                assert_int_equal(redisReaderFeed(server->reader, room, (size_t)got), REDIS_OK);
                continue;
            }
        }
        turn(shop);
    }
    fail_msg("nothing was asked, and the connection did not end");
    return NULL;
}

/* The next request is this; its words as one line. */
static void expect(struct shop *shop, struct server *server, const char *wanted)
{
    redisReply *request = hear(shop, server);
    char got[512] = "";

    assert_non_null(request);
    for (size_t i = 0; i < request->elements; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i > 0 ? " " : "",
                request->element[i]->str);
    freeReplyObject(request);
    if (strncmp(got, wanted, strlen(wanted)) != 0)
        fail_msg("got %s, want %s", got, wanted);
}

static void say(struct server *server, const char *reply)
{
    const size_t len = strlen(reply);

    assert_int_equal(send(server->fd, reply, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void say_text(struct server *server, const char *text)
{
    char reply[1024];

    snprintf(reply, sizeof reply, "$%zu\r\n%s\r\n", strlen(text), text);
    say(server, reply);
}

static void expect_end(struct shop *shop, struct server *server)
{
    assert_null(hear(shop, server));
    hang_up(server);
}

static void welcome(struct shop *shop, struct server *server, const char *info)
{
    expect(shop, server, "INFO");
    say_text(server, info);
}

/* An item of its own key. */
static struct counted new_item(unsigned char number)
{
    struct counted counted = {
            .item = {.issued = TODAY, .expires = TODAY + 1000, .entries_count = 1}};

    counted.item.nonce[0] = number;
    counted.item.entries[0].allowance = 4;
    counted.item.result = REPLAY_PENDING;
    return counted;
}

static void hand_in(struct shop *shop, struct counted *counted)
{
    replay_submit(shop->replay, &counted->item, shop->now, TODAY);
}

static void wait_result(struct shop *shop, struct counted *counted, enum replay_count wanted)
{
    for (int i = 0; i < TURNS && counted->times == 0; i++)
        turn(shop);
    assert_int_equal(counted->times, 1);
    assert_int_equal(counted->item.result, wanted);
}

static void check_why(const struct shop *shop, const char *wanted)
{
    struct replay_health health;

    replay_health(shop->replay, &health);
    if (strstr(health.why, wanted) == NULL || strncmp(health.why, "127.0.0.1:", 10) != 0)
        fail_msg("got %s, want %s", health.why, wanted);
}

static uint16_t slot_of_item(const struct counted *counted)
{
    char room[SCRIPT_KEY_MAX];

    return slot_of(script_key(&counted->item, room));
}

static void what_is_asked_and_answered(void **state)
{
    struct shop *shop = open_shop("redis://$0", NULL);
    struct server *server = &shop->servers[0];
    struct counted items[] = {new_item(0), new_item(1), new_item(2)};
    struct replay_health health;

    (void)state;
    /* They wait for the connection, together. */
    for (size_t i = 0; i < 3; i++)
        hand_in(shop, &items[i]);
    welcome(shop, server, single);
    expect(shop, server,
            "EVALSHA 48c237c5b363151393e6f9604eeed49bbdd521f8 1 "
            "verimail:{1780272000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA} 1000 AAAAAAAAAAA 4");
    expect(shop, server, "EVALSHA ");
    expect(shop, server, "EVALSHA ");
    say(server, ":1\r\n:0\r\n");
    wait_result(shop, &items[0], REPLAY_WITHIN);
    wait_result(shop, &items[1], REPLAY_OVER);
    assert_int_equal(items[2].times, 0);
    say(server, ":1\r\n");
    wait_result(shop, &items[2], REPLAY_WITHIN);
    replay_health(shop->replay, &health);
    assert_int_equal(health.failures, 0);
    assert_int_equal(health.entries, 3);
    assert_int_equal(health.bytes, 4096);
    assert_string_equal(health.why, "");
    close_shop(shop);
}

static void users_passwords_and_databases(void **state)
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

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct shop *shop = open_shop(table[i].form, table[i].password);
        struct counted item = new_item(0);
        hand_in(shop, &item);
        for (size_t k = 0; k < 3 && table[i].words[k] != NULL; k++) {
            expect(shop, &shop->servers[0], table[i].words[k]);
            if (strcmp(table[i].words[k], "INFO") == 0)
                say_text(&shop->servers[0], single);
            else
                say(&shop->servers[0], "+OK\r\n");
        }
        expect(shop, &shop->servers[0], "EVALSHA");
        say(&shop->servers[0], ":1\r\n");
        wait_result(shop, &item, REPLAY_WITHIN);
        close_shop(shop);
    }
}

static void a_server_that_refuses(void **state)
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

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct shop *shop = open_shop("redis://$0", "secret");
        struct counted item = new_item(0);
        hand_in(shop, &item);
        expect(shop, &shop->servers[0], "AUTH secret");
        say(&shop->servers[0], table[i].says);
        wait_result(shop, &item, REPLAY_FAILED);
        check_why(shop, table[i].wanted);
        captured_read(&shop->captured, caught, sizeof caught);
        assert_non_null(strstr(caught, "event=replay-server-lost"));
        assert_null(strstr(caught, "secret"));
        close_shop(shop);
    }
}

static void a_script_that_is_not_known(void **state)
{
    struct shop *shop = open_shop("redis://$0", NULL);
    struct server *server = &shop->servers[0];
    struct counted item = new_item(0);

    (void)state;
    welcome(shop, server, single);
    hand_in(shop, &item);
    expect(shop, server, "EVALSHA");
    say(server, "-NOSCRIPT No matching script. Please use EVAL.\r\n");
    expect(shop, server, "EVAL local key = KEYS[1]");
    say(server, ":1\r\n");
    wait_result(shop, &item, REPLAY_WITHIN);
    close_shop(shop);
}

static void errors_are_failures(void **state)
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
            {"-MOVED 1 no-such-host.invalid:1\r\n", "names a node that cannot be found"},
            {"-\r\n", ": "},
            {"+OK\r\n", "makes no sense"},
            {"$1\r\n1\r\n", "makes no sense"},
            {"*1\r\n:1\r\n", "makes no sense"},
            {"$-1\r\n", "makes no sense"},
    };
    struct shop *shop = open_shop("redis://$0", NULL);
    struct server *server = &shop->servers[0];

    (void)state;
    welcome(shop, server, single);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct counted item = new_item(0);
        hand_in(shop, &item);
        redisReply *request = hear(shop, server);
        assert_non_null(request);
        const char *word = request->element[0]->str;
        if (strcmp(word, "INFO") == 0) { /* it looks what is wrong */
            say_text(server, single);
            freeReplyObject(request);
            request = hear(shop, server);
            word = request->element[0]->str;
        }
        assert_string_equal(word, "EVALSHA");
        freeReplyObject(request);
        say(server, table[i].says);
        wait_result(shop, &item, REPLAY_FAILED);
        check_why(shop, table[i].wanted);
    }
    close_shop(shop);
}

static void say_map(struct shop *shop, struct server *server)
{
    char reply[200];

    expect(shop, server, "CLUSTER SLOTS");
    snprintf(reply, sizeof reply, "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%u\r\n",
            shop->servers[0].port);
    say(server, reply);
}

static void say_redirection(
        struct server *server, const char *word, uint16_t slot, const struct server *other)
{
    char reply[100];

    snprintf(reply, sizeof reply, "-%s %u 127.0.0.1:%u\r\n", word, slot, other->port);
    say(server, reply);
}

static void moved_is_followed_and_remembered(void **state)
{
    struct shop *shop = open_shop("redis://$0", NULL);
    struct server *one = &shop->servers[0];
    struct server *two = &shop->servers[1];
    struct counted items[] = {new_item(0), new_item(0)};

    (void)state;
    hand_in(shop, &items[0]);
    welcome(shop, one, clustered);
    say_map(shop, one);
    expect(shop, one, "EVALSHA");
    say_redirection(one, "MOVED", slot_of_item(&items[0]), two);
    welcome(shop, two, clustered);
    expect(shop, two, "EVALSHA");
    say(two, ":1\r\n");
    wait_result(shop, &items[0], REPLAY_WITHIN);
    hand_in(shop, &items[1]);
    expect(shop, two, "EVALSHA");
    say(two, ":0\r\n");
    wait_result(shop, &items[1], REPLAY_OVER);
    /* And who counts where is asked again, after a while. */
    shop->now += 200;
    redisReply *request = hear(shop, two);
    assert_string_equal(request->element[0]->str, "CLUSTER");
    freeReplyObject(request);
    close_shop(shop);
}

static void ask_is_followed_once(void **state)
{
    struct shop *shop = open_shop("redis://$0", NULL);
    struct server *one = &shop->servers[0];
    struct server *two = &shop->servers[1];
    struct counted items[] = {new_item(0), new_item(0)};

    (void)state;
    hand_in(shop, &items[0]);
    welcome(shop, one, clustered);
    say_map(shop, one);
    expect(shop, one, "EVALSHA");
    say_redirection(one, "ASK", slot_of_item(&items[0]), two);
    welcome(shop, two, clustered);
    expect(shop, two, "ASKING");
    expect(shop, two, "EVALSHA");
    say(two, "+OK\r\n-NOSCRIPT no\r\n");
    expect(shop, two, "ASKING");
    expect(shop, two, "EVAL ");
    say(two, "+OK\r\n:1\r\n");
    wait_result(shop, &items[0], REPLAY_WITHIN);
    hand_in(shop, &items[1]);
    expect(shop, one, "EVALSHA");
    say(one, ":1\r\n");
    wait_result(shop, &items[1], REPLAY_WITHIN);
    close_shop(shop);
}

static void two_that_send_to_each_other(void **state)
{
    struct shop *shop = open_shop("redis://$0", NULL);
    struct server *one = &shop->servers[0];
    struct server *two = &shop->servers[1];
    struct counted item = new_item(0);
    unsigned asked = 0;

    (void)state;
    hand_in(shop, &item);
    welcome(shop, one, clustered);
    say_map(shop, one);
    while (item.times == 0 && asked < 100) {
        struct server *server = asked % 2 == 0 ? one : two;
        if (asked == 1)
            welcome(shop, two, clustered);
        expect(shop, server, "EVALSHA");
        asked++;
        say_redirection(server, "MOVED", slot_of_item(&item), asked % 2 == 0 ? one : two);
        for (int i = 0; i < 50 && item.times == 0; i++)
            turn(shop);
    }
    wait_result(shop, &item, REPLAY_FAILED);
    assert_int_equal(asked, 8);
    check_why(shop, ": MOVED ");
    close_shop(shop);
}

static void try_again_is_tried_again(void **state)
{
    struct shop *shop = open_shop("redis://$0", NULL);
    struct server *server = &shop->servers[0];
    struct counted item = new_item(0);

    (void)state;
    welcome(shop, server, single);
    hand_in(shop, &item);
    expect(shop, server, "EVALSHA");
    say(server, "-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
    for (int i = 0; i < 20 && replay_time_left(shop->replay, shop->now) > 20; i++)
        turn(shop);
    assert_int_equal(replay_time_left(shop->replay, shop->now), 20);
    shop->now += 20;
    expect(shop, server, "EVALSHA");
    say(server, ":1\r\n");
    wait_result(shop, &item, REPLAY_WITHIN);
    close_shop(shop);
}

static void servers_that_are_no_cluster(void **state)
{
    struct shop *shop = open_shop("redis://$0,$1", NULL);
    struct counted item = new_item(0);

    (void)state;
    hand_in(shop, &item);
    welcome(shop, &shop->servers[0], single);
    welcome(shop, &shop->servers[1], single);
    wait_result(shop, &item, REPLAY_FAILED);
    check_why(shop, "is none of a cluster");
    close_shop(shop);
}

static void a_cluster_that_says_nothing_of_use(void **state)
{
    static const char *const maps[] = {"*0\r\n", "-ERR unknown command\r\n", ":1\r\n",
            "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:0\r\n",
            "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$20\r\nno-such-host.invalid\r\n:1\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        struct shop *shop = open_shop("redis://$0", NULL);
        struct counted item = new_item(0);
        hand_in(shop, &item);
        welcome(shop, &shop->servers[0], clustered);
        expect(shop, &shop->servers[0], "CLUSTER SLOTS");
        say(&shop->servers[0], maps[i]);
        wait_result(shop, &item, REPLAY_FAILED);
        close_shop(shop);
    }
}

/* What is said too late is nobody else's answer. */
static void late_replies(void **state)
{
    struct shop *shop = open_shop("redis://$0", NULL);
    struct server *server = &shop->servers[0];
    struct counted first = new_item(0);
    struct counted second = new_item(1);
    struct counted third = new_item(2);

    (void)state;
    welcome(shop, server, single);
    hand_in(shop, &first);
    expect(shop, server, "EVALSHA");
    shop->now += 100;
    hand_in(shop, &second);
    expect(shop, server, "EVALSHA");
    shop->now += REPLAY_PATIENCE - 200;
    say(server, ":1\r\n");
    wait_result(shop, &first, REPLAY_WITHIN);
    shop->now += 199;
    turn(shop);
    assert_int_equal(second.times, 0);
    assert_int_equal(replay_time_left(shop->replay, shop->now), 1);
    shop->now += 1;
    turn(shop);
    wait_result(shop, &second, REPLAY_FAILED);
    check_why(shop, "does not answer in time");
    hand_in(shop, &third);
    expect(shop, server, "EVALSHA");
    say(server, ":1\r\n:0\r\n");
    wait_result(shop, &third, REPLAY_OVER);
    close_shop(shop);
}

/* One that says nothing at all is left, and nobody waits for it again before it says something. */
static void a_server_that_falls_silent(void **state)
{
    struct shop *shop = open_shop("redis://$0", NULL);
    struct server *server = &shop->servers[0];
    struct counted items[] = {new_item(0), new_item(1), new_item(2)};

    (void)state;
    welcome(shop, server, single);
    hand_in(shop, &items[0]);
    expect(shop, server, "EVALSHA");
    shop->now += REPLAY_PATIENCE - 1;
    turn(shop);
    assert_int_equal(items[0].times, 0);
    shop->now += 1;
    wait_result(shop, &items[0], REPLAY_FAILED);
    check_why(shop, "does not answer");
    expect_end(shop, server);
    shop->now += 100;
    expect(shop, server, "INFO");
    hand_in(shop, &items[1]);
    assert_int_equal(items[1].times, 1);
    assert_int_equal(items[1].item.result, REPLAY_FAILED);
    say_text(server, single);
    for (int i = 0; i < 50; i++)
        turn(shop);
    hand_in(shop, &items[2]);
    expect(shop, server, "EVALSHA");
    say(server, ":1\r\n");
    wait_result(shop, &items[2], REPLAY_WITHIN);
    close_shop(shop);
}

static void a_connection_that_ends_is_made_anew_at_once(void **state)
{
    struct shop *shop = open_shop("redis://$0", NULL);
    struct server *server = &shop->servers[0];
    struct counted items[] = {new_item(0), new_item(1)};

    (void)state;
    welcome(shop, server, single);
    hand_in(shop, &items[0]);
    expect(shop, server, "EVALSHA");
    shop->now += 1000;
    hang_up(server);
    wait_result(shop, &items[0], REPLAY_FAILED);
    hand_in(shop, &items[1]);
    welcome(shop, server, single);
    expect(shop, server, "EVALSHA");
    say(server, ":1\r\n");
    wait_result(shop, &items[1], REPLAY_WITHIN);
    close_shop(shop);
}

/* Ever later, up to five seconds. */
static void nobody_is_there(void **state)
{
    static const int pauses[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct shop *shop = open_shop("redis://$0", NULL);
    struct counted item = new_item(0);

    (void)state;
    close(shop->servers[0].listener);
    shop->servers[0].listener = -1;
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        /* The kernel says at once that nobody is there; from then on time passes. */
        for (int k = 0; k < 50 && (k == 0 || replay_time_left(shop->replay, shop->now) == 0 ||
                                          replay_time_left(shop->replay, shop->now) >= 1900);
                k++)
            turn(shop);
        const int left = replay_time_left(shop->replay, shop->now);
        if (i > 0 && left != pauses[i] && pauses[i] < 1900)
            fail_msg("attempt %zu: got %d, want %d", i + 1, left, pauses[i]);
        shop->now += (uint64_t)pauses[i];
    }
    hand_in(shop, &item);
    assert_int_equal(item.times, 1);
    assert_int_equal(item.item.result, REPLAY_FAILED);
    assert_false(replay_is_stale(shop->replay));
    close_shop(shop);
}

/* YES only when a replica has the count too, which is asked once for all that were counted. */
static void replicas_confirm(void **state)
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

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct shop *shop = open_shop("redis://$0", NULL);
        struct server *server = &shop->servers[0];
        struct counted items[] = {new_item(0), new_item(1), new_item(2)};
        welcome(shop, server, replicated);
        for (int k = 0; k < 50; k++)
            turn(shop);
        for (size_t k = 0; k < 3; k++)
            hand_in(shop, &items[k]);
        for (size_t k = 0; k < 3; k++)
            expect(shop, server, "EVALSHA");
        expect(shop, server, "WAIT 1 1000");
        say(server, ":1\r\n:0\r\n:1\r\n");
        wait_result(shop, &items[1], REPLAY_OVER);
        for (int k = 0; k < 20; k++)
            turn(shop);
        assert_int_equal(items[0].times + items[2].times, 0);
        say(server, table[i].says);
        wait_result(shop, &items[0], table[i].wanted);
        wait_result(shop, &items[2], table[i].wanted);
        close_shop(shop);
    }
}

/* What a server has not taken or answered is bounded; more fails at once. */
static void a_server_that_takes_nothing(void **state)
{
    static struct counted items[10000];
    struct shop *shop = open_shop("redis://$0", NULL);
    unsigned pending = 0;

    (void)state;
    welcome(shop, &shop->servers[0], single);
    for (int k = 0; k < 50; k++)
        turn(shop);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        items[i] = new_item((unsigned char)i);
        hand_in(shop, &items[i]);
        pending += items[i].times == 0;
    }
    assert_int_equal(pending, 8192);
    check_why(shop, "takes no more");
    close_shop(shop);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        assert_int_equal(items[i].times, 1);
}

/* Whatever it says, and however long: the connection ends, and so does the question. */
static void mad_servers(void **state)
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

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct shop *shop = open_shop("redis://$0", NULL);
        struct server *server = &shop->servers[0];
        struct counted item = new_item(0);
        welcome(shop, server, single);
        hand_in(shop, &item);
        expect(shop, server, "EVALSHA");
        say(server, table[i].first);
        for (int k = 0; k < 100000; k++) {
            const size_t len = strlen(table[i].again);
            if (len == 0 ||
                    (send(server->fd, table[i].again, len, MSG_NOSIGNAL) < 0 && errno != EAGAIN))
                break;
            if (k % 100 == 0)
                replay_turn(shop->replay, shop->now, TODAY);
        }
        wait_result(shop, &item, table[i].wanted);
        for (int k = 0; k < 20; k++)
            turn(shop);
        struct replay_health health;
        replay_health(shop->replay, &health);
        assert_string_not_equal(health.why, "");
        close_shop(shop);
    }
}

/* Before it is asked for a name's address anew, or for a path, it must be opened anew. */
static void stores_that_grow_stale(void **state)
{
    static const struct {
        const char *form;
        uint64_t after; /* milliseconds; 0: never */
    } table[] = {
            {"redis+unix:///no/such/socket", 12000},
            {"redis://no-such-host.invalid", 60000},
            {"redis://$0", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct shop *shop = open_shop(table[i].form, NULL);
        struct counted item = new_item(0);
        const uint64_t after = table[i].after > 0 ? table[i].after : 1000000;
        close(shop->servers[0].listener);
        shop->servers[0].listener = -1;
        shop->now += after - 1;
        turn(shop);
        assert_false(replay_is_stale(shop->replay));
        hand_in(shop, &item);
        if (table[i].after > 0)
            wait_result(shop, &item, REPLAY_FAILED);
        shop->now += 1;
        turn(shop);
        assert_int_equal(replay_is_stale(shop->replay), table[i].after > 0);
        close_shop(shop);
    }
}

static void certificates_that_are_not_there(void **state)
{
    const struct replay_setup setup = {
            .address = "rediss://127.0.0.1:1", .ca = "/no/such/file", .done = on_done};
    struct replay *replay = replay_open(&setup, BEGIN, TODAY);
    struct counted item = new_item(0);
    struct replay_health health;

    (void)state;
    assert_non_null(replay);
    replay_submit(replay, &item.item, BEGIN, TODAY);
    replay_commit(replay, BEGIN, TODAY);
    replay_turn(replay, BEGIN, TODAY);
    assert_int_equal(item.times, 1);
    assert_int_equal(item.item.result, REPLAY_FAILED);
    assert_int_equal(replay_time_left(replay, BEGIN), -1);
    replay_health(replay, &health);
    assert_string_equal(
            health.why, "rediss://127.0.0.1:1: /no/such/file: has no certificates to trust");
    replay_close(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_is_asked_and_answered),
            cmocka_unit_test(users_passwords_and_databases),
            cmocka_unit_test(a_server_that_refuses),
            cmocka_unit_test(a_script_that_is_not_known),
            cmocka_unit_test(errors_are_failures),
            cmocka_unit_test(moved_is_followed_and_remembered),
            cmocka_unit_test(ask_is_followed_once),
            cmocka_unit_test(two_that_send_to_each_other),
            cmocka_unit_test(try_again_is_tried_again),
            cmocka_unit_test(servers_that_are_no_cluster),
            cmocka_unit_test(a_cluster_that_says_nothing_of_use),
            cmocka_unit_test(late_replies),
            cmocka_unit_test(a_server_that_falls_silent),
            cmocka_unit_test(a_connection_that_ends_is_made_anew_at_once),
            cmocka_unit_test(nobody_is_there),
            cmocka_unit_test(replicas_confirm),
            cmocka_unit_test(a_server_that_takes_nothing),
            cmocka_unit_test(mad_servers),
            cmocka_unit_test(stores_that_grow_stale),
            cmocka_unit_test(certificates_that_are_not_there),
    };
    return cmocka_run_group_tests_name("redis", tests, NULL, NULL);
}
