// SPDX-License-Identifier: ISC
#include "verimaild/server.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "replay/replay.h"
#include "verimaild/connection.h"
#include "verimaild/sealed_clients.h"
#include "verimaild/stats.h"
#include "verimaild/tables.h"

#define SCRATCH_MAX 65536   /* octets read at once of what is discarded */
#define DISCARD_MAX 1048576 /* octets after which a peer that still sends is cut off */
#define COUNTING_MAX 4096   /* questions that wait for their counts; more are not counted */
#define HEALTH_EVERY 1000   /* milliseconds between two looks at the store's health */

/* What each process does in a second for clients of 2013: opening a payload costs some 200 times
 * what another question does. The benchmark's build has higher ones. */
#ifndef CLASSIC_RATE
#define CLASSIC_RATE 1000
#define CLASSIC_RATE_PER_SOURCE 50
#endif
#define CONNECTIONS_NETWORK 4 /* times what an address may have, for an IPv6 network of 48 bits */

struct server {
    const struct service *service;
    int epoll;
    int reserve; /* a descriptor kept to be able to refuse when there are no more */
    struct connection_pool *pool;
    size_t held_max;
    size_t counting;
    struct connection_limits *limits;
    struct ratelimit classic;
    struct ration *ration;
    struct stats stats;
    struct tables *tables;
    struct replay *replay;
    struct sealed_clients *clients;
    uint64_t health_at; /* milliseconds: the next look at the store's health */
    bool uncounted;     /* something was, since the last */
    uint64_t turn_ms;   /* milliseconds: of this turn */
    char scratch[SCRATCH_MAX];
};

static void server_on_counted(void *context, struct count_request *request);

static bool server_open_stores(struct server *s, const struct server_setup *setup)
{
    const struct replay_setup store = {
            .address = setup->config->replay.at,
            .password = service_replay_password(setup->service),
            .ca = setup->config->replay_ca.at,
            .keep = service_keep(setup->service),
            .done = server_on_counted,
            .context = s,
    };

    /* Both handle SIGBUS for the pages of their files. The tables do last: they live on, and hand
     * on what is not theirs. */
    s->replay = replay_open(&store, mono_ms(), unix_now());
    s->tables = tables_open(setup->service, mono_ms());
    return s->tables != NULL && s->replay != NULL;
}

static void server_look_at_health(struct server *s, uint64_t mono_ms)
{
    struct replay_health health;

    s->uncounted = false;
    replay_health(s->replay, &health);
    stats_store(&s->stats, &health, mono_ms);
    s->health_at = mono_ms + HEALTH_EVERY;
}

struct server *server_init(const struct server_setup *setup)
{
    const struct config_service *config = setup->config;
    const struct connection_limits_setup limits = {
            .per_address = (uint32_t)config->connections_per_address,
            .per_network = CONNECTIONS_NETWORK * (uint32_t)config->connections_per_address,
            .classic_rate = CLASSIC_RATE_PER_SOURCE,
    };
    struct server *s = calloc(1, sizeof *s);
    unsigned char seed[16];

    if (s == NULL)
        return NULL;
    randombytes_buf(seed, sizeof seed);
    s->service = setup->service;
    s->epoll = setup->epoll;
    s->reserve = dup(setup->epoll);
    s->held_max = config->connections;
    /* One more: that which was just accepted. */
    s->pool = connection_pool_init(config->connections + COUNTING_MAX + 1);
    s->limits = connection_limits_init(config->connections + COUNTING_MAX, &limits, seed);
    s->classic = (struct ratelimit){.rate = CLASSIC_RATE, .burst = CLASSIC_RATE};
    s->ration = ration_init(setup->workers, seed);
    s->clients = sealed_clients_init(seed);
    stats_init(&s->stats, setup->keyuse, setup->counters, setup->ring, s->ration);
    s->stats.alarm.said[COUNTER_ALARM_REPLAY] = setup->stores_alarmed;
    s->stats.alarm.said[COUNTER_ALARM_USERS] = setup->stores_alarmed;
    if (s->reserve < 0 || s->pool == NULL || s->limits == NULL || s->ration == NULL ||
            s->clients == NULL || !server_open_stores(s, setup)) {
        server_free(&s);
        return NULL;
    }
    server_look_at_health(s, mono_ms());
    if (!tables_are_open(s->tables))
        stats_tables(&s->stats, tables_take_error(s->tables), mono_ms());
    return s;
}

