// SPDX-License-Identifier: ISC
#include "client/attempt.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* Connections that are being made, one for each endpoint; -1: none. */
struct connect {
    const struct endpoint *endpoints;
    size_t count;
    size_t started;
    size_t open;
    uint64_t deadline;
    uint64_t next; /* when to start the next one */
    bool is_short; /* one was not tried for want of a local resource */
    int fds[ATTEMPT_ADDRESSES_MAX];
    struct attempt *attempt;
};

/* For poll(). */
static int attempt_remaining(uint64_t deadline)
{
    const uint64_t now = mono_ms();
    const uint64_t left = now < deadline ? deadline - now : 0;

    return left < INT_MAX ? (int)left : INT_MAX;
}

/* A lack of local resources says nothing about the other side. */
static bool attempt_is_local_error(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == EAGAIN || error == EADDRNOTAVAIL;
}

/* The next address is tried at once. */
static void connect_fail(struct connect *c, size_t i, int error)
{
    const bool is_local = attempt_is_local_error(error);

    c->attempt->addresses[i].state = is_local ? ATTEMPT_UNTRIED : ATTEMPT_REFUSED;
    /* Why one was not even tried is what is told. */
    if (is_local || !c->is_short)
        c->attempt->error = error;
    c->is_short = c->is_short || is_local;
    c->next = 0;
    if (c->fds[i] >= 0) {
        close(c->fds[i]);
        c->fds[i] = -1;
        c->open--;
    }
}

/* Starts the connection attempt to the next endpoint. */
static void connect_next(struct connect *c, uint64_t now)
{
    const size_t i = c->started++;
    const struct endpoint *endpoint = &c->endpoints[i];

    c->next = now + ATTEMPT_DELAY;
    c->attempt->addresses[i] = (struct attempt_address){ATTEMPT_SILENT, c->deadline - now};
    c->fds[i] =
            socket(endpoint->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fds[i] < 0) {
        connect_fail(c, i, errno);
        return;
    }
    c->open++;
    if (connect(c->fds[i], &endpoint->address.any, endpoint->len) != 0 && errno != EINPROGRESS)
        connect_fail(c, i, errno);
}

