// SPDX-License-Identifier: ISC
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fixture_server.h"
#include "protocol/question.h"
#include "unit.h"

#define ANSWER "ALLOW unstamped ttl=300\r\n" /* to LINE */
#define LINE "bob@example.org - x=y\n"

/* What the client gets, once what is held has come on until there is something. */
static const char *answered(struct fixture_server *fixture, int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    while (poll(&ready, 1, 0) == 0 && fixture_server_go_on(fixture, 1000) > 0)
        continue;
    return fixture_server_received(fd);
}

/* The client goes; nothing is held for it any more. False when it is. */
static bool leaves(struct fixture_server *fixture, int fd)
{
    close(fd);
    while (server_connections(fixture->server) > 0)
        if (fixture_server_go_on(fixture, 1000) == 0)
            return false;
    return true;
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
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
    struct fixture_server fixture = fixture_server_open("none", 4, 4);
    bool ok = true;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const int client = fixture_server_connect(&fixture, table[i].octets);
        fixture_server_accept(&fixture, 1000);
        ok = ok && strcmp(fixture_server_received(client), table[i].want) == 0;
        ok = ok && server_connections(fixture.server) == 0;
        close(client);
    }
    ok = ok && server_time_left(fixture.server, 1000) == -1;
    (void)fixture_server_close(&fixture);
    assert_true(ok);
}

/* Octet by octet, with its LF, or with the end of what the client sends. */
TEST(questions_that_come_in_pieces)
{
    static const char line[] = LINE;
    struct fixture_server fixture = fixture_server_open("none", 4, 4);
    bool ok = true;

    for (int with_lf = 0; with_lf < 2; with_lf++) {
        const int client = fixture_server_connect(&fixture, "b");
        fixture_server_accept(&fixture, 1000);
        ok = ok && server_connections(fixture.server) == 1;
        const size_t len = strlen(line) - (with_lf == 0);
        for (size_t i = 1; i < len; i++) {
            ok = ok && send(client, &line[i], 1, MSG_NOSIGNAL) == 1 &&
                 fixture_server_go_on(&fixture, 1001) == 1;
        }
        if (with_lf == 0) {
            shutdown(client, SHUT_WR);
            ok = ok && fixture_server_go_on(&fixture, 1002) == 1;
        }
        ok = ok && strcmp(fixture_server_received(client), ANSWER) == 0 &&
             server_connections(fixture.server) == 0;
        close(client);
    }
    (void)fixture_server_close(&fixture);
    assert_true(ok);
}

TEST(end_without_a_question)
{
    struct fixture_server fixture = fixture_server_open("none", 4, 4);
    const int client = fixture_server_connect(&fixture, "");

    shutdown(client, SHUT_WR);
    fixture_server_accept(&fixture, 1000);
    bool ok = strcmp(answered(&fixture, client), "NO\r\n") == 0;
    ok = leaves(&fixture, client) && ok;
    (void)fixture_server_close(&fixture);
    assert_true(ok);
}

/* As long as a question may be, one octet longer, and a line that does not end. */
TEST(long_questions)
{
    struct fixture_server fixture = fixture_server_open("none", 4, 4);
    char line[2 * QUESTION_MAX];
    bool ok = true;

    for (size_t len = QUESTION_MAX - 1; len <= QUESTION_MAX + 2; len++) {
        for (int ends = 0; ends < 2; ends++) {
            memset(line, 'y', sizeof line);
            memcpy(line, "bob@example.org - x=", 20);
            line[len - 1] = ends ? '\n' : 'y';
            line[len] = '\0';
            const int client = fixture_server_connect(&fixture, line);
            fixture_server_accept(&fixture, 1000);
            if (!ends)
                shutdown(client, SHUT_WR);
            const char *got = answered(&fixture, client);
            if (strcmp(got, len <= QUESTION_MAX ? ANSWER : "NO\r\n") != 0) {
                fprintf(stdout, "# %zu octets, ends %d: got %s\n", len, ends, got);
                ok = false;
            }
            ok = leaves(&fixture, client) && ok;
        }
    }
    (void)fixture_server_close(&fixture);
    assert_true(ok);
}

