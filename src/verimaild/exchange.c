// SPDX-License-Identifier: ISC
#include "verimaild/exchange.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "verimaild/connections.h"
#include "verimaild/questionlog.h"
#include "verimaild/sources.h"

#define ASIDE_MAX 65536     /* octets read at once of what nobody wants */
#define DISCARD_MAX 1048576 /* octets after which a peer that still sends is cut off */

struct exchange {
    const struct service *service;
    struct keyuse *keyuse;
    int epoll;
    int reserve; /* a descriptor kept to be able to refuse when there are no more */
    struct connections *connections;
    struct sources *sources;
    struct bucket classic;
    struct questionlog log;
    char room[QUESTION_MAX + 1]; /* one more than a question may have */
    char aside[ASIDE_MAX];
};

struct exchange *exchange_init(const struct service *service, struct keyuse *keyuse,
        const struct config_service *limits, int epoll)
{
    const struct sources_limits per_source = {
            .per_address = (uint32_t)limits->connections_per_address,
            .per_network = (uint32_t)limits->connections_per_network,
            .classic_rate = (uint32_t)limits->classic_rate_per_source,
    };
    struct exchange *x = calloc(1, sizeof *x);
    unsigned char seed[16];

    if (x == NULL)
        return NULL;
    randombytes_buf(seed, sizeof seed);
    x->service = service;
    x->keyuse = keyuse;
    x->epoll = epoll;
    x->reserve = dup(epoll);
    x->connections = connections_init(limits->connections);
    x->sources = sources_init(limits->connections, &per_source, seed);
    x->classic = (struct bucket){
            .rate = (uint32_t)limits->classic_rate, .burst = (uint32_t)limits->classic_rate};
    questionlog_init(&x->log);
    if (x->reserve < 0 || x->connections == NULL || x->sources == NULL)
        exchange_free(&x);
    return x;
}

static void drop(struct exchange *x, struct connection *connection)
{
    close(connection->fd);
    sources_remove(x->sources, &connection->source);
    connections_remove(x->connections, connection);
}

void exchange_free(struct exchange **exchange)
{
    struct exchange *x = *exchange;

    if (x == NULL)
        return;
    const uint64_t now = clock_milliseconds();
    while (x->connections != NULL && connections_count(x->connections) > 0) {
        struct connection *oldest = connections_oldest(x->connections);
        if (!oldest->answered)
            questionlog_unanswered(&x->log, "stopped", &oldest->source, now);
        drop(x, oldest);
    }
    questionlog_flush(&x->log, now, true);
    connections_free(&x->connections);
    sources_free(&x->sources);
    if (x->reserve >= 0)
        close(x->reserve);
    free(x);
    *exchange = NULL;
}

/* RSA costs two hundred times what a sealed payload does: it is rationed. */
static bool may_open(struct exchange *x, const struct inquiry *inquiry,
        const struct endpoint *source, uint64_t now)
{
    return inquiry->classic_key == NULL ||
           (sources_take_classic(x->sources, source, now) && bucket_take(&x->classic, now));
}