static void server_close(struct server *s, struct connection *c)
{
    close(c->fd);
    if (c->limited)
        connection_limits_remove(s->limits, &c->source);
    connection_pool_give(s->pool, c);
}

/* Closes the connection that has had the most time. `why`: as stats_unanswered(). False when none
 * is held. */
static bool server_close_oldest(struct server *s, const char *why, uint64_t mono_ms)
{
    struct connection *oldest = connection_pool_oldest(s->pool);

    if (oldest == NULL)
        return false;
    if (oldest->state == CONNECTION_READING)
        stats_unanswered(&s->stats, why, &oldest->source, mono_ms);
    server_close(s, oldest);
    return true;
}

void server_free(struct server **server)
{
    struct server *s = *server;

    if (s == NULL)
        return;
    const uint64_t now = mono_ms();
    if (s->replay != NULL) /* it may be why this process ends */
        server_look_at_health(s, now);
    replay_close(&s->replay); /* which first is done with what it was given */
    while (s->pool != NULL && server_close_oldest(s, "stopped", now))
        continue;
    question_log_flush(&s->stats.log, now, true);
    tables_close(&s->tables);
    ration_free(&s->ration);
    sealed_clients_free(&s->clients);
    connection_pool_free(&s->pool);
    connection_limits_free(&s->limits);
    if (s->reserve >= 0)
        close(s->reserve);
    free(s);
    *server = NULL;
}

static void server_limit(struct server *s, struct connection *c)
{
    if (!c->limited)
        connection_limits_add(s->limits, &c->source);
    c->limited = true;
}

/* Waits for what comes on it, for SERVER_DEADLINE from now if it is not held already. Closes it
 * when that cannot be. */
static void server_hold(struct server *s, struct connection *c, uint64_t mono_ms)
{
    struct epoll_event event = {
            .events = EPOLLIN | EPOLLRDHUP, .data.u64 = connection_pool_index(s->pool, c)};

    if (c->held)
        return;
    if (connection_pool_held(s->pool) == s->held_max)
        (void)server_close_oldest(s, "room", mono_ms);
    server_limit(s, c);
    c->since = mono_ms;
    connection_pool_hold(s->pool, c);
    if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        server_close(s, c);
}

/* Whatever comes on it must wait. */
static void server_release(struct server *s, struct connection *c)
{
    if (c->held)
        epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
    connection_pool_release(s->pool, c);
}

