// SPDX-License-Identifier: ISC
#include "client/asking.h"

#include <errno.h>
#include <limits.h>
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
    uint64_t deadline;
    uint64_t next; /* when to begin with one more */
    int fds[ASKING_ENDPOINTS_MAX];
    struct asking *asking;
};

/* For poll(). */
static int asking_remaining(uint64_t deadline)
{
    const uint64_t now = mono_ms();
    const uint64_t left = now < deadline ? deadline - now : 0;

    return left < INT_MAX ? (int)left : INT_MAX;
}

/* That we have too little of something says nothing about the other side. */
static bool is_our_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == EAGAIN || error == EADDRNOTAVAIL;
}

/* The next one need not wait for its turn. */
static void asking_lose(struct race *race, size_t i, int error)
{
    race->asking->attempts[i].fate = is_our_shortage(error) ? ASKING_UNTRIED : ASKING_REFUSED;
    race->asking->error = error;
    race->next = 0;
    if (race->fds[i] >= 0) {
        close(race->fds[i]);
        race->fds[i] = -1;
        race->open--;
    }
}

/* Begins with the next endpoint. */
static void begin_next(struct race *race, uint64_t now)
{
    const size_t i = race->begun++;
    const struct endpoint *endpoint = &race->endpoints[i];

    race->next = now + ASKING_STAGGER;
    race->asking->attempts[i] = (struct asking_attempt){ASKING_SILENT, race->deadline - now};
    race->fds[i] =
            socket(endpoint->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (race->fds[i] < 0) {
        asking_lose(race, i, errno);
        return;
    }
    race->open++;
    if (connect(race->fds[i], &endpoint->address.any, endpoint->len) != 0 && errno != EINPROGRESS)
        asking_lose(race, i, errno);
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
        asking_lose(race, i, error);
    }
    return race->count;
}

/* Waits for a connection until `until`; the index of one that stands, or `count`. */
static size_t wait_for_one(struct race *race, uint64_t until)
{
    struct pollfd polled[ASKING_ENDPOINTS_MAX];

    for (size_t i = 0; i < race->begun; i++)
        polled[i] = (struct pollfd){.fd = race->fds[i], .events = POLLOUT};
    if (poll(polled, race->begun, asking_remaining(until)) <= 0)
        return race->count;
    return find_winner(race, polled);
}

static size_t run_race(struct race *race)
{
    size_t winner = race->count;

    while (winner == race->count && (race->open > 0 || race->begun < race->count)) {
        const uint64_t now = mono_ms();
        if (now >= race->deadline)
            break;
        if (race->begun < race->count && now >= race->next)
            begin_next(race, now);
        const bool more = race->begun < race->count && race->next < race->deadline;
        if (race->open > 0)
            winner = wait_for_one(race, more ? race->next : race->deadline);
    }
    return winner;
}

/* Closes all but the winner. */
static void end_race(struct race *race, size_t winner)
{
    for (size_t i = 0; i < race->begun; i++) {
        if (race->fds[i] < 0 || i == winner)
            continue;
        if (winner < race->count)
            race->asking->attempts[i].fate = ASKING_SLOWER;
        close(race->fds[i]);
    }
}

int asking_connect(
        const struct endpoint *endpoints, size_t count, uint64_t deadline, struct asking *asking_r)
{
    struct race race = {
            .endpoints = endpoints,
            .count = count < ASKING_ENDPOINTS_MAX ? count : ASKING_ENDPOINTS_MAX,
            .deadline = deadline,
            .asking = asking_r,
    };

    *asking_r = (struct asking){.result = ASKING_NO_CONNECTION};
    const size_t winner = run_race(&race);
    end_race(&race, winner);
    if (winner == race.count) {
        if (race.open > 0 || race.begun < race.count)
            asking_r->result = ASKING_TIME_OUT;
        return -1;
    }
    asking_r->connected = true;
    asking_r->which = winner;
    asking_r->attempts[winner].fate = ASKING_SPOKE;
    asking_r->error = 0;
    return race.fds[winner];
}

static bool asking_wait_for(int fd, short events, uint64_t deadline)
{
    struct pollfd wanted = {.fd = fd, .events = events};
    int ready;

    do {
        const int ms = asking_remaining(deadline);
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
        if (sent < 0 && !asking_wait_for(fd, POLLOUT, deadline))
            return false;
        line.at += sent > 0 ? sent : 0;
        line.len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static bool receive_all(int fd, uint64_t deadline, struct asking *asking)
{
    while (asking->reply_len < sizeof asking->reply) {
        if (!asking_wait_for(fd, POLLIN, deadline))
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
        if (errno != ETIMEDOUT)
            return ASKING_CLOSED;
        asking->attempts[asking->which].fate = ASKING_SILENT;
        return ASKING_TIME_OUT;
    }
    if (asking->reply_len == 0)
        return ASKING_CLOSED;
    const struct text reply = {asking->reply, asking->reply_len};
    return answer_parse(reply, &asking->answer) ? ASKING_ANSWERED : ASKING_NOT_ANSWER;
}

void asking_converse(int fd, struct text line, uint64_t deadline, struct asking *asking)
{
    asking->result = converse(fd, line, deadline, asking);
    close(fd);
}

void asking_run(const struct endpoint *endpoints, size_t count, struct text line, uint64_t deadline,
        struct asking *asking_r)
{
    const int fd = asking_connect(endpoints, count, deadline, asking_r);

    if (fd >= 0)
        asking_converse(fd, line, deadline, asking_r);
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