/* Sends the answer, and FIN in the same segment. */
static void send_answer(int fd, const struct inquiry *inquiry)
{
    char room[ANSWER_MAX];
    struct writer w = writer_of(room, sizeof room);

    if (!inquiry_answer(inquiry, &w))
        return;
    const struct text answer = writer_text(&w);
    /* An empty socket takes a line this short; if it is gone, nobody waits for the answer. */
    (void)!send(fd, answer.at, answer.len, MSG_MORE | MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(fd, SHUT_WR);
}

/* Answers a whole line. False when it must go unanswered. */
static bool answer(struct exchange *x, int fd, struct text line, const struct endpoint *source,
        uint64_t since, uint64_t now)
{
    struct inquiry inquiry;

    inquiry_read(x->service, line, &inquiry);
    if (!may_open(x, &inquiry, source, now)) {
        questionlog_unanswered(&x->log, "classic-rate", source, now);
        return false;
    }
    const uint64_t today = clock_unix();
    inquiry_judge(x->service, today, &inquiry);
    send_answer(fd, &inquiry);
    if (inquiry.well_formed && inquiry.payload_state == PAYLOAD_STATE_SEALED)
        keyuse_note(x->keyuse, inquiry.payload.sealed.key, inquiry.payload.sealed.is.issued, today);
    questionlog_answered(&x->log, &inquiry, source, now - since, now);
    sodium_memzero(&inquiry.payload, sizeof inquiry.payload);
    return true;
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
static bool make_room(struct exchange *x, uint64_t now)
{
    struct connection *oldest = connections_oldest(x->connections);

    if (oldest == NULL)
        return false;
    if (!oldest->answered)
        questionlog_unanswered(&x->log, "room", &oldest->source, now);
    drop(x, oldest);
    return true;
}

/* NULL when it cannot be held; the descriptor is then closed. */
static struct connection *hold(
        struct exchange *x, int fd, const struct endpoint *source, uint64_t now)
{
    struct connection *connection = connections_add(x->connections, fd, source, now);

    if (connection == NULL && make_room(x, now))
        connection = connections_add(x->connections, fd, source, now);
    if (connection == NULL) {
        close(fd);
        return NULL;
    }
    sources_add(x->sources, source);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP,
            .data.u64 = connections_index(x->connections, connection)};
    if (epoll_ctl(x->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        drop(x, connection);
        return NULL;
    }
    return connection;
}

/* After the answer: most peers have sent their line and nothing else, and are done with. Closing
 * while octets wait would send a reset, and a reset can overtake the answer. */
static bool sends_more(struct exchange *x, int fd)
{
    return recv(fd, x->aside, sizeof x->aside, MSG_DONTWAIT) > 0;
}

/* Reads what nobody wants. False when the connection should be closed. */
static bool discard(struct exchange *x, struct connection *connection)
{
    const ssize_t got = recv(connection->fd, x->aside, sizeof x->aside, MSG_DONTWAIT);

    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    connection->discarded += (uint32_t)got;
    return connection->discarded < DISCARD_MAX;
}

static void begin(struct exchange *x, int fd, const struct endpoint *source, uint64_t now)
{
    const ssize_t got = recv(fd, x->room, sizeof x->room, MSG_DONTWAIT);

    if (got < 0 && errno != EAGAIN && errno != EINTR) {
        close(fd);
        return;
    }
    const struct text octets = {x->room, got > 0 ? (size_t)got : 0};
    const size_t end = line_end(octets, got == 0);
    if (end > 0 || got == 0) {
        const struct text line = {x->room, end};
        const bool more = end < octets.len || end > QUESTION_MAX;
        if (!answer(x, fd, line, source, now, now) || !(more || sends_more(x, fd))) {
            close(fd);
            return;
        }
    }
    struct connection *connection = hold(x, fd, source, now);
    if (connection == NULL)
        return;
    connection->answered = end > 0 || got == 0;
    if (!connection->answered && octets.len > 0) {
        memcpy(connections_room(x->connections, connection), octets.at, octets.len);
        connection->used = (uint32_t)octets.len;
    }
}

/* No descriptors are left: something must give way, or the same event would come for ever. */
static bool relieve(struct exchange *x, int listener, uint64_t now)
{
    if (make_room(x, now))
        return true;
    close(x->reserve);
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    x->reserve = dup(x->epoll);
    return false;
}

bool exchange_accept(struct exchange *x, int listener, size_t most, uint64_t now)
{
    for (size_t i = 0; i < most; i++) {
        struct endpoint source = {.len = sizeof source.address};
        const int fd =
                accept4(listener, &source.address.any, &source.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && sources_may_open(x->sources, &source)) {
            begin(x, fd, &source, now);
        } else if (fd >= 0) {
            questionlog_unanswered(&x->log, "too-many", &source, now);
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

void exchange_continue(struct exchange *x, uint32_t index, uint64_t now)
{
    struct connection *connection = connections_at(x->connections, index);

    if (connection == NULL)
        return;
    if (connection->answered) {
        if (!discard(x, connection))
            drop(x, connection);
        return;
    }
    const size_t used = connection->used;
    const ssize_t got = recv(connection->fd, x->room + used, sizeof x->room - used, MSG_DONTWAIT);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR)
            drop(x, connection);
        return;
    }
    char *kept = connections_room(x->connections, connection);
    memcpy(x->room, kept, used);
    const struct text octets = {x->room, used + (size_t)got};
    const size_t end = line_end(octets, got == 0);
    if (end == 0 && got > 0) {
        memcpy(kept + used, x->room + used, (size_t)got);
        connection->used += (uint32_t)got;
        return;
    }
    const struct text line = {x->room, end};
    const bool more = end < octets.len || end > QUESTION_MAX;
    if (answer(x, connection->fd, line, &connection->source, connection->since, now) &&
            (more || sends_more(x, connection->fd)))
        connection->answered = true;
    else
        drop(x, connection);
}

void exchange_expire(struct exchange *x, uint64_t now)
{
    struct connection *oldest = connections_oldest(x->connections);

    while (oldest != NULL && now >= oldest->since + EXCHANGE_DEADLINE) {
        if (!oldest->answered)
            questionlog_unanswered(&x->log, "timeout", &oldest->source, now);
        drop(x, oldest);
        oldest = connections_oldest(x->connections);
    }
    questionlog_flush(&x->log, now, false);
}

size_t exchange_held(const struct exchange *x)
{
    return connections_count(x->connections);
}

int exchange_time_left(const struct exchange *x, uint64_t now)
{
    const struct connection *oldest = connections_oldest(x->connections);
    uint64_t end = questionlog_due(&x->log);

    if (oldest != NULL && oldest->since + EXCHANGE_DEADLINE < end)
        end = oldest->since + EXCHANGE_DEADLINE;
    if (end == UINT64_MAX)
        return -1;
    return end > now ? (int)(end - now) : 0;
}
