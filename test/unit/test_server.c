// SPDX-License-Identifier: ISC
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/log.h"
#include "capture.h"
#include "events/counters.h"
#include "events/ring.h"
#include "fixture_service.h"
#include "protocol/question.h"
#include "unit.h"
#include "verimaild/server.h"

#define ANSWER "ALLOW unstamped ttl=300\r\n" /* to LINE */
#define LINE "bob@example.org - x=y\n"

static struct fixture_service fixture;
static char caught[65536];

/* A worker's server without the worker: clients are real ones, the clock is the test's. */
struct shop {
    struct capture capture; /* what is logged */
    struct keyuse *keyuse;
    struct counters *counters;
    struct ring *ring;
    struct server *server;
    int epoll;
    int listener;
    struct endpoint at;
};

/* Listens without TCP_DEFER_ACCEPT: silent clients are to be had here. */
static int open_listener(struct endpoint *at_r)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(endpoint_parse("127.0.0.1:0", at_r));
    assert_int_equal(bind(fd, &at_r->address.any, at_r->len), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, &at_r->address.any, &at_r->len), 0);
    return fd;
}

static struct shop open_shop(uint64_t connections, uint64_t per_address)
{
    char none[] = "none";
    const struct config_service limits = {.replay = {.at = none},
            .connections = connections,
            .connections_per_address = per_address};
    struct shop shop = {.epoll = epoll_create1(EPOLL_CLOEXEC)};

    setenv("JOURNAL_STREAM", "8:1", 1);
    shop.capture = capture_begin();
    log_init();
    shop.listener = open_listener(&shop.at);
    shop.keyuse = keyuse_init(service_keyring(fixture.service));
    shop.counters = counters_init();
    shop.ring = ring_init();
    const struct server_setup setup = {.service = fixture.service,
            .config = &limits,
            .keyuse = shop.keyuse,
            .counters = shop.counters,
            .ring = shop.ring,
            .epoll = shop.epoll};
    shop.server = server_init(&setup);
    assert_non_null(shop.server);
    return shop;
}

/* What was logged is then in `caught`. */
static void close_shop(struct shop *shop)
{
    server_free(&shop->server);
    assert_null(shop->server);
    keyuse_free(&shop->keyuse);
    ring_free(&shop->ring);
    counters_free(&shop->counters);
    close(shop->epoll);
    close(shop->listener);
    capture_read(&shop->capture, caught, sizeof caught);
    capture_end(&shop->capture);
}

static int connect_to(const struct shop *shop, const char *octets)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const size_t len = strlen(octets);

    assert_int_equal(connect(fd, &shop->at.address.any, shop->at.len), 0);
    assert_int_equal(send(fd, octets, len, MSG_NOSIGNAL), (ssize_t)len);
    return fd;
}

static void accept_one(struct shop *shop, uint64_t now)
{
    struct pollfd ready = {.fd = shop->listener, .events = POLLIN};

    assert_int_equal(poll(&ready, 1, 5000), 1);
    (void)server_accept(shop->server, shop->listener, 1, now);
}

/* Lets every held connection that has something come on; how many did. */
static int go_on(struct shop *shop, uint64_t now)
{
    struct epoll_event events[16];
    const int count = epoll_wait(shop->epoll, events, 16, 5000);

    for (int i = 0; i < count; i++)
        server_continue(shop->server, (uint32_t)events[i].data.u64, now);
    return count;
}

/* What the client gets until the other side closes; "reset" instead of its end when it was cut. */
static const char *received(int fd)
{
    static char room[1024];
    size_t len = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    while (poll(&ready, 1, 5000) == 1) {
        const ssize_t got = recv(fd, room + len, sizeof room - 8 - len, 0);
        if (got <= 0) {
            strcpy(room + len, got == 0 ? "" : "reset");
            return room;
        }
        len += (size_t)got;
    }
    return "not closed";
}

/* The same, once what is held has come on until there is something. */
static const char *answered(struct shop *shop, int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    while (poll(&ready, 1, 0) == 0 && go_on(shop, 1000) > 0)
        continue;
    return received(fd);
}

/* The client goes; nothing is held for it any more. False when it is. */
static bool leaves(struct shop *shop, int fd)
{
    close(fd);
    while (server_held(shop->server) > 0)
        if (go_on(shop, 1000) == 0)
            return false;
    return true;
}

static bool is_closed(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLRDHUP};

    return poll(&ready, 1, 0) == 1;
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
    fixture = fixture_service_open("", "domain example.org { hosts = " FIXTURE_SERVICE_HOST "\n"
                                       " user bob { allow_unauthorized = yes } }\n");
    assert_string_equal(problems_text(fixture.conf.problems), "");
}

AFTER_ALL()
{
    fixture_service_close(&fixture);
}

