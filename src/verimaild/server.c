// SPDX-License-Identifier: ISC
#include "verimaild/server.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "replay/replay.h"
#include "verimaild/connection.h"
#include "verimaild/connection_limits.h"
#include "verimaild/desk.h"
#include "verimaild/stats.h"
#include "verimaild/tables.h"

#define ASIDE_MAX 65536     /* octets read at once of what nobody wants */
#define DISCARD_MAX 1048576 /* octets after which a peer that still sends is cut off */
#define DESK_PLACES 4096    /* questions that wait for their counts; more are not counted */
#define LOOK_EVERY 1000     /* milliseconds between two looks at how the store is */

/* What each process does in a second for clients of 2013: opening a payload costs some 200 times
 * what another question does. A benchmark sets them higher. */
#ifndef CLASSIC_RATE
#define CLASSIC_RATE 1000
#define CLASSIC_RATE_PER_SOURCE 50
#endif
#define CONNECTIONS_NETWORK 4 /* times what an address may have, for an IPv6 network of 48 bits */

struct server {
    const struct service *service;
    int epoll;
    int reserve; /* a descriptor kept to be able to refuse when there are no more */
    struct connections *connections;
    struct connection_limits *sources;
    struct ratelimit classic;
    struct stats books;
    struct tables *tables;
    struct replay *replay;
    uint64_t look_at; /* milliseconds: when to look at the store */
    bool uncounted;   /* something was, since then */
    uint64_t now;     /* of this turn */
    struct desk *desk;
    struct asked *hand; /* the place on the desk for the next question */
    char aside[ASIDE_MAX];
};

static void server_on_counted(void *context, struct count_request *item);

static bool open_stores(struct server *x, const struct server_setup *setup)
{
    const struct replay_setup store = {
            .address = setup->config->replay.at,
            .password = service_replay_password(setup->service),
            .ca = setup->config->replay_ca.at,
            .keep = service_keep(setup->service),
            .done = server_on_counted,
            .context = x,
    };

    /* Both want to hear of pages that are not there. The tables do last: they live on, and hand on
     * what is not theirs. */
    x->replay = replay_open(&store, mono_ms(), unix_now());
    x->tables = tables_open(setup->service, mono_ms());
    return x->tables != NULL && x->replay != NULL;
}

static void look_at_store(struct server *x, uint64_t now)
{
    struct replay_health health;

    x->uncounted = false;
    replay_health(x->replay, &health);
    stats_store(&x->books, &health, now);
}

struct server *server_init(const struct server_setup *setup)
{
    const struct config_service *limits = setup->config;
    const struct connection_limits_limits per_source = {
            .per_address = (uint32_t)limits->connections_per_address,
            .per_network = CONNECTIONS_NETWORK * (uint32_t)limits->connections_per_address,
            .classic_rate = CLASSIC_RATE_PER_SOURCE,
    };
    struct server *x = calloc(1, sizeof *x);
    unsigned char seed[16];

    if (x == NULL)
        return NULL;
    randombytes_buf(seed, sizeof seed);
    x->service = setup->service;
    x->epoll = setup->epoll;
    x->reserve = dup(setup->epoll);
    x->connections = connections_init(limits->connections);
    x->sources = connection_limits_init(limits->connections + DESK_PLACES, &per_source, seed);
    x->classic = (struct ratelimit){.rate = CLASSIC_RATE, .burst = CLASSIC_RATE};
    stats_init(&x->books, setup->keyuse, setup->counters, setup->ring);
    x->desk = desk_init(DESK_PLACES);
    if (x->desk != NULL)
        x->hand = desk_take(x->desk);
    if (x->reserve < 0 || x->connections == NULL || x->sources == NULL || x->desk == NULL ||
            !open_stores(x, setup))
        server_free(&x);
    else
        look_at_store(x, mono_ms());
    return x;
}

static void server_drop(struct server *x, struct connection *connection)
{
    close(connection->fd);
    connection_limits_remove(x->sources, &connection->source);
    connections_remove(x->connections, connection);
}