/* What comes behind the line is thrown away, and the answer arrives for all that. */
TEST(more_than_a_question)
{
    struct fixture_server fixture = fixture_server_open("none", 4, 4);
    const int client = fixture_server_connect(&fixture, LINE "and more\n");
    bool ok = true;

    fixture_server_accept(&fixture, 1000);
    ok = ok && server_connections(fixture.server) == 1;
    ok = ok && send(client, LINE, strlen(LINE), MSG_NOSIGNAL) > 0 &&
         fixture_server_go_on(&fixture, 1000) == 1;
    ok = ok && server_connections(fixture.server) == 1;
    ok = ok && strcmp(fixture_server_received(client), ANSWER) == 0;
    ok = leaves(&fixture, client) && ok;
    const char *log = fixture_server_close(&fixture);
    assert_true(ok);
    assert_null(strstr(log, "malformed"));
}

TEST(deadline_at_its_edge)
{
    struct fixture_server fixture = fixture_server_open("none", 4, 4);
    bool ok = true;
    const int first = fixture_server_connect(&fixture, "x");

    fixture_server_accept(&fixture, 1000);
    const int second = fixture_server_connect(&fixture, "y");
    fixture_server_accept(&fixture, 1500);
    ok = ok && server_time_left(fixture.server, 1500) == 9500;
    server_expire(fixture.server, 1000 + SERVER_DEADLINE - 1);
    ok = ok && server_connections(fixture.server) == 2 && !fixture_server_has_closed(first);
    /* octets that come give no more time */
    ok = ok && send(first, "x", 1, MSG_NOSIGNAL) == 1 && fixture_server_go_on(&fixture, 10999) == 1;
    server_expire(fixture.server, 1000 + SERVER_DEADLINE);
    ok = ok && server_connections(fixture.server) == 1 &&
         strcmp(fixture_server_received(first), "") == 0;
    ok = ok && server_time_left(fixture.server, 11000) == 500;
    server_expire(fixture.server, UINT64_MAX);
    ok = ok && server_connections(fixture.server) == 0 &&
         strcmp(fixture_server_received(second), "") == 0;
    close(first);
    close(second);
    const char *log = fixture_server_close(&fixture);
    assert_true(ok);
    assert_non_null(strstr(log, "event=unanswered why=timeout source=127.0.0.1:"));
}

/* At the total cap the oldest makes room. */
TEST(oldest_makes_room)
{
    struct fixture_server fixture = fixture_server_open("none", 2, 10);
    bool ok = true;
    int clients[3];

    for (int i = 0; i < 3; i++) {
        clients[i] = fixture_server_connect(&fixture, "x");
        fixture_server_accept(&fixture, 1000);
    }
    ok = ok && server_connections(fixture.server) == 2 &&
         strcmp(fixture_server_received(clients[0]), "") == 0 &&
         !fixture_server_has_closed(clients[1]) && !fixture_server_has_closed(clients[2]);
    /* a whole question needs no room */
    const int quick = fixture_server_connect(&fixture, LINE);
    fixture_server_accept(&fixture, 1000);
    ok = ok && strcmp(fixture_server_received(quick), ANSWER) == 0 &&
         server_connections(fixture.server) == 2;
    /* those that wait are answered when they go on */
    ok = ok && send(clients[1], "\n", 1, MSG_NOSIGNAL) == 1 &&
         fixture_server_go_on(&fixture, 1000) == 1;
    ok = ok && strcmp(fixture_server_received(clients[1]), "NO\r\n") == 0;
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    close(quick);
    const char *log = fixture_server_close(&fixture);
    assert_true(ok);
    assert_non_null(strstr(log, "why=room"));
    assert_non_null(strstr(log, "why=stopped"));
}

