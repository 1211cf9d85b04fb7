// SPDX-License-Identifier: ISC
#include "replay/redis_stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static enum redis_stream_result break_off(struct redis_stream *stream, const char *error)
{
    snprintf(stream->error, sizeof stream->error, "%s", error);
    return REDIS_STREAM_BROKEN;
}

static bool redis_stream_open_at(
        struct redis_stream *stream, const struct sockaddr *address, socklen_t len)
{
    const int on = 1;

    *stream = (struct redis_stream){
            .fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    /* Sends small requests at once (TCP_NODELAY), because nothing may follow that would push them
     * out. */
    if (stream->fd >= 0 && address->sa_family != AF_UNIX)
        (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (stream->fd >= 0 && connect(stream->fd, address, len) == 0)
        stream->connected = true;
    else if (stream->fd < 0 || errno != EINPROGRESS) {
        break_off(stream, strerror(errno));
        redis_stream_close(stream);
        return false;
    }
    stream->wants_out = true;
    return true;
}

bool redis_stream_open_tcp(struct redis_stream *stream, const struct endpoint *endpoint)
{
    return redis_stream_open_at(stream, &endpoint->address.any, endpoint->len);
}

bool redis_stream_open_unix(struct redis_stream *stream, const char *path)
{
    union {
        struct sockaddr any;
        struct sockaddr_un local;
    } address = {.local = {.sun_family = AF_UNIX}};

    snprintf(address.local.sun_path, sizeof address.local.sun_path, "%s", path);
    return redis_stream_open_at(stream, &address.any, sizeof address.local);
}

void redis_stream_close(struct redis_stream *stream)
{
    redis_tls_end(&stream->tls);
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

static enum redis_stream_result finish_connect(struct redis_stream *stream)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error != 0)
        return break_off(stream, strerror(error));
    stream->connected = true;
    return REDIS_STREAM_OK;
}

/* Turns a TLS result into one of this module. */
static enum redis_stream_result redis_stream_take(
        struct redis_stream *stream, enum redis_tls_result result)
{
    stream->wants_out = result == REDIS_TLS_WANTS_OUT;
    switch (result) {
    case REDIS_TLS_OK:
        return REDIS_STREAM_OK;
    case REDIS_TLS_WANTS_IN:
    case REDIS_TLS_WANTS_OUT:
        return REDIS_STREAM_WAITS;
    case REDIS_TLS_CLOSED:
        return break_off(stream, "closed the connection");
    case REDIS_TLS_BROKEN:
        break;
    }
    return break_off(stream, redis_tls_error(stream->tls));
}

enum redis_stream_result redis_stream_establish(struct redis_stream *stream, struct redis_tls *tls,
        const char *const *names, size_t names_count)
{
    if (!stream->connected) {
        const enum redis_stream_result result = finish_connect(stream);
        if (result != REDIS_STREAM_OK)
            return result;
    }
    stream->wants_out = false;
    if (tls == NULL)
        return REDIS_STREAM_OK;
    if (stream->tls == NULL)
        stream->tls = redis_tls_begin(tls, stream->fd, names, names_count);
    if (stream->tls == NULL)
        return break_off(stream, "out of memory");
    return redis_stream_take(stream, redis_tls_shake(stream->tls));
}

static enum redis_stream_result redis_stream_result_of(
        struct redis_stream *stream, ssize_t done, size_t *len_r)
{
    *len_r = done > 0 ? (size_t)done : 0;
    if (done > 0)
        return REDIS_STREAM_OK;
    if (done < 0 && (errno == EAGAIN || errno == EINTR))
        return REDIS_STREAM_WAITS;
    return break_off(stream, done == 0 ? "closed the connection" : strerror(errno));
}

enum redis_stream_result redis_stream_read(
        struct redis_stream *stream, char *buffer, size_t size, size_t *len_r)
{
    if (stream->tls != NULL)
        return redis_stream_take(stream, redis_tls_read(stream->tls, buffer, size, len_r));
    return redis_stream_result_of(stream, recv(stream->fd, buffer, size, MSG_DONTWAIT), len_r);
}

enum redis_stream_result redis_stream_write(
        struct redis_stream *stream, const char *octets, size_t len, size_t *len_r)
{
    if (stream->tls != NULL)
        return redis_stream_take(stream, redis_tls_write(stream->tls, octets, len, len_r));
    return redis_stream_result_of(
            stream, send(stream->fd, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL), len_r);
}

bool redis_stream_has_more(const struct redis_stream *stream)
{
    return stream->tls != NULL && redis_tls_has_more(stream->tls);
}

#define OUTPUT_FIRST 32768 /* never filled by a greeting: no copy of the password is left */

static bool redis_output_make_room(struct redis_output *output, size_t len)
{
    const size_t used = output->end - output->begin;
    size_t size = output->size > 0 ? output->size : OUTPUT_FIRST;

    if (output->begin > 0)
        memmove(output->at, output->at + output->begin, used);
    output->begin = 0;
    output->end = used;
    while (size - used < len && size < REDIS_OUTPUT_MAX)
        size *= 2;
    if (size - used < len)
        return false;
    if (size == output->size)
        return true;
    char *larger = realloc(output->at, size);
    if (larger == NULL)
        return false;
    output->at = larger;
    output->size = size;
    return true;
}

bool redis_output_put(struct redis_output *output, struct text t)
{
    if (output->size - output->end < t.len && !redis_output_make_room(output, t.len))
        return false;
    memcpy(output->at + output->end, t.at, t.len);
    output->end += t.len;
    return true;
}

struct text redis_output_rest(const struct redis_output *output)
{
    return output->at != NULL
                   ? (struct text){output->at + output->begin, output->end - output->begin}
                   : (struct text){NULL, 0};
}

void redis_output_sent(struct redis_output *output, size_t len)
{
    output->begin += len;
    if (output->begin == output->end)
        output->begin = output->end = 0;
}

void redis_output_wipe(struct redis_output *output)
{
    if (output->at != NULL)
        sodium_memzero(output->at, output->size);
    free(output->at);
    *output = (struct redis_output){.at = NULL};
}

#define QUEUE_FIRST 64

void redis_queue_free(struct redis_queue *queue)
{
    free(queue->ring);
    *queue = (struct redis_queue){.ring = NULL};
}

size_t redis_queue_count(const struct redis_queue *queue)
{
    return (size_t)(queue->end - queue->first);
}

static struct redis_queued *at(const struct redis_queue *queue, uint64_t ticket)
{
    return &queue->ring[ticket & (queue->size - 1)];
}

static bool redis_queue_grow(struct redis_queue *queue)
{
    struct redis_queue larger = *queue;

    larger.size = queue->size > 0 ? queue->size * 2 : QUEUE_FIRST;
    larger.ring = calloc(larger.size, sizeof *larger.ring);
    if (larger.ring == NULL)
        return false;
    for (uint64_t ticket = queue->first; ticket < queue->end; ticket++)
        *at(&larger, ticket) = *at(queue, ticket);
    free(queue->ring);
    *queue = larger;
    return true;
}

bool redis_queue_push(struct redis_queue *queue, size_t most, const struct redis_queued *request,
        uint64_t *ticket_r)
{
    const size_t count = redis_queue_count(queue);

    if (count >= most || (count == queue->size && !redis_queue_grow(queue)))
        return false;
    *ticket_r = queue->end++;
    *at(queue, *ticket_r) = *request;
    return true;
}

bool redis_queue_take_back(struct redis_queue *queue)
{
    queue->end--;
    return false;
}

bool redis_queue_shift(struct redis_queue *queue, struct redis_queued *request_r)
{
    if (redis_queue_count(queue) == 0)
        return false;
    *request_r = *at(queue, queue->first++);
    return true;
}

const struct redis_queued *redis_queue_oldest(const struct redis_queue *queue)
{
    return redis_queue_count(queue) > 0 ? at(queue, queue->first) : NULL;
}

void redis_queue_forget(struct redis_queue *queue, uint64_t ticket)
{
    if (ticket >= queue->first && ticket < queue->end)
        at(queue, ticket)->about = NULL;
}
