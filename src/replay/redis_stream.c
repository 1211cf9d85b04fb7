// SPDX-License-Identifier: ISC
#include "replay/redis_stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static enum redisstream_result break_off(struct redisstream *stream, const char *why)
{
    snprintf(stream->why, sizeof stream->why, "%s", why);
    return REDISSTREAM_BROKEN;
}

static bool open_at(struct redisstream *stream, const struct sockaddr *address, socklen_t len)
{
    const int on = 1;

    *stream = (struct redisstream){
            .fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    /* Requests are small, and nothing that follows would hurry them. */
    if (stream->fd >= 0 && address->sa_family != AF_UNIX)
        (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (stream->fd >= 0 && connect(stream->fd, address, len) == 0)
        stream->connected = true;
    else if (stream->fd < 0 || errno != EINPROGRESS) {
        break_off(stream, strerror(errno));
        redisstream_close(stream);
        return false;
    }
    stream->wants_out = true;
    return true;
}

bool redisstream_open_tcp(struct redisstream *stream, const struct endpoint *endpoint)
{
    return open_at(stream, &endpoint->address.any, endpoint->len);
}

bool redisstream_open_unix(struct redisstream *stream, const char *path)
{
    union {
        struct sockaddr any;
        struct sockaddr_un local;
    } address = {.local = {.sun_family = AF_UNIX}};

    snprintf(address.local.sun_path, sizeof address.local.sun_path, "%s", path);
    return open_at(stream, &address.any, sizeof address.local);
}

void redisstream_close(struct redisstream *stream)
{
    redistls_end(&stream->tls);
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

static enum redisstream_result finish_connect(struct redisstream *stream)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error != 0)
        return break_off(stream, strerror(error));
    stream->connected = true;
    return REDISSTREAM_OK;
}

/* What TLS said, as a result of ours. */
static enum redisstream_result take(struct redisstream *stream, enum redistls_result result)
{
    stream->wants_out = result == REDISTLS_WANTS_OUT;
    switch (result) {
    case REDISTLS_OK:
        return REDISSTREAM_OK;
    case REDISTLS_WANTS_IN:
    case REDISTLS_WANTS_OUT:
        return REDISSTREAM_WAITS;
    case REDISTLS_CLOSED:
        return break_off(stream, "closed the connection");
    case REDISTLS_BROKEN:
        break;
    }
    return break_off(stream, redistls_why(stream->tls));
}

enum redisstream_result redisstream_establish(struct redisstream *stream, struct redistls *tls,
        const char *const *names, size_t names_count)
{
    if (!stream->connected) {
        const enum redisstream_result result = finish_connect(stream);
        if (result != REDISSTREAM_OK)
            return result;
    }
    stream->wants_out = false;
    if (tls == NULL)
        return REDISSTREAM_OK;
    if (stream->tls == NULL)
        stream->tls = redistls_begin(tls, stream->fd, names, names_count);
    if (stream->tls == NULL)
        return break_off(stream, "memory is short");
    return take(stream, redistls_shake(stream->tls));
}

static enum redisstream_result result_of(struct redisstream *stream, ssize_t done, size_t *len_r)
{
    *len_r = done > 0 ? (size_t)done : 0;
    if (done > 0)
        return REDISSTREAM_OK;
    if (done < 0 && (errno == EAGAIN || errno == EINTR))
        return REDISSTREAM_WAITS;
    return break_off(stream, done == 0 ? "closed the connection" : strerror(errno));
}

enum redisstream_result redisstream_read(
        struct redisstream *stream, char *room, size_t size, size_t *len_r)
{
    if (stream->tls != NULL)
        return take(stream, redistls_read(stream->tls, room, size, len_r));
    return result_of(stream, recv(stream->fd, room, size, MSG_DONTWAIT), len_r);
}

enum redisstream_result redisstream_write(
        struct redisstream *stream, const char *octets, size_t len, size_t *len_r)
{
    if (stream->tls != NULL)
        return take(stream, redistls_write(stream->tls, octets, len, len_r));
    return result_of(stream, send(stream->fd, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL), len_r);
}

bool redisstream_has_more(const struct redisstream *stream)
{
    return stream->tls != NULL && redistls_has_more(stream->tls);
}