TEST(source_at_its_cap)
{
    struct fixture_server fixture = fixture_server_open("none", 10, 2);
    bool ok = true;
    int clients[4];

    for (int i = 0; i < 3; i++) {
        clients[i] = fixture_server_connect(&fixture, "x");
        fixture_server_accept(&fixture, 1000);
    }
    ok = ok && server_connections(fixture.server) == 2 && fixture_server_has_closed(clients[2]);
    close(clients[0]);
    ok = ok && fixture_server_go_on(&fixture, 1000) == 1 && server_connections(fixture.server) == 1;
    clients[3] = fixture_server_connect(&fixture, "x");
    fixture_server_accept(&fixture, 1000);
    ok = ok && server_connections(fixture.server) == 2 && !fixture_server_has_closed(clients[3]);
    for (int i = 1; i < 4; i++)
        close(clients[i]);
    const char *log = fixture_server_close(&fixture);
    assert_true(ok);
    assert_non_null(strstr(log, "why=too-many"));
}

#define CLASSIC_PER_SOURCE                                                                         \
    50 /* payloads of 2013 that a worker opens in a second for an address                          \
        */
#define CLASSIC_PER_WORKER 1000

/* Asks about a payload of 2013. True if it was opened: it is nobody's, so the answer is NO. */
static bool opened(struct fixture_server *fixture, unsigned char source, uint64_t mono_ms)
{
    static const char user[] = "bob@example.org ";
    char line[sizeof user + FIXTURE_SERVER_CLASSIC_BITS / 4 + 1];

    memset(line, 'a', sizeof line);
    memcpy(line, user, sizeof user - 1);
    strcpy(line + sizeof line - 2, "\n");
    const int client = fixture_server_connect_from(fixture, source, line);
    fixture_server_accept(fixture, mono_ms);
    const bool is = strcmp(fixture_server_received(client), "NO\r\n") == 0;
    close(client);
    return is;
}

/* How many of `count` were opened. */
static int opened_of(
        struct fixture_server *fixture, unsigned char source, int count, uint64_t mono_ms)
{
    int opens = 0;

    for (int i = 0; i < count; i++)
        opens += opened(fixture, source, mono_ms);
    return opens;
}

TEST(openings_of_2013_are_capped_per_source)
{
    struct fixture_server fixture = fixture_server_open("none", 10, 10);
    const int burst = opened_of(&fixture, 1, 2 * CLASSIC_PER_SOURCE, 1000);
    const int other = opened_of(&fixture, 2, 1, 1000);
    const int later = opened_of(&fixture, 1, 2, 1000 + 1000 / CLASSIC_PER_SOURCE);
    const char *log = fixture_server_close(&fixture);

    assert_int_equal(burst, CLASSIC_PER_SOURCE);
    assert_int_equal(other, 1);
    assert_int_equal(later, 1);
    assert_non_null(strstr(log, "event=unanswered why=classic-rate source=127.0.0.1"));
}

TEST(openings_of_2013_are_capped_per_worker)
{
    struct fixture_server fixture = fixture_server_open("none", 10, 10);
    const int sources = CLASSIC_PER_WORKER / CLASSIC_PER_SOURCE;
    int burst = 0;

    for (int i = 1; i <= sources; i++)
        burst += opened_of(&fixture, (unsigned char)i, CLASSIC_PER_SOURCE, 1000);
    const int beyond = opened_of(&fixture, (unsigned char)(sources + 1), 1, 1000);
    const int sealed = fixture_server_connect(&fixture, LINE);
    fixture_server_accept(&fixture, 1000);
    const bool answered_sealed = strcmp(fixture_server_received(sealed), ANSWER) == 0;
    close(sealed);
    const int later = opened_of(&fixture, (unsigned char)(sources + 1), 1, 1001);
    (void)fixture_server_close(&fixture);
    assert_int_equal(burst, CLASSIC_PER_WORKER);
    assert_int_equal(beyond, 0);
    assert_true(answered_sealed);
    assert_int_equal(later, 1);
}

