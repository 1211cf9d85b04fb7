// SPDX-License-Identifier: ISC
#include "client/asking.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* Connections that are being made, one for each endpoint; -1: none. */
struct race {
    const struct endpoint *endpoints;
    size_t count;
    size_t begun;
    size_t open;
    int fds[ASKING_ENDPOINTS_MAX];
    struct asking *asking;
};

static int remaining(uint64_t deadline)
{
    const uint64_t now = clock_milliseconds();

    return now < deadline ? (int)(deadline - now) : 0;
}

static void lose(struct race *race, size_t i, int error)
{
    race->asking->failed[i] = true;
    race->asking->error = error;
    if (race->fds[i] >= 0) {
        close(race->fds[i]);
        race->fds[i] = -1;
        race->open--;
    }
}

/* Begins with the next endpoint. */
static void begin_next(struct race *race)
{
    const size_t i = race->begun++;
    const struct endpoint *endpoint = &race->endpoints[i];

    race->fds[i] =
            socket(endpoint->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (race->fds[i] < 0) {
        lose(race, i, errno);
        return;
    }
    race->open++;
    if (connect(race->fds[i], &endpoint->address.any, endpoint->len) != 0 && errno != EINPROGRESS)
        lose(race, i, errno);
}

/* Looks which connection stands; the index, or `count`. */
static size_t find_winner(struct race *race, const struct pollfd *polled)
{
    for (size_t i = 0; i < race->begun; i++) {
        int error = 0;
        socklen_t size = sizeof error;
        if (race->fds[i] < 0 || polled[i].revents == 0)
            continue;
        if (getsockopt(race->fds[i], SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            error = errno;
        if (error == 0)
            return i;
        lose(race, i, error);
    }
    return race->count;
}

/* Waits for a connection until `until`; the index of one that stands, or `count`. */
static size_t wait_for_one(struct race *race, uint64_t until)
{
    struct pollfd polled[ASKING_ENDPOINTS_MAX];

    for (size_t i = 0; i < race->begun; i++)
        polled[i] = (struct pollfd){.fd = race->fds[i], .events = POLLOUT};
    if (poll(polled, race->begun, remaining(until)) <= 0)
        return race->count;
    return find_winner(race, polled);
}

static size_t run_race(struct race *race, uint64_t deadline)
{
    uint64_t next = 0; /* when to begin with one more */
    size_t winner = race->count;

    while (winner == race->count && (race->open > 0 || race->begun < race->count)) {
        const uint64_t now = clock_milliseconds();
        if (now >= deadline)
            break;
        if (race->begun < race->count && (race->open == 0 || now >= next)) {
            begin_next(race);
            next = now + ASKING_STAGGER;
        }
        if (race->open > 0)
            winner = wait_for_one(
                    race, race->begun < race->count && next < deadline ? next : deadline);
    }
    return winner;
}

/* A connected socket, or -1. */
static int connect_first(
        const struct endpoint *endpoints, size_t count, uint64_t deadline, struct asking *asking)
{
    struct race race = {endpoints, count, 0, 0, {-1, -1, -1, -1}, asking};
    const size_t winner = run_race(&race, deadline);
    int fd = -1;

    for (size_t i = 0; i < race.begun; i++) {
        if (race.fds[i] < 0)
            continue;
        if (i == winner) {
            fd = race.fds[i];
        } else {
            /* Slower than another is no failure; still waiting at the deadline is. */
            asking->failed[i] = winner == count;
            close(race.fds[i]);
        }
    }
    if (fd < 0) {
        const bool late = race.open > 0 || race.begun < count;
        asking->result = late ? ASKING_TIME_OUT : ASKING_NO_CONNECTION;
        return -1;
    }
    asking->connected = true;
    asking->which = winner;
    return fd;
}

static bool wait_for(int fd, short events, uint64_t deadline)
{
    struct pollfd wanted = {.fd = fd, .events = events};
    int ready;

    do {
        const int ms = remaining(deadline);
        ready = ms > 0 ? poll(&wanted, 1, ms) : 0;
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
        errno = ETIMEDOUT;
    return ready > 0;
}

static bool is_for_later(int error)
{
    return error == EAGAIN || error == EINTR;
}

static bool send_all(int fd, struct text line, uint64_t deadline)
{
    while (line.len > 0) {
        const ssize_t sent = send(fd, line.at, line.len, MSG_NOSIGNAL);
        if (sent < 0 && !is_for_later(errno))
            return false;
        if (sent < 0 && !wait_for(fd, POLLOUT, deadline))
            return false;
        line.at += sent > 0 ? sent : 0;
        line.len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static bool receive_all(int fd, uint64_t deadline, struct asking *asking)
{
    while (asking->reply_len < sizeof asking->reply) {
        if (!wait_for(fd, POLLIN, deadline))
            return false;
        const ssize_t got = recv(
                fd, asking->reply + asking->reply_len, sizeof asking->reply - asking->reply_len, 0);
        if (got == 0)
            break;
        if (got < 0 && !is_for_later(errno))
            return false;
        asking->reply_len += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static enum asking_result converse(
        int fd, struct text line, uint64_t deadline, struct asking *asking)
{
    if (!send_all(fd, line, deadline) || !receive_all(fd, deadline, asking)) {
        asking->error = errno;
        asking->failed[asking->which] = errno == ETIMEDOUT;
        return errno == ETIMEDOUT ? ASKING_TIME_OUT : ASKING_CLOSED;
    }
    if (asking->reply_len == 0)
        return ASKING_CLOSED;
    const struct text reply = {asking->reply, asking->reply_len};
    return answer_parse(reply, &asking->answer) ? ASKING_ANSWERED : ASKING_NOT_ANSWER;
}

void asking_run(const struct endpoint *endpoints, size_t count, struct text line, uint64_t deadline,
        struct asking *asking_r)
{
    *asking_r = (struct asking){.result = ASKING_NO_CONNECTION};
    const int fd = connect_first(endpoints,
            count < ASKING_ENDPOINTS_MAX ? count : ASKING_ENDPOINTS_MAX, deadline, asking_r);

    if (fd < 0)
        return;
    asking_r->result = converse(fd, line, deadline, asking_r);
    close(fd);
}

void asking_describe(const struct asking *asking, char *text_r, size_t size)
{
    static const char *const texts[] = {
            [ASKING_ANSWERED] = "answered",
            [ASKING_NO_CONNECTION] = "no connection",
            [ASKING_TIME_OUT] = "nobody answered in time",
            [ASKING_CLOSED] = "closed without an answer",
            [ASKING_NOT_ANSWER] = "what came is no answer",
    };
    const bool has_error = asking->error != 0 && asking->result != ASKING_TIME_OUT &&
                           asking->result != ASKING_NOT_ANSWER;

    snprintf(text_r, size, "%s%s%s", texts[asking->result], has_error ? ": " : "",
            has_error ? strerror(asking->error) : "");
}
