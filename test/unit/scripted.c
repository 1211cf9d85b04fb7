// SPDX-License-Identifier: ISC
#include "scripted.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/log.h"
#include "unit.h"

#define TURNS 2000 /* of a millisecond, until something must have happened */

const char scripted_single[] = "maxmemory_policy:noeviction\r\nrole:master\r\ncluster_enabled:0\r\n"
                               "loading:0\r\nused_memory:4096\r\ndb0:keys=3,expires=3\r\n";
const char scripted_clustered[] = "maxmemory_policy:noeviction\r\nrole:master\r\nloading:0\r\n"
                                  "cluster_enabled:1\r\n";

void scripted_done(void *context, struct replay_item *item)
{
    (void)context;
    ((struct scripted_count *)item)->times++;
}

static void start(struct scripted_server *server)
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

void scripted_hang_up(struct scripted_server *server)
{
    if (server->fd >= 0)
        close(server->fd);
    if (server->reader != NULL)
        redisReaderFree(server->reader);
    server->fd = -1;
    server->reader = NULL;
}

/* `$0` and `$1` become the servers' addresses. */
static void write_address(struct scripted *shop, const char *form)
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

struct scripted *scripted_open(const char *form, const char *password)
{
    struct scripted *shop = calloc(1, sizeof *shop);

    assert_non_null(shop);
    setenv("JOURNAL_STREAM", "8:1", 1);
    shop->captured = captured_begin();
    log_init();
    for (size_t i = 0; i < SCRIPTED_SERVERS; i++)
        start(&shop->servers[i]);
    write_address(shop, form);
    const struct replay_setup setup = {
            .address = shop->address, .password = password, .done = scripted_done, .context = shop};
    shop->now = SCRIPTED_BEGIN;
    shop->replay = replay_open(&setup, shop->now, SCRIPTED_TODAY);
    assert_non_null(shop->replay);
    return shop;
}

void scripted_close(struct scripted *shop)
{
    replay_close(&shop->replay);
    for (size_t i = 0; i < SCRIPTED_SERVERS; i++) {
        scripted_hang_up(&shop->servers[i]);
        if (shop->servers[i].listener >= 0)
            close(shop->servers[i].listener);
    }
    captured_end(&shop->captured);
    free(shop);
}

void scripted_turn(struct scripted *shop)
{
    struct pollfd ready = {.fd = replay_fd(shop->replay), .events = POLLIN};

    replay_commit(shop->replay, shop->now, SCRIPTED_TODAY);
    (void)poll(&ready, 1, 1);
    replay_turn(shop->replay, shop->now, SCRIPTED_TODAY);
}

static void take_connection(struct scripted_server *server)
{
    if (server->fd >= 0)
        return;
    server->fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (server->fd >= 0)
        server->reader = redisReaderCreate();
}

redisReply *scripted_hear(struct scripted *shop, struct scripted_server *server)
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
        scripted_turn(shop);
    }
    fail_msg("nothing was asked, and the connection did not end");
    return NULL;
}

void scripted_expect(struct scripted *shop, struct scripted_server *server, const char *wanted)
{
    redisReply *request = scripted_hear(shop, server);
    char got[512] = "";

    assert_non_null(request);
    for (size_t i = 0; i < request->elements; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i > 0 ? " " : "",
                request->element[i]->str);
    freeReplyObject(request);
    if (strncmp(got, wanted, strlen(wanted)) != 0)
        fail_msg("got %s, want %s", got, wanted);
}

void scripted_say(struct scripted_server *server, const char *reply)
{
    const size_t len = strlen(reply);

    assert_int_equal(send(server->fd, reply, len, MSG_NOSIGNAL), (ssize_t)len);
}

void scripted_say_text(struct scripted_server *server, const char *text)
{
    char reply[1024];

    snprintf(reply, sizeof reply, "$%zu\r\n%s\r\n", strlen(text), text);
    scripted_say(server, reply);
}

void scripted_expect_end(struct scripted *shop, struct scripted_server *server)
{
    assert_null(scripted_hear(shop, server));
    scripted_hang_up(server);
}

void scripted_welcome(struct scripted *shop, struct scripted_server *server, const char *info)
{
    scripted_expect(shop, server, "INFO");
    scripted_say_text(server, info);
}

struct scripted_count scripted_item(unsigned char number)
{
    struct scripted_count counted = {.item = {.issued = SCRIPTED_TODAY,
                                             .expires = SCRIPTED_TODAY + 1000,
                                             .entries_count = 1}};

    counted.item.nonce[0] = number;
    counted.item.entries[0].allowance = 4;
    counted.item.result = REPLAY_PENDING;
    return counted;
}

void scripted_hand_in(struct scripted *shop, struct scripted_count *counted)
{
    replay_submit(shop->replay, &counted->item, shop->now, SCRIPTED_TODAY);
}

void scripted_wait(struct scripted *shop, struct scripted_count *counted, enum replay_count wanted)
{
    for (int i = 0; i < TURNS && counted->times == 0; i++)
        scripted_turn(shop);
    assert_int_equal(counted->times, 1);
    assert_int_equal(counted->item.result, wanted);
}

void scripted_check_why(const struct scripted *shop, const char *wanted)
{
    struct replay_health health;

    replay_health(shop->replay, &health);
    if (strstr(health.why, wanted) == NULL || strncmp(health.why, "127.0.0.1:", 10) != 0)
        fail_msg("got %s, want %s", health.why, wanted);
}

struct scripted *scripted_open_asked(struct scripted_count *counted)
{
    struct scripted *shop = scripted_open("redis://$0", NULL);

    scripted_welcome(shop, &shop->servers[0], scripted_single);
    scripted_ask(shop, &shop->servers[0], counted);
    return shop;
}

void scripted_ask(
        struct scripted *shop, struct scripted_server *server, struct scripted_count *counted)
{
    scripted_hand_in(shop, counted);
    scripted_expect(shop, server, "EVALSHA");
}

void scripted_answer(struct scripted *shop, struct scripted_server *server, const char *reply,
        struct scripted_count *counted, enum replay_count wanted)
{
    scripted_say(server, reply);
    scripted_wait(shop, counted, wanted);
}