TEST(many_at_once)
{
    struct fixture_server fixture = fixture_server_open("none", 10, 10);
    struct pollfd ready = {.fd = fixture.listener, .events = POLLIN};
    bool ok = true;
    int clients[5];

    for (int i = 0; i < 5; i++)
        clients[i] = fixture_server_connect(&fixture, LINE);
    (void)server_accept(fixture.server, fixture.listener, 3, 1000);
    for (int i = 0; i < 3; i++)
        ok = ok && strcmp(fixture_server_received(clients[i]), ANSWER) == 0;
    ok = ok && !fixture_server_has_closed(clients[3]) && poll(&ready, 1, 0) == 1;
    (void)server_accept(fixture.server, fixture.listener, SIZE_MAX, 1000);
    for (int i = 3; i < 5; i++)
        ok = ok && strcmp(fixture_server_received(clients[i]), ANSWER) == 0;
    ok = ok && poll(&ready, 1, 0) == 0;
    for (int i = 0; i < 5; i++)
        close(clients[i]);
    (void)fixture_server_close(&fixture);
    assert_true(ok);
}

/* An index that is free, or was never one. */
TEST(nothing_to_go_on_with)
{
    struct fixture_server fixture = fixture_server_open("none", 2, 2);

    server_on_readable(fixture.server, 0, 1000);
    server_on_readable(fixture.server, 2, 1000);
    server_on_readable(fixture.server, UINT32_MAX, 1000);
    (void)server_accept(fixture.server, fixture.listener, 1, 1000);
    server_expire(fixture.server, UINT64_MAX);
    const size_t held = server_connections(fixture.server);
    const char *log = fixture_server_close(&fixture);
    assert_int_equal(held, 0);
    assert_string_equal(log, "");
}

/* A payload that opened leaves word of its key. */
TEST(key_use_is_noted)
{
    struct fixture_server fixture = fixture_server_open("none", 2, 2);
    struct folder folder = folder_make();
    char line[QUESTION_MAX];
    char sealed[PAYLOAD_TEXT_MAX + 1];
    char file[1024];

    fixture_service_seal("bob@example.org", FIXTURE_SERVICE_NOW, sealed);
    snprintf(line, sizeof line, "eve@example.org %s x=y\n", sealed); /* forged, but with the key */
    const int client = fixture_server_connect(&fixture, line);
    fixture_server_accept(&fixture, 1000);
    const bool ok = strcmp(fixture_server_received(client), "NO forged\r\n") == 0 &&
                    keyuse_save(fixture.keyuse, folder.path, FIXTURE_SERVICE_NOW + 1) &&
                    folder_read(&folder, "keys", file, sizeof file);
    close(client);
    (void)fixture_server_close(&fixture);
    folder_remove(&folder);
    assert_true(ok);
    assert_non_null(strstr(file, " " FIXTURE_SERVICE_HOST " 1767225600 "));
}

/* A peer that goes on sending is cut off at a megabyte. */
TEST(what_is_thrown_away_has_an_end)
{
    static const char more[65536];
    struct fixture_server fixture = fixture_server_open("none", 4, 4);
    const int client = fixture_server_connect(&fixture, LINE "more");
    size_t sent = 0;

    fixture_server_accept(&fixture, 1000);
    const int flags = fcntl(client, F_GETFL);
    fcntl(client, F_SETFL, flags | O_NONBLOCK);
    while (server_connections(fixture.server) > 0 && sent < 16 * 1048576) {
        const ssize_t put = send(client, more, sizeof more, MSG_NOSIGNAL);
        sent += put > 0 ? (size_t)put : 0;
        (void)fixture_server_go_on(&fixture, 1000);
    }
    const size_t left = server_connections(fixture.server);
    close(client);
    (void)fixture_server_close(&fixture);
    assert_int_equal(left, 0);
    assert_true(sent >= 1048576);
}