TEST(whole_questions_are_answered_at_once)
{
    static const struct {
        const char *octets;
        const char *want;
    } table[] = {
            {LINE, ANSWER},
            {"bob@example.org - x=y\r\n", ANSWER},
            {"bob@example.org -\n", "ALLOW\r\n"},
            {"\n", "NO\r\n"},
            {"x\n", "NO\r\n"},
    };
    struct shop shop = open_shop(4, 4);
    bool ok = true;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const int client = connect_to(&shop, table[i].octets);
        accept_one(&shop, 1000);
        ok = ok && strcmp(received(client), table[i].want) == 0;
        ok = ok && server_held(shop.server) == 0;
        close(client);
    }
    ok = ok && server_time_left(shop.server, 1000) == -1;
    close_shop(&shop);
    assert_true(ok);
}

/* Octet by octet, with its LF, or with the end of what the client sends. */
TEST(questions_that_come_in_pieces)
{
    static const char line[] = LINE;
    struct shop shop = open_shop(4, 4);
    bool ok = true;

    for (int with_lf = 0; with_lf < 2; with_lf++) {
        const int client = connect_to(&shop, "b");
        accept_one(&shop, 1000);
        ok = ok && server_held(shop.server) == 1;
        const size_t len = strlen(line) - (with_lf == 0);
        for (size_t i = 1; i < len; i++) {
            ok = ok && send(client, &line[i], 1, MSG_NOSIGNAL) == 1 && go_on(&shop, 1001) == 1;
        }
        if (with_lf == 0) {
            shutdown(client, SHUT_WR);
            ok = ok && go_on(&shop, 1002) == 1;
        }
        ok = ok && strcmp(received(client), ANSWER) == 0 && server_held(shop.server) == 0;
        close(client);
    }
    close_shop(&shop);
    assert_true(ok);
}

TEST(end_without_a_question)
{
    struct shop shop = open_shop(4, 4);
    const int client = connect_to(&shop, "");

    shutdown(client, SHUT_WR);
    accept_one(&shop, 1000);
    bool ok = strcmp(answered(&shop, client), "NO\r\n") == 0;
    ok = leaves(&shop, client) && ok;
    close_shop(&shop);
    assert_true(ok);
}

/* As long as a question may be, one octet longer, and a line that does not end. */
TEST(long_questions)
{
    struct shop shop = open_shop(4, 4);
    char line[2 * QUESTION_MAX];
    bool ok = true;

    for (size_t len = QUESTION_MAX - 1; len <= QUESTION_MAX + 2; len++) {
        for (int ends = 0; ends < 2; ends++) {
            memset(line, 'y', sizeof line);
            memcpy(line, "bob@example.org - x=", 20);
            line[len - 1] = ends ? '\n' : 'y';
            line[len] = '\0';
            const int client = connect_to(&shop, line);
            accept_one(&shop, 1000);
            if (!ends)
                shutdown(client, SHUT_WR);
            const char *got = answered(&shop, client);
            if (strcmp(got, len <= QUESTION_MAX ? ANSWER : "NO\r\n") != 0) {
                fprintf(stdout, "# %zu octets, ends %d: got %s\n", len, ends, got);
                ok = false;
            }
            ok = leaves(&shop, client) && ok;
        }
    }
    close_shop(&shop);
    assert_true(ok);
}

/* What comes behind the line is thrown away, and the answer arrives for all that. */
TEST(more_than_a_question)
{
    struct shop shop = open_shop(4, 4);
    const int client = connect_to(&shop, LINE "and more\n");
    bool ok = true;

    accept_one(&shop, 1000);
    ok = ok && server_held(shop.server) == 1;
    ok = ok && send(client, LINE, strlen(LINE), MSG_NOSIGNAL) > 0 && go_on(&shop, 1000) == 1;
    ok = ok && server_held(shop.server) == 1;
    ok = ok && strcmp(received(client), ANSWER) == 0;
    ok = leaves(&shop, client) && ok;
    close_shop(&shop);
    assert_true(ok);
    assert_null(strstr(caught, "malformed"));
}

TEST(deadline_at_its_edge)
{
    struct shop shop = open_shop(4, 4);
    bool ok = true;
    const int first = connect_to(&shop, "x");

    accept_one(&shop, 1000);
    const int second = connect_to(&shop, "y");
    accept_one(&shop, 1500);
    ok = ok && server_time_left(shop.server, 1500) == 9500;
    server_expire(shop.server, 1000 + SERVER_DEADLINE - 1);
    ok = ok && server_held(shop.server) == 2 && !is_closed(first);
    /* octets that come give no more time */
    ok = ok && send(first, "x", 1, MSG_NOSIGNAL) == 1 && go_on(&shop, 10999) == 1;
    server_expire(shop.server, 1000 + SERVER_DEADLINE);
    ok = ok && server_held(shop.server) == 1 && strcmp(received(first), "") == 0;
    ok = ok && server_time_left(shop.server, 11000) == 500;
    server_expire(shop.server, UINT64_MAX);
    ok = ok && server_held(shop.server) == 0 && strcmp(received(second), "") == 0;
    close(first);
    close(second);
    close_shop(&shop);
    assert_true(ok);
    assert_non_null(strstr(caught, "event=unanswered why=timeout source=127.0.0.1:"));
}