/* Sends the answer, and FIN in the same segment. False when nothing may be answered. */
static bool server_send(const struct connection *c)
{
    char buffer[SEALED_ANSWER_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    if (!query_answer(&c->query, &w))
        return false;
    const struct text answer = writer_text(&w);
    /* An empty socket takes a line this short; if it does not, the client is gone. */
    (void)!send(c->fd, answer.at, answer.len, MSG_MORE | MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(c->fd, SHUT_WR);
    return true;
}

/* Most peers have sent their line and nothing else, and are done with. Closing while octets wait
 * would send a reset, and a reset can overtake the answer. */
static bool server_sends_more(struct server *s, const struct connection *c)
{
    return c->more || recv(c->fd, s->scratch, sizeof s->scratch, MSG_DONTWAIT) > 0;
}

static void server_answer(struct server *s, struct connection *c, uint64_t mono_ms)
{
    const bool sent = server_send(c);

    if (sent) {
        stats_answered(&s->stats, &c->query, &c->source, mono_ms - c->since, mono_ms, unix_ms());
    } else {
        stats_tables(&s->stats, tables_take_error(s->tables), mono_ms);
        stats_unanswered(&s->stats, "users", &c->source, mono_ms);
    }
    if (c->query.seal.is_sealed)
        sealed_clients_keep(s->clients, c->query.seal.key_id, c->query.seal.client,
                &c->query.seal.secret, query_host(&c->query).len > 0);
    sodium_memzero(&c->query.seal.secret, sizeof c->query.seal.secret);
    sodium_memzero(&c->query.payload, sizeof c->query.payload);
    if (!sent || !server_sends_more(s, c)) {
        server_close(s, c);
        return;
    }
    c->state = CONNECTION_DRAINING;
    server_hold(s, c, mono_ms);
}

static void server_on_counted(void *context, struct count_request *request)
{
    struct server *s = context;
    struct connection *c =
            (struct connection *)((char *)request - offsetof(struct connection, request));

    s->counting--;
    s->uncounted = s->uncounted || request->result == REPLAY_FAILED;
    judge_counted(&c->query.judgement, request->result);
    server_answer(s, c, s->turn_ms);
}

/* Hands the payload to the store. */
static void server_count(struct server *s, struct connection *c, uint64_t mono_ms)
{
    const struct domain_policy *policy = c->query.judgement.policy;

    if (s->counting == COUNTING_MAX) {
        stats_uncounted(&s->stats, mono_ms);
        judge_counted(&c->query.judgement, REPLAY_FAILED);
        server_answer(s, c, mono_ms);
        return;
    }
    server_release(s, c);
    server_limit(s, c);
    c->state = CONNECTION_COUNTING;
    s->counting++;
    s->turn_ms = mono_ms;
    count_request_make(&c->query.payload.sealed, c->query.question.rcpt,
            (uint32_t)policy->checks_per_recipient, policy->lifetime, &c->request);
    replay_submit(s->replay, &c->request, mono_ms, unix_now());
}

static bool server_may_open(struct server *s, const struct connection *c, uint64_t mono_ms)
{
    return c->query.classic_key == NULL ||
           (connection_limits_take_classic(s->limits, &c->source, mono_ms) &&
                   ratelimit_take(&s->classic, mono_ms));
}

static void server_judge(struct server *s, struct connection *c, struct text line, uint64_t mono_ms)
{
    struct query *query = &c->query;
    const uint64_t now = unix_now();

    /* A sealed line is never answered in plain. */
    if (query_unseal(s->service, s->clients, line, c->line, &line, &query->seal) ==
            QUERY_NOT_OPENED) {
        stats_not_opened(&s->stats, query->seal.key_id, &c->source, mono_ms);
        server_close(s, c);
        return;
    }
    query_read(s->service, line, query);
    if (!server_may_open(s, c, mono_ms)) {
        stats_unanswered(&s->stats, "classic-rate", &c->source, mono_ms);
        server_close(s, c);
        return;
    }
    if (query->well_formed)
        query_open(s->service, tables_lookup(s->tables), replay_purged(s->replay, now), now, query);
    if (query->well_formed && judge_begin(&query->judge, &query->judgement) == JUDGE_COUNT)
        server_count(s, c, mono_ms);
    else
        server_answer(s, c, mono_ms);
}

static size_t server_line_max(const struct connection *c)
{
    return sealed_is((struct text){c->line, c->used}) ? SEALED_QUESTION_MAX : QUESTION_MAX;
}

/* Where the question ends in what came of it, with its LF; 0 when it has not ended. What is too
 * long ends where it became so, and is then found malformed. */
static size_t server_line_end(const struct connection *c, bool at_end)
{
    const char *lf = memchr(c->line, '\n', c->used);

    if (lf != NULL)
        return (size_t)(lf - c->line) + 1;
    return at_end || c->used > server_line_max(c) ? c->used : 0;
}

static void server_read(struct server *s, struct connection *c, uint64_t mono_ms)
{
    const ssize_t got = recv(c->fd, c->line + c->used, sizeof c->line - c->used, MSG_DONTWAIT);

    if (got < 0 && errno != EAGAIN && errno != EINTR) {
        server_close(s, c);
        return;
    }
    c->used += got > 0 ? (size_t)got : 0;
    const size_t end = got >= 0 ? server_line_end(c, got == 0) : 0;
    if (end == 0 && got != 0) {
        server_hold(s, c, mono_ms);
        return;
    }
    c->more = end < c->used || end > server_line_max(c);
    server_judge(s, c, (struct text){c->line, end}, mono_ms);
}

/* Reads and discards what still comes after the answer. */
static void server_drain(struct server *s, struct connection *c)
{
    const ssize_t got = recv(c->fd, s->scratch, sizeof s->scratch, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    c->discarded += got > 0 ? (uint32_t)got : 0;
    if (got <= 0 || c->discarded >= DISCARD_MAX)
        server_close(s, c);
}

void server_on_readable(struct server *s, uint32_t index, uint64_t mono_ms)
{
    struct connection *c = connection_pool_at(s->pool, index);

    if (c == NULL)
        return;
    switch (c->state) {
    case CONNECTION_READING:
        server_read(s, c, mono_ms);
        break;
    case CONNECTION_COUNTING:
        break; /* the event was for one that had this place before */
    case CONNECTION_DRAINING:
        server_drain(s, c);
        break;
    }
}

/* No descriptors are left: something must give way, or the same event would come for ever. */
static bool server_relieve(struct server *s, int listener, uint64_t mono_ms)
{
    if (server_close_oldest(s, "room", mono_ms))
        return true;
    close(s->reserve);
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    s->reserve = dup(s->epoll);
    return false;
}

static void server_begin(struct server *s, int fd, const struct endpoint *source, uint64_t mono_ms)
{
    struct connection *c = connection_limits_may_open(s->limits, source)
                                   ? connection_pool_take(s->pool, fd, source, mono_ms)
                                   : NULL;

    if (c != NULL) {
        server_read(s, c, mono_ms);
        return;
    }
    stats_unanswered(&s->stats, "too-many", source, mono_ms);
    close(fd);
}

bool server_accept(struct server *s, int listener, size_t most, uint64_t mono_ms)
{
    for (size_t i = 0; i < most; i++) {
        struct endpoint source = {.len = sizeof source.address};
        const int fd =
                accept4(listener, &source.address.any, &source.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            server_begin(s, fd, &source, mono_ms);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (!server_relieve(s, listener, mono_ms))
                return false;
        } else if (errno == EAGAIN) {
            return false;
        } /* else a connection that broke before it was taken: on to the next */
    }
    return true;
}

void server_commit(struct server *s, uint64_t mono_ms)
{
    const uint64_t seconds = unix_now();

    s->turn_ms = mono_ms;
    replay_commit(s->replay, mono_ms, seconds);
    replay_turn(s->replay, mono_ms, seconds);
    if (mono_ms >= s->health_at)
        server_look_at_health(s, mono_ms);
}

bool server_has_stores(const struct server *s)
{
    struct replay_health health;

    replay_health(s->replay, &health);
    return !health.closed && tables_are_open(s->tables);
}

int server_store(const struct server *s)
{
    return replay_fd(s->replay);
}

bool server_is_stale(const struct server *s, uint64_t mono_ms)
{
    return replay_is_stale(s->replay) || tables_are_stale(s->tables, mono_ms);
}

/* When the oldest has had its time; UINT64_MAX: none is held. */
static uint64_t server_due(const struct server *s)
{
    const struct connection *oldest = connection_pool_oldest(s->pool);

    return oldest != NULL ? oldest->since + SERVER_DEADLINE : UINT64_MAX;
}

void server_expire(struct server *s, uint64_t mono_ms)
{
    while (server_due(s) <= mono_ms && server_close_oldest(s, "timeout", mono_ms))
        continue;
    question_log_flush(&s->stats.log, mono_ms, false);
}

size_t server_connections(const struct server *s)
{
    return connection_pool_taken(s->pool);
}

int server_time_left(const struct server *s, uint64_t mono_ms)
{
    const int store = replay_time_left(s->replay, mono_ms);
    uint64_t end = question_log_due(&s->stats.log);

    if (server_due(s) < end)
        end = server_due(s);
    if (s->uncounted && s->health_at < end)
        end = s->health_at;
    if (store >= 0 && mono_ms + (uint64_t)store < end)
        end = mono_ms + (uint64_t)store;
    if (end == UINT64_MAX)
        return -1;
    return end > mono_ms ? (int)(end - mono_ms) : 0;
}