/* The index of a connection that is established; `count`: none is. */
static size_t connect_check(struct connect *c, const struct pollfd *polled)
{
    for (size_t i = 0; i < c->started; i++) {
        int error = 0;
        socklen_t size = sizeof error;
        if (c->fds[i] < 0 || polled[i].revents == 0)
            continue;
        if (getsockopt(c->fds[i], SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            error = errno;
        if (error == 0)
            return i;
        connect_fail(c, i, error);
    }
    return c->count;
}

/* The same, after a wait until `until` at most. */
static size_t connect_wait(struct connect *c, uint64_t until)
{
    struct pollfd polled[ATTEMPT_ADDRESSES_MAX];

    for (size_t i = 0; i < c->started; i++)
        polled[i] = (struct pollfd){.fd = c->fds[i], .events = POLLOUT};
    if (poll(polled, c->started, attempt_remaining(until)) <= 0)
        return c->count;
    return connect_check(c, polled);
}

static size_t connect_run(struct connect *c)
{
    size_t winner = c->count;

    while (winner == c->count && (c->open > 0 || c->started < c->count)) {
        const uint64_t now = mono_ms();
        if (now >= c->deadline)
            break;
        if (c->started < c->count && now >= c->next)
            connect_next(c, now);
        const bool more = c->started < c->count && c->next < c->deadline;
        if (c->open > 0)
            winner = connect_wait(c, more ? c->next : c->deadline);
    }
    return winner;
}

/* Closes every connection but the winner. */
static void connect_close(struct connect *c, size_t winner)
{
    for (size_t i = 0; i < c->started; i++) {
        if (c->fds[i] < 0 || i == winner)
            continue;
        if (winner < c->count)
            c->attempt->addresses[i].state = ATTEMPT_SLOWER;
        close(c->fds[i]);
    }
}

int attempt_connect(const struct endpoint *endpoints, size_t count, uint64_t deadline,
        struct attempt *attempt_r)
{
    struct connect c = {
            .endpoints = endpoints,
            .count = count < ATTEMPT_ADDRESSES_MAX ? count : ATTEMPT_ADDRESSES_MAX,
            .deadline = deadline,
            .attempt = attempt_r,
    };

    *attempt_r = (struct attempt){.result = ATTEMPT_NO_CONNECTION};
    const size_t winner = connect_run(&c);
    connect_close(&c, winner);
    if (winner == c.count) {
        if (c.is_short)
            attempt_r->result = ATTEMPT_SHORTAGE;
        else if (c.open > 0 || c.started < c.count)
            attempt_r->result = ATTEMPT_TIMEOUT;
        return -1;
    }
    attempt_r->connected = true;
    attempt_r->which = winner;
    attempt_r->addresses[winner].state = ATTEMPT_SPOKE;
    attempt_r->error = 0;
    return c.fds[winner];
}

static bool attempt_poll(int fd, short events, uint64_t deadline)
{
    struct pollfd wanted = {.fd = fd, .events = events};
    int ready;

    do {
        const int ms = attempt_remaining(deadline);
        ready = ms > 0 ? poll(&wanted, 1, ms) : 0;
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
        errno = ETIMEDOUT;
    return ready > 0;
}

static bool attempt_is_temporary(int error)
{
    return error == EAGAIN || error == EINTR;
}

static bool attempt_send_all(int fd, struct text line, uint64_t deadline)
{
    while (line.len > 0) {
        const ssize_t sent = send(fd, line.at, line.len, MSG_NOSIGNAL);
        if (sent < 0 && !attempt_is_temporary(errno))
            return false;
        if (sent < 0 && !attempt_poll(fd, POLLOUT, deadline))
            return false;
        line.at += sent > 0 ? sent : 0;
        line.len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

/* Until the end of file, or of a line that is sealed. */
static bool attempt_receive_all(int fd, bool is_sealed, uint64_t deadline, struct attempt *attempt)
{
    const size_t most = 1 + (is_sealed ? SEALED_ANSWER_MAX : ANSWER_MAX);

    while (attempt->reply_len < most &&
            !(is_sealed && memchr(attempt->reply, '\n', attempt->reply_len) != NULL)) {
        if (!attempt_poll(fd, POLLIN, deadline))
            return false;
        const ssize_t got =
                recv(fd, attempt->reply + attempt->reply_len, most - attempt->reply_len, 0);
        if (got == 0)
            break;
        if (got < 0 && !attempt_is_temporary(errno))
            return false;
        attempt->reply_len += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* Puts what was sealed in the place of the reply. */
static bool attempt_open(const struct sealed_exchange *exchange, struct attempt *attempt)
{
    char buffer[ANSWER_MAX];
    struct text answer;
    struct writer w = writer_of(attempt->reply, sizeof attempt->reply);

    if (!sealed_open_answer(&exchange->secret, exchange->nonce,
                (struct text){attempt->reply, attempt->reply_len}, buffer, &answer))
        return false;
    writer_put(&w, answer);
    writer_string(&w, "\r\n");
    attempt->reply_len = writer_text(&w).len;
    return true;
}

static enum attempt_result converse(int fd, struct text line,
        const struct sealed_exchange *exchange, bool stamped, uint64_t deadline,
        struct attempt *attempt)
{
    if (!attempt_send_all(fd, line, deadline) ||
            !attempt_receive_all(fd, exchange != NULL, deadline, attempt)) {
        attempt->error = errno;
        if (attempt_is_local_error(errno))
            return ATTEMPT_SHORTAGE;
        if (errno != ETIMEDOUT)
            return ATTEMPT_CLOSED;
        attempt->addresses[attempt->which].state = ATTEMPT_SILENT;
        return ATTEMPT_TIMEOUT;
    }
    if (attempt->reply_len == 0)
        return ATTEMPT_CLOSED;
    if (exchange != NULL && !attempt_open(exchange, attempt))
        return ATTEMPT_NOT_SEALED;
    const struct text reply = {attempt->reply, attempt->reply_len};
    return answer_parse(reply, stamped, &attempt->answer) ? ATTEMPT_ANSWERED : ATTEMPT_NOT_ANSWER;
}

void attempt_converse(int fd, struct text line, const struct sealed_exchange *exchange,
        bool stamped, uint64_t deadline, struct attempt *attempt)
{
    attempt->result = converse(fd, line, exchange, stamped, deadline, attempt);
    close(fd);
}

void attempt_describe(const struct attempt *attempt, char *text_r, size_t size)
{
    static const char *const texts[] = {
            [ATTEMPT_ANSWERED] = "answered",
            [ATTEMPT_NO_CONNECTION] = "no connection",
            [ATTEMPT_TIMEOUT] = "no answer in time",
            [ATTEMPT_CLOSED] = "closed without an answer",
            [ATTEMPT_NOT_ANSWER] = "the reply is not an answer",
            [ATTEMPT_NOT_SEALED] = "the reply is not sealed with the service's answer key",
            [ATTEMPT_SHORTAGE] = "this machine has no room for a connection",
    };
    const bool has_error = attempt->error != 0 && attempt->result != ATTEMPT_TIMEOUT &&
                           attempt->result != ATTEMPT_NOT_ANSWER &&
                           attempt->result != ATTEMPT_NOT_SEALED;

    snprintf(text_r, size, "%s%s%s", texts[attempt->result], has_error ? ": " : "",
            has_error ? strerror(attempt->error) : "");
}