void server_free(struct server **server)
{
    struct server *x = *server;

    if (x == NULL)
        return;
    const uint64_t now = mono_ms();
    if (x->replay != NULL) /* it may be why this process ends */
        look_at_store(x, now);
    replay_close(&x->replay); /* which first is done with what it was given */
    while (x->connections != NULL && connections_count(x->connections) > 0) {
        struct connection *oldest = connections_oldest(x->connections);
        if (!oldest->answered)
            stats_unanswered(&x->books, "stopped", &oldest->source, now);
        server_drop(x, oldest);
    }
    question_log_flush(&x->books.log, now, true);
    tables_close(&x->tables);
    desk_free(&x->desk);
    connections_free(&x->connections);
    connection_limits_free(&x->sources);
    if (x->reserve >= 0)
        close(x->reserve);
    free(x);
    *server = NULL;
}

/* RSA costs two hundred times what a sealed payload does: it is rationed. */
static bool may_open(
        struct server *x, const struct query *inquiry, const struct endpoint *source, uint64_t now)
{
    return inquiry->classic_key == NULL ||
           (connection_limits_take_classic(x->sources, source, now) &&
                   ratelimit_take(&x->classic, now));
}

/* Sends the answer, and FIN in the same segment. False when nothing may be answered. */
static bool send_answer(int fd, const struct query *inquiry)
{
    char room[ANSWER_MAX];
    struct writer w = writer_of(room, sizeof room);

    if (!query_answer(inquiry, &w))
        return false;
    const struct text answer = writer_text(&w);
    /* An empty socket takes a line this short; if it is gone, nobody waits for the answer. */
    (void)!send(fd, answer.at, answer.len, MSG_MORE | MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(fd, SHUT_WR);
    return true;
}

/* Judges the question in a line. False when it must go unanswered. */
static bool judge_line(struct server *x, struct asked *asked, struct text line, uint64_t now)
{
    struct query *inquiry = &asked->inquiry;

    query_read(x->service, line, inquiry);
    if (!may_open(x, inquiry, &asked->source, now)) {
        stats_unanswered(&x->books, "classic-rate", &asked->source, now);
        return false;
    }
    asked->must_count = false;
    if (inquiry->well_formed) {
        query_open(
                x->service, tables_rules(x->tables), replay_purged(x->replay), unix_now(), inquiry);
        asked->must_count = judge_begin(&inquiry->judge, &inquiry->judgement) == JUDGE_COUNT;
    }
    return true;
}

/* False when nothing may be answered. */
static bool server_reply(struct server *x, struct asked *asked, uint64_t now)
{
    const bool sent = send_answer(asked->fd, &asked->inquiry);

    if (sent) {
        stats_answered(&x->books, asked, now, unix_ms());
    } else {
        stats_tables(&x->books, tables_take_error(x->tables), now);
        stats_unanswered(&x->books, "users", &asked->source, now);
    }
    sodium_memzero(&asked->inquiry.payload, sizeof asked->inquiry.payload);
    return sent;
}

/* Where the question ends in `got`, with its LF; 0 when it has not ended. What is too long ends
 * where it became so, and is then found malformed. */
static size_t line_end(struct text got, bool at_end)
{
    const char *lf = got.len > 0 ? memchr(got.at, '\n', got.len) : NULL;

    if (lf != NULL)
        return (size_t)(lf - got.at) + 1;
    return at_end || got.len > QUESTION_MAX ? got.len : 0;
}

/* Makes room by closing the connection that has had the most time. */
static bool server_make_room(struct server *x, uint64_t now)
{
    struct connection *oldest = connections_oldest(x->connections);

    if (oldest == NULL)
        return false;
    if (!oldest->answered)
        stats_unanswered(&x->books, "room", &oldest->source, now);
    server_drop(x, oldest);
    return true;
}

/* NULL when it cannot be held; the descriptor is then closed. */
static struct connection *server_hold(
        struct server *x, int fd, const struct endpoint *source, uint64_t now)
{
    struct connection *connection = connections_add(x->connections, fd, source, now);

    if (connection == NULL && server_make_room(x, now))
        connection = connections_add(x->connections, fd, source, now);
    if (connection == NULL) {
        close(fd);
        return NULL;
    }
    connection_limits_add(x->sources, source);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP,
            .data.u64 = connections_index(x->connections, connection)};
    if (epoll_ctl(x->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        server_drop(x, connection);
        return NULL;
    }
    return connection;
}

/* After the answer: most peers have sent their line and nothing else, and are done with. Closing
 * while octets wait would send a reset, and a reset can overtake the answer. */
static bool sends_more(struct server *x, int fd)
{
    return recv(fd, x->aside, sizeof x->aside, MSG_DONTWAIT) > 0;
}

/* Reads what nobody wants. False when the connection should be closed. */
static bool discard(struct server *x, struct connection *connection)
{
    const ssize_t got = recv(connection->fd, x->aside, sizeof x->aside, MSG_DONTWAIT);

    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    connection->discarded += (uint32_t)got;
    return connection->discarded < DISCARD_MAX;
}

/* Answers on a connection that is not held: closed then, or held until its peer stops sending. */
static void server_settle(struct server *x, struct asked *asked, uint64_t now)
{
    if (!server_reply(x, asked, now) || !(asked->more || sends_more(x, asked->fd))) {
        close(asked->fd);
        return;
    }
    struct connection *connection = server_hold(x, asked->fd, &asked->source, now);
    if (connection != NULL)
        connection->answered = true;
}

static void server_on_counted(void *context, struct count_request *item)
{
    struct server *x = context;
    struct asked *asked = (struct asked *)item;

    x->uncounted = x->uncounted || item->result == REPLAY_FAILED;
    judge_counted(&asked->inquiry.judgement, item->result);
    connection_limits_remove(x->sources, &asked->source);
    server_settle(x, asked, x->now);
    desk_give(x->desk, asked);
}

/* Hands the question in hand, whose connection is not held, to the store. */
static void count(struct server *x, uint64_t now)
{
    struct asked *asked = x->hand;
    const struct query *inquiry = &asked->inquiry;
    const struct domain_policy *policy = inquiry->judgement.policy;
    struct asked *next = desk_take(x->desk);

    if (next == NULL) {
        stats_uncounted(&x->books, now);
        judge_counted(&asked->inquiry.judgement, REPLAY_FAILED);
        server_settle(x, asked, now);
        return;
    }
    x->hand = next;
    x->now = now;
    connection_limits_add(x->sources, &asked->source);
    count_request_make(&inquiry->payload.sealed, inquiry->question.rcpt,
            policy->checks_per_recipient, policy->lifetime, &asked->item);
    replay_submit(x->replay, &asked->item, now, unix_now());
}

static bool must_count(const struct asked *asked)
{
    return asked->must_count;
}

static void server_begin(struct server *x, int fd, const struct endpoint *source, uint64_t now)
{
    struct asked *asked = x->hand;
    const ssize_t got = recv(fd, asked->line, sizeof asked->line, MSG_DONTWAIT);

    if (got < 0 && errno != EAGAIN && errno != EINTR) {
        close(fd);
        return;
    }
    const struct text octets = {asked->line, got > 0 ? (size_t)got : 0};
    const size_t end = line_end(octets, got == 0);
    if (end > 0 || got == 0) {
        asked->fd = fd;
        asked->source = *source;
        asked->since = now;
        asked->more = end < octets.len || end > QUESTION_MAX;
        if (!judge_line(x, asked, (struct text){asked->line, end}, now))
            close(fd);
        else if (must_count(asked))
            count(x, now);
        else
            server_settle(x, asked, now);
        return;
    }
    struct connection *connection = server_hold(x, fd, source, now);
    if (connection != NULL && octets.len > 0) {
        memcpy(connections_room(x->connections, connection), octets.at, octets.len);
        connection->used = (uint32_t)octets.len;
    }
}

/* No descriptors are left: something must give way, or the same event would come for ever. */
static bool relieve(struct server *x, int listener, uint64_t now)
{
    if (server_make_room(x, now))
        return true;
    close(x->reserve);
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    x->reserve = dup(x->epoll);
    return false;
}

bool server_accept(struct server *x, int listener, size_t most, uint64_t now)
{
    for (size_t i = 0; i < most; i++) {
        struct endpoint source = {.len = sizeof source.address};
        const int fd =
                accept4(listener, &source.address.any, &source.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && connection_limits_may_open(x->sources, &source)) {
            server_begin(x, fd, &source, now);
        } else if (fd >= 0) {
            stats_unanswered(&x->books, "too-many", &source, now);
            close(fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (!relieve(x, listener, now))
                return false;
        } else if (errno == EAGAIN) {
            return false;
        } /* else a connection that broke before it was taken: on to the next */
    }
    return true;
}

/* Its descriptor stays open. */
static void server_let_go(struct server *x, struct connection *connection)
{
    epoll_ctl(x->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
    connection_limits_remove(x->sources, &connection->source);
    connections_remove(x->connections, connection);
}

/* The question of a held connection is whole: the first `end` of the octets in hand. */
static void end_question(struct server *x, struct connection *connection, struct text octets,
        size_t end, uint64_t now)
{
    struct asked *asked = x->hand;

    asked->fd = connection->fd;
    asked->source = connection->source;
    asked->since = connection->since;
    asked->more = end < octets.len || end > QUESTION_MAX;
    const bool judged = judge_line(x, asked, (struct text){octets.at, end}, now);
    if (judged && must_count(asked)) {
        server_let_go(x, connection);
        count(x, now);
    } else if (judged && server_reply(x, asked, now) &&
               (asked->more || sends_more(x, connection->fd))) {
        connection->answered = true;
    } else {
        server_drop(x, connection);
    }
}

void server_continue(struct server *x, uint32_t index, uint64_t now)
{
    struct connection *connection = connections_at(x->connections, index);
    char *line = x->hand->line;

    if (connection == NULL)
        return;
    if (connection->answered) {
        if (!discard(x, connection))
            server_drop(x, connection);
        return;
    }
    const size_t used = connection->used;
    const ssize_t got =
            recv(connection->fd, line + used, sizeof x->hand->line - used, MSG_DONTWAIT);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR)
            server_drop(x, connection);
        return;
    }
    char *kept = connections_room(x->connections, connection);
    memcpy(line, kept, used);
    const struct text octets = {line, used + (size_t)got};
    const size_t end = line_end(octets, got == 0);
    if (end > 0 || got == 0) {
        end_question(x, connection, octets, end, now);
        return;
    }
    memcpy(kept + used, line + used, (size_t)got);
    connection->used += (uint32_t)got;
}

void server_count(struct server *x, uint64_t now)
{
    const uint64_t today = unix_now();

    x->now = now;
    replay_commit(x->replay, now, today);
    replay_turn(x->replay, now, today);
    if (now < x->look_at)
        return;
    look_at_store(x, now);
    x->look_at = now + LOOK_EVERY;
}

int server_store(const struct server *x)
{
    return replay_fd(x->replay);
}

bool server_is_stale(const struct server *x, uint64_t now)
{
    return replay_is_stale(x->replay) || tables_are_stale(x->tables, now);
}

void server_expire(struct server *x, uint64_t now)
{
    struct connection *oldest = connections_oldest(x->connections);

    while (oldest != NULL && now >= oldest->since + SERVER_DEADLINE) {
        if (!oldest->answered)
            stats_unanswered(&x->books, "timeout", &oldest->source, now);
        server_drop(x, oldest);
        oldest = connections_oldest(x->connections);
    }
    question_log_flush(&x->books.log, now, false);
}

size_t server_held(const struct server *x)
{
    return connections_count(x->connections) + desk_count(x->desk) - 1;
}

int server_time_left(const struct server *x, uint64_t now)
{
    const struct connection *oldest = connections_oldest(x->connections);
    const int store = replay_time_left(x->replay, now);
    uint64_t end = question_log_due(&x->books.log);

    if (oldest != NULL && oldest->since + SERVER_DEADLINE < end)
        end = oldest->since + SERVER_DEADLINE;
    if (x->uncounted && x->look_at < end)
        end = x->look_at;
    if (store >= 0 && now + (uint64_t)store < end)
        end = now + (uint64_t)store;
    if (end == UINT64_MAX)
        return -1;
    return end > now ? (int)(end - now) : 0;
}
