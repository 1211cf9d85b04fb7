// SPDX-License-Identifier: ISC
#include "command/client.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define ADDRESSES_MAX 4

static bool copy(struct text t, char *room, size_t size)
{
    struct writer w = writer_of(room, size);

    writer_put(&w, t);
    writer_char(&w, '\0');
    return t.len > 0 && !w.failed;
}

bool client_parse(const char *text, struct client_server *server_r)
{
    struct text host = text_of(text);
    struct text port = text_of(CLIENT_PORT);
    uint64_t number;

    const char *colon = strrchr(text, ':');
    if (colon != NULL && strchr(colon, ']') == NULL) {
        host.len = (size_t)(colon - text);
        port = text_of(colon + 1);
    }
    const bool bracketed = host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    if (bracketed)
        host = (struct text){host.at + 1, host.len - 2};
    else if (memchr(host.at, ':', host.len) != NULL)
        return false;
    return text_decimal(port, 65535, &number) && number > 0 &&
           copy(host, server_r->host, sizeof server_r->host) &&
           copy(port, server_r->port, sizeof server_r->port);
}

static int remaining(uint64_t deadline)
{
    const uint64_t now = clock_milliseconds();

    return now < deadline ? (int)(deadline - now) : 0;
}

/* Waits until `fd` is ready; false with errno at the deadline. */
static bool wait_for(int fd, short events, uint64_t deadline)
{
    struct pollfd wanted = {.fd = fd, .events = events};
    int ready;

    do {
        ready = poll(&wanted, 1, remaining(deadline));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
        errno = ETIMEDOUT;
    return ready > 0;
}

/* A look-up that can be left behind when the time is up: all of it then stays where it is, since
 * the resolver's thread may still write to it. */
struct look_up {
    struct client_server server;
    struct addrinfo hints;
    struct gaicb request;
};

static int wait_for_look_up(struct look_up *l, uint64_t deadline)
{
    const struct gaicb *const list[] = {&l->request};

    for (;;) {
        const int ms = remaining(deadline);
        const struct timespec limit = {ms / 1000, (long)(ms % 1000) * 1000000};
        const int result = gai_error(&l->request);
        if (result != EAI_INPROGRESS || ms == 0)
            return result;
        (void)gai_suspend(list, 1, &limit);
    }
}

static struct addrinfo *look_up(
        const struct client_server *server, uint64_t deadline, char cause_r[CLIENT_CAUSE_MAX])
{
    struct look_up *l = calloc(1, sizeof *l);
    struct gaicb *list[] = {NULL};

    if (l == NULL) {
        snprintf(cause_r, CLIENT_CAUSE_MAX, "memory is short");
        return NULL;
    }
    l->server = *server;
    l->hints = (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    l->request = (struct gaicb){l->server.host, l->server.port, &l->hints, NULL};
    list[0] = &l->request;
    int result = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
    if (result == 0)
        result = wait_for_look_up(l, deadline);
    struct addrinfo *found = result == 0 ? l->request.ar_result : NULL;
    if (result != 0)
        snprintf(cause_r, CLIENT_CAUSE_MAX, "its address cannot be found: %s",
                result == EAI_INPROGRESS ? "no answer in time" : gai_strerror(result));
    if (result != EAI_INPROGRESS || gai_cancel(&l->request) == EAI_CANCELED)
        free(l);
    return found;
}

/* A socket, or -1 with errno. */
static int connect_to(const struct addrinfo *address, uint64_t deadline)
{
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;
    socklen_t size = sizeof error;

    if (fd < 0)
        return -1;
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        error = errno;
        if (error == EINPROGRESS &&
                (!wait_for(fd, POLLOUT, deadline) ||
                        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0))
            error = errno;
    }
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

/* Each address has its share of the time, so that one that is silent leaves some to the next. */
static int connect_any(const struct addrinfo *addresses, uint64_t deadline)
{
    int left = 0;
    int fd = -1;

    for (const struct addrinfo *a = addresses; a != NULL && left < ADDRESSES_MAX; a = a->ai_next)
        left++;
    errno = EADDRNOTAVAIL;
    for (const struct addrinfo *a = addresses; fd < 0 && left > 0; a = a->ai_next, left--)
        fd = connect_to(a, clock_milliseconds() + (uint64_t)(remaining(deadline) / left));
    return fd;
}

static bool send_all(int fd, struct text line, uint64_t deadline)
{
    while (line.len > 0) {
        const ssize_t sent = send(fd, line.at, line.len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent < 0 && !wait_for(fd, POLLOUT, deadline))
            return false;
        line.at += sent > 0 ? sent : 0;
        line.len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static bool receive_all(int fd, uint64_t deadline, struct client_reply *reply_r)
{
    reply_r->len = 0;
    while (reply_r->len < sizeof reply_r->octets) {
        if (!wait_for(fd, POLLIN, deadline))
            return false;
        const ssize_t got =
                recv(fd, reply_r->octets + reply_r->len, sizeof reply_r->octets - reply_r->len, 0);
        if (got == 0)
            break;
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        reply_r->len += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool fail(const char *what, char cause_r[CLIENT_CAUSE_MAX])
{
    snprintf(cause_r, CLIENT_CAUSE_MAX, "%s: %s", what, strerror(errno));
    return false;
}

bool client_ask(const struct client_server *server, struct text line, uint64_t deadline,
        struct client_reply *reply_r, char cause_r[CLIENT_CAUSE_MAX])
{
    struct addrinfo *addresses = look_up(server, deadline, cause_r);

    if (addresses == NULL)
        return false;
    const int fd = connect_any(addresses, deadline);
    bool ok = fd >= 0 || fail("no connection", cause_r);
    freeaddrinfo(addresses);
    if (ok)
        ok = send_all(fd, line, deadline) || fail("the question cannot be sent", cause_r);
    if (ok)
        ok = receive_all(fd, deadline, reply_r) || fail("no whole answer", cause_r);
    if (ok && reply_r->len == 0) {
        snprintf(cause_r, CLIENT_CAUSE_MAX, "closed without an answer");
        ok = false;
    }
    if (fd >= 0)
        close(fd);
    return ok;
}