/* At the total cap the oldest makes room. */
TEST(oldest_makes_room)
{
    struct shop shop = open_shop(2, 10);
    bool ok = true;
    int clients[3];

    for (int i = 0; i < 3; i++) {
        clients[i] = connect_to(&shop, "x");
        accept_one(&shop, 1000);
    }
    ok = ok && server_held(shop.server) == 2 && strcmp(received(clients[0]), "") == 0 &&
         !is_closed(clients[1]) && !is_closed(clients[2]);
    /* a whole question needs no room */
    const int quick = connect_to(&shop, LINE);
    accept_one(&shop, 1000);
    ok = ok && strcmp(received(quick), ANSWER) == 0 && server_held(shop.server) == 2;
    /* those that wait are answered when they go on */
    ok = ok && send(clients[1], "\n", 1, MSG_NOSIGNAL) == 1 && go_on(&shop, 1000) == 1;
    ok = ok && strcmp(received(clients[1]), "NO\r\n") == 0;
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    close(quick);
    close_shop(&shop);
    assert_true(ok);
    assert_non_null(strstr(caught, "why=room"));
    assert_non_null(strstr(caught, "why=stopped"));
}

TEST(source_at_its_cap)
{
    struct shop shop = open_shop(10, 2);
    bool ok = true;
    int clients[4];

    for (int i = 0; i < 3; i++) {
        clients[i] = connect_to(&shop, "x");
        accept_one(&shop, 1000);
    }
    ok = ok && server_held(shop.server) == 2 && is_closed(clients[2]);
    close(clients[0]);
    ok = ok && go_on(&shop, 1000) == 1 && server_held(shop.server) == 1;
    clients[3] = connect_to(&shop, "x");
    accept_one(&shop, 1000);
    ok = ok && server_held(shop.server) == 2 && !is_closed(clients[3]);
    for (int i = 1; i < 4; i++)
        close(clients[i]);
    close_shop(&shop);
    assert_true(ok);
    assert_non_null(strstr(caught, "why=too-many"));
}

TEST(many_at_once)
{
    struct shop shop = open_shop(10, 10);
    struct pollfd ready = {.fd = shop.listener, .events = POLLIN};
    bool ok = true;
    int clients[5];

    for (int i = 0; i < 5; i++)
        clients[i] = connect_to(&shop, LINE);
    (void)server_accept(shop.server, shop.listener, 3, 1000);
    for (int i = 0; i < 3; i++)
        ok = ok && strcmp(received(clients[i]), ANSWER) == 0;
    ok = ok && !is_closed(clients[3]) && poll(&ready, 1, 0) == 1;
    (void)server_accept(shop.server, shop.listener, SIZE_MAX, 1000);
    for (int i = 3; i < 5; i++)
        ok = ok && strcmp(received(clients[i]), ANSWER) == 0;
    ok = ok && poll(&ready, 1, 0) == 0;
    for (int i = 0; i < 5; i++)
        close(clients[i]);
    close_shop(&shop);
    assert_true(ok);
}

/* An index that is free, or was never one. */
TEST(nothing_to_go_on_with)
{
    struct shop shop = open_shop(2, 2);

    server_continue(shop.server, 0, 1000);
    server_continue(shop.server, 2, 1000);
    server_continue(shop.server, UINT32_MAX, 1000);
    (void)server_accept(shop.server, shop.listener, 1, 1000);
    server_expire(shop.server, UINT64_MAX);
    const size_t held = server_held(shop.server);
    close_shop(&shop);
    assert_int_equal(held, 0);
    assert_string_equal(caught, "");
}

/* A payload that opened leaves word of its key. */
TEST(key_use_is_noted)
{
    struct shop shop = open_shop(2, 2);
    struct folder folder = folder_make();
    char line[QUESTION_MAX];
    char sealed[PAYLOAD_TEXT_MAX + 1];
    char file[1024];

    fixture_service_seal("bob@example.org", FIXTURE_SERVICE_NOW, sealed);
    snprintf(line, sizeof line, "eve@example.org %s x=y\n", sealed); /* forged, but with the key */
    const int client = connect_to(&shop, line);
    accept_one(&shop, 1000);
    const bool ok = strcmp(received(client), "NO forged\r\n") == 0 &&
                    keyuse_save(shop.keyuse, folder.path, FIXTURE_SERVICE_NOW + 1) &&
                    folder_read(&folder, "keys", file, sizeof file);
    close(client);
    close_shop(&shop);
    folder_remove(&folder);
    assert_true(ok);
    assert_non_null(strstr(file, " " FIXTURE_SERVICE_HOST " 1767225600 "));
}
