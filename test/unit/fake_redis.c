// SPDX-License-Identifier: ISC
#include "fake_redis.h"

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

const char fake_redis_single[] =
        "maxmemory_policy:noeviction\r\nrole:master\r\ncluster_enabled:0\r\n"
        "loading:0\r\nused_memory:4096\r\ndb0:keys=3,expires=3\r\n";
const char fake_redis_clustered[] = "maxmemory_policy:noeviction\r\nrole:master\r\nloading:0\r\n"
                                    "cluster_enabled:1\r\n";

void fake_redis_done(void *context, struct count_request *item)
{
    (void)context;
    ((struct fake_redis_count *)item)->times++;
}

static void start(struct fake_redis_server *server)
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

void fake_redis_hang_up(struct fake_redis_server *server)
{
    if (server->fd >= 0)
        close(server->fd);
    if (server->reader != NULL)
        redisReaderFree(server->reader);
    server->fd = -1;
    server->reader = NULL;
}

/* `$0` and `$1` become the servers' addresses. */
static void write_address(struct fake_redis *fake, const char *form)
{
    size_t len = 0;

    for (; *form != '\0'; form++) {
        char *at = fake->address + len;
        const size_t buffer = sizeof fake->address - len;
        if (*form == '$')
            len += (size_t)snprintf(at, buffer, "127.0.0.1:%u", fake->servers[*++form - '0'].port);
        else
            len += (size_t)snprintf(at, buffer, "%c", *form);
    }
}

struct fake_redis *fake_redis_open(const char *form, const char *password)
{
    struct fake_redis *fake = calloc(1, sizeof *fake);

    assert_non_null(fake);
    setenv("JOURNAL_STREAM", "8:1", 1);
    fake->capture = capture_begin();
    log_init();
    for (size_t i = 0; i < FAKE_REDIS_SERVERS; i++)
        start(&fake->servers[i]);
    write_address(fake, form);
    const struct replay_setup setup = {.address = fake->address,
            .password = password,
            .done = fake_redis_done,
            .context = fake};
    fake->mono_ms = FAKE_REDIS_BEGIN;
    fake->replay = replay_open(&setup, fake->mono_ms, FAKE_REDIS_TODAY);
    assert_non_null(fake->replay);
    return fake;
}

void fake_redis_close(struct fake_redis *fake)
{
    replay_close(&fake->replay);
    for (size_t i = 0; i < FAKE_REDIS_SERVERS; i++) {
        fake_redis_hang_up(&fake->servers[i]);
        if (fake->servers[i].listener >= 0)
            close(fake->servers[i].listener);
    }
    capture_end(&fake->capture);
    free(fake);
}

void fake_redis_turn(struct fake_redis *fake)
{
    struct pollfd ready = {.fd = replay_fd(fake->replay), .events = POLLIN};

    replay_commit(fake->replay, fake->mono_ms, FAKE_REDIS_TODAY);
    (void)poll(&ready, 1, 1);
    replay_turn(fake->replay, fake->mono_ms, FAKE_REDIS_TODAY);
}

static void take_connection(struct fake_redis_server *server)
{
    if (server->fd >= 0)
        return;
    server->fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (server->fd >= 0)
        server->reader = redisReaderCreate();
}

redisReply *fake_redis_hear(struct fake_redis *fake, struct fake_redis_server *server)
{
    char buffer[4096];
    void *request = NULL;

    for (int i = 0; i < TURNS; i++) {
        take_connection(server);
        if (server->fd >= 0) {
            assert_int_equal(redisReaderGetReply(server->reader, &request), REDIS_OK);
            if (request != NULL)
                return request;
            const ssize_t got = recv(server->fd, buffer, sizeof buffer, 0);
            if (got == 0 || (got < 0 && errno != EAGAIN))
                return NULL;
            if (got > 0) {
                assert_int_equal(redisReaderFeed(server->reader, buffer, (size_t)got), REDIS_OK);
                continue;
            }
        }
        fake_redis_turn(fake);
    }
    fail_msg("nothing was asked, and the connection did not end");
    return NULL;
}

void fake_redis_expect(
        struct fake_redis *fake, struct fake_redis_server *server, const char *wanted)
{
    redisReply *request = fake_redis_hear(fake, server);
    char got[512] = "";

    assert_non_null(request);
    for (size_t i = 0; i < request->elements; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i > 0 ? " " : "",
                request->element[i]->str);
    freeReplyObject(request);
    if (strncmp(got, wanted, strlen(wanted)) != 0)
        fail_msg("got %s, want %s", got, wanted);
}

void fake_redis_say(struct fake_redis_server *server, const char *reply)
{
    const size_t len = strlen(reply);

    assert_int_equal(send(server->fd, reply, len, MSG_NOSIGNAL), (ssize_t)len);
}

void fake_redis_say_text(struct fake_redis_server *server, const char *text)
{
    char reply[1024];

    snprintf(reply, sizeof reply, "$%zu\r\n%s\r\n", strlen(text), text);
    fake_redis_say(server, reply);
}

void fake_redis_expect_end(struct fake_redis *fake, struct fake_redis_server *server)
{
    assert_null(fake_redis_hear(fake, server));
    fake_redis_hang_up(server);
}

void fake_redis_welcome(struct fake_redis *fake, struct fake_redis_server *server, const char *info)
{
    fake_redis_expect(fake, server, "INFO");
    fake_redis_say_text(server, info);
}

struct fake_redis_count fake_redis_item(unsigned char number)
{
    struct fake_redis_count counted = {.item = {.issued = FAKE_REDIS_TODAY,
                                               .expires = FAKE_REDIS_TODAY + 1000,
                                               .entries_count = 1}};

    counted.item.nonce[0] = number;
    counted.item.entries[0].allowance = 4;
    counted.item.result = REPLAY_PENDING;
    return counted;
}

void fake_redis_hand_in(struct fake_redis *fake, struct fake_redis_count *counted)
{
    replay_submit(fake->replay, &counted->item, fake->mono_ms, FAKE_REDIS_TODAY);
}

void fake_redis_wait(
        struct fake_redis *fake, struct fake_redis_count *counted, enum replay_count wanted)
{
    for (int i = 0; i < TURNS && counted->times == 0; i++)
        fake_redis_turn(fake);
    assert_int_equal(counted->times, 1);
    assert_int_equal(counted->item.result, wanted);
}

void fake_redis_check_error(const struct fake_redis *fake, const char *wanted)
{
    struct replay_health health;

    replay_health(fake->replay, &health);
    if (strstr(health.error, wanted) == NULL || strncmp(health.error, "127.0.0.1:", 10) != 0)
        fail_msg("got %s, want %s", health.error, wanted);
}

struct fake_redis *fake_redis_open_asked(struct fake_redis_count *counted)
{
    struct fake_redis *fake = fake_redis_open("redis://$0", NULL);

    fake_redis_welcome(fake, &fake->servers[0], fake_redis_single);
    fake_redis_ask(fake, &fake->servers[0], counted);
    return fake;
}

void fake_redis_ask(
        struct fake_redis *fake, struct fake_redis_server *server, struct fake_redis_count *counted)
{
    fake_redis_hand_in(fake, counted);
    fake_redis_expect(fake, server, "EVALSHA");
}

void fake_redis_answer(struct fake_redis *fake, struct fake_redis_server *server, const char *reply,
        struct fake_redis_count *counted, enum replay_count wanted)
{
    fake_redis_say(server, reply);
    fake_redis_wait(fake, counted, wanted);
}
