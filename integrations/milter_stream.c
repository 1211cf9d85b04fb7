// SPDX-License-Identifier: ISC
#include "milter_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 10 /* when a unix socket's queue of connections is full */

void milter_stream_fail(struct milter_stream *stream, const char *format, ...)
{
    const size_t size = sizeof stream->error;
    va_list arguments;

    if (stream->error[0] != '\0')
        return;
    va_start(arguments, format);
    const int len = snprintf(stream->error, size, "%s: ", stream->socket);
    (void)vsnprintf(stream->error + len, size - (size_t)len, format, arguments);
    va_end(arguments);
}

const char *milter_stream_error(const struct milter_stream *stream)
{
    return stream->error[0] != '\0' ? stream->error : NULL;
}

static uint64_t milter_stream_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Milliseconds until the deadline; 0 after it, which is an error. */
static int milter_stream_left(struct milter_stream *stream)
{
    const uint64_t now = milter_stream_now();

    if (now < stream->deadline)
        return (int)(stream->deadline - now);
    milter_stream_fail(stream, "no answer in time");
    return 0;
}

/* After a call on the socket that failed: waits until it may be tried again. */
static void milter_stream_retry(struct milter_stream *stream, short events)
{
    struct pollfd poller = {.fd = stream->fd, .events = events};

    if (errno == EAGAIN)
        (void)poll(&poller, 1, milter_stream_left(stream));
    else if (errno != EINTR)
        milter_stream_fail(stream, "the connection broke: %m");
}

static void milter_stream_send(struct milter_stream *stream, const char *at, size_t len)
{
    /* A peer that takes an octet now and then is late, too. */
    while (len > 0 && milter_stream_left(stream) > 0 && stream->error[0] == '\0') {
        const ssize_t n = send(stream->fd, at, len, MSG_NOSIGNAL);
        if (n < 0) {
            milter_stream_retry(stream, POLLOUT);
            continue;
        }
        at += n;
        len -= (size_t)n;
    }
}

void milter_stream_flush(struct milter_stream *stream)
{
    milter_stream_send(stream, stream->out, stream->out_len);
    stream->out_len = 0;
}

void milter_stream_put(struct milter_stream *stream, const char *at, size_t len)
{
    if (len > sizeof stream->out - stream->out_len)
        milter_stream_flush(stream);
    if (len > sizeof stream->out) {
        milter_stream_send(stream, at, len);
        return;
    }
    memcpy(stream->out + stream->out_len, at, len);
    stream->out_len += len;
}

void milter_stream_put_string(struct milter_stream *stream, const char *string)
{
    milter_stream_put(stream, string, strlen(string) + 1);
}

void milter_stream_receive(struct milter_stream *stream, char *at_r, size_t len)
{
    milter_stream_flush(stream);
    while (len > 0 && milter_stream_left(stream) > 0 && stream->error[0] == '\0') {
        const ssize_t n = recv(stream->fd, at_r, len, 0);
        if (n < 0) {
            milter_stream_retry(stream, POLLIN);
            continue;
        }
        if (n == 0)
            milter_stream_fail(stream, "the connection was closed");
        at_r += n;
        len -= (size_t)n;
    }
}

/* Returns the length of the address; 0: this names no socket. */
static socklen_t milter_stream_parse(const char *socket, struct sockaddr_storage *address_r)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    char *at = NULL;

    if (strncmp(socket, "unix:/", 6) == 0 && strlen(socket + 5) < sizeof un.sun_path) {
        memcpy(un.sun_path, socket + 5, strlen(socket + 5) + 1);
        memcpy(address_r, &un, sizeof un);
        return sizeof un;
    }
    const char *colon = strchr(socket, ':');
    if (strncmp(socket, "inet", 4) != 0 || colon == NULL)
        return 0;
    const unsigned long port = strtoul(colon + 1, &at, 10);
    if (*at != '@' || port == 0 || port > UINT16_MAX)
        return 0;
    in.sin_port = in6.sin6_port = htons((uint16_t)port);
    if (colon == socket + 4 && inet_pton(AF_INET, at + 1, &in.sin_addr) == 1) {
        memcpy(address_r, &in, sizeof in);
        return sizeof in;
    }
    if (strncmp(socket, "inet6:", 6) == 0 && inet_pton(AF_INET6, at + 1, &in6.sin6_addr) == 1) {
        memcpy(address_r, &in6, sizeof in6);
        return sizeof in6;
    }
    return 0;
}

/* Returns 0 when the connection stands, else the error. */
static int milter_stream_connect(
        struct milter_stream *stream, const struct sockaddr *address, socklen_t len)
{
    struct pollfd poller = {.fd = stream->fd, .events = POLLOUT};
    int error = connect(stream->fd, address, len) == 0 ? 0 : errno;
    socklen_t error_len = sizeof error;

    while (error == EAGAIN && milter_stream_left(stream) > 0) {
        (void)poll(NULL, 0, RETRY_MS);
        error = connect(stream->fd, address, len) == 0 ? 0 : errno;
    }
    if (error != EINPROGRESS && error != EINTR)
        return error;
    while (poll(&poller, 1, milter_stream_left(stream)) < 1)
        if (stream->error[0] != '\0')
            return ETIMEDOUT;
    return getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) == 0 ? error : errno;
}

void milter_stream_open(struct milter_stream *stream, const char *name, int timeout_ms)
{
    const int one = 1;
    struct sockaddr_storage address = {0};
    const socklen_t len = milter_stream_parse(name, &address);

    stream->fd = -1;
    stream->error[0] = '\0';
    stream->out_len = 0;
    stream->deadline = milter_stream_now() + (timeout_ms > 0 ? (uint64_t)timeout_ms : 0);
    (void)snprintf(stream->socket, sizeof stream->socket, "%s", name);
    if (len == 0) {
        milter_stream_fail(
                stream, "no socket: want unix:/path, inet:port@address or inet6:port@address");
        return;
    }
    stream->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (stream->fd < 0) {
        milter_stream_fail(stream, "no socket: %m");
        return;
    }
    if (address.ss_family != AF_UNIX)
        (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    errno = milter_stream_connect(stream, (const struct sockaddr *)&address, len);
    if (errno != 0)
        milter_stream_fail(stream, "cannot connect: %m");
}

void milter_stream_close(struct milter_stream *stream)
{
    if (stream->fd >= 0)
        (void)close(stream->fd);
    stream->fd = -1;
}
