// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture_server.h"
#include "protocol/question.h"
#include "unit.h"

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

/* A line that is to be counted: a payload with an allowance of four. */
static const char *counted_line(const char *rest)
{
    static char line[QUESTION_MAX];
    char sealed[PAYLOAD_TEXT_MAX + 1];

    fixture_service_seal("bob@example.org", unix_now(), sealed);
    snprintf(line, sizeof line, "bob@example.org %s x=y\n%s", sealed, rest);
    return line;
}

/* A store that counts when the turn ends. */
struct store {
    struct folder folder;
    char address[512];
};

static struct store make_store(void)
{
    struct store store = {.folder = folder_make()};

    snprintf(store.address, sizeof store.address, "lmdb:%s/replay", store.folder.path);
    return store;
}

/* Those of one turn are counted together, and all but the allowed ones are replays. */
TEST(counts_come_at_the_end_of_the_turn)
{
    struct store store = make_store();
    struct fixture_server fixture = fixture_server_open(store.address, 10, 10);
    const char *line = counted_line("");
    bool ok = true;
    int clients[6];

    for (int i = 0; i < 6; i++) {
        clients[i] = fixture_server_connect(&fixture, line);
        fixture_server_accept(&fixture, 1000);
        ok = ok && server_connections(fixture.server) == (size_t)i + 1 &&
             !fixture_server_has_closed(clients[i]);
    }
    server_commit(fixture.server, 1000);
    ok = ok && server_connections(fixture.server) == 0;
    for (int i = 0; i < 6; i++) {
        ok = ok && strcmp(fixture_server_received(clients[i]),
                           i < 4 ? "YES stamped\r\n" : "ALLOW replayed\r\n") == 0;
        close(clients[i]);
    }
    (void)fixture_server_close(&fixture);
    folder_remove(&store.folder);
    assert_true(ok);
}

/* It is neither the one that makes room nor out of time, and waits for nothing that its peer
 * sends. */
TEST(what_is_being_counted_is_left_alone)
{
    struct store store = make_store();
    struct fixture_server fixture = fixture_server_open(store.address, 1, 10);
    const char *line = counted_line("");
    struct epoll_event event;
    bool ok = true;
    int clients[3];

    /* It was held before: its question comes in two pieces. */
    clients[0] = fixture_server_connect(&fixture, "b");
    fixture_server_accept(&fixture, 1000);
    ok = ok && send(clients[0], line + 1, strlen(line + 1), MSG_NOSIGNAL) > 0;
    ok = ok && fixture_server_go_on(&fixture, 1000) == 1 && server_connections(fixture.server) == 1;
    ok = ok && send(clients[0], "more", 4, MSG_NOSIGNAL) == 4;
    ok = ok && epoll_wait(fixture.epoll, &event, 1, 0) == 0;
    server_on_readable(fixture.server, 0, 1000); /* an event for who had the place before */
    for (int i = 1; i < 3; i++) {
        clients[i] = fixture_server_connect(&fixture, "x");
        fixture_server_accept(&fixture, 2000);
    }
    ok = ok && server_connections(fixture.server) == 2 &&
         strcmp(fixture_server_received(clients[1]), "") == 0;
    server_expire(fixture.server, 2000 + SERVER_DEADLINE);
    ok = ok && server_connections(fixture.server) == 1 &&
         strcmp(fixture_server_received(clients[2]), "") == 0;
    ok = ok && !fixture_server_has_closed(clients[0]);
    server_commit(fixture.server, 13000);
    ok = ok && server_connections(fixture.server) == 1; /* and then drained */
    ok = ok && strcmp(fixture_server_received(clients[0]), "YES stamped\r\n") == 0;
    server_expire(fixture.server, 13000 + SERVER_DEADLINE - 1);
    ok = ok && server_connections(fixture.server) == 1;
    server_expire(fixture.server, 13000 + SERVER_DEADLINE);
    ok = ok && server_connections(fixture.server) == 0;
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    const char *log = fixture_server_close(&fixture);
    folder_remove(&store.folder);
    assert_true(ok);
    assert_non_null(strstr(log, "why=room"));
    assert_non_null(strstr(log, "why=timeout"));
}

TEST(what_is_being_counted_counts_for_its_source)
{
    struct store store = make_store();
    struct fixture_server fixture = fixture_server_open(store.address, 10, 1);
    const char *line = counted_line("");
    bool ok = true;
    int clients[3];

    for (int i = 0; i < 2; i++) {
        clients[i] = fixture_server_connect(&fixture, line);
        fixture_server_accept(&fixture, 1000);
    }
    ok = ok && server_connections(fixture.server) == 1 && fixture_server_has_closed(clients[1]);
    server_commit(fixture.server, 1000);
    ok = ok && strcmp(fixture_server_received(clients[0]), "YES stamped\r\n") == 0;
    clients[2] = fixture_server_connect(&fixture, line);
    fixture_server_accept(&fixture, 1000);
    server_commit(fixture.server, 1000);
    ok = ok && strcmp(fixture_server_received(clients[2]), "YES stamped\r\n") == 0;
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    const char *log = fixture_server_close(&fixture);
    folder_remove(&store.folder);
    assert_true(ok);
    assert_non_null(strstr(log, "why=too-many"));
}

/* The server's end comes before the end of the turn. */
TEST(what_is_being_counted_is_answered_at_the_end)
{
    struct store store = make_store();
    struct fixture_server fixture = fixture_server_open(store.address, 10, 10);
    const int clients[] = {fixture_server_connect(&fixture, counted_line("")),
            fixture_server_connect(&fixture, "x")};

    (void)server_accept(fixture.server, fixture.listener, 2, 1000);
    const char *log = fixture_server_close(&fixture);
    const bool ok = strcmp(fixture_server_received(clients[0]), "ALLOW uncounted\r\n") == 0 &&
                    strcmp(fixture_server_received(clients[1]), "") == 0;
    close(clients[0]);
    close(clients[1]);
    folder_remove(&store.folder);
    assert_true(ok);
    assert_non_null(strstr(log, "why=stopped"));
}

/* One more than may wait is answered without its count. */
TEST(too_many_wait_for_their_counts)
{
    enum { COUNTING_MAX = 4096 };
    struct endpoint at;
    const int silent = fixture_server_listen(&at); /* a Redis that never answers */
    char address[64];

    snprintf(address, sizeof address, "redis://127.0.0.1:%u", ntohs(at.address.v4.sin_port));
    struct fixture_server fixture = fixture_server_open(address, 10, 2 * COUNTING_MAX);
    const char *line = counted_line("");
    struct rlimit limit;
    bool ok = getrlimit(RLIMIT_NOFILE, &limit) == 0;

    const struct rlimit most = {limit.rlim_max, limit.rlim_max};
    ok = ok && limit.rlim_max > COUNTING_MAX + 100 && setrlimit(RLIMIT_NOFILE, &most) == 0;
    for (int i = 0; ok && i < COUNTING_MAX; i++) {
        close(fixture_server_connect(&fixture, line));
        fixture_server_accept(&fixture, 1000);
    }
    ok = ok && server_connections(fixture.server) == COUNTING_MAX;
    const int client = fixture_server_connect(&fixture, line);
    fixture_server_accept(&fixture, 1000);
    ok = ok && strcmp(fixture_server_received(client), "ALLOW uncounted\r\n") == 0;
    ok = ok && server_connections(fixture.server) == COUNTING_MAX &&
         fixture.counters->replay_failures == 1;
    close(client);
    (void)fixture_server_close(&fixture);
    close(silent);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_true(ok);
}
