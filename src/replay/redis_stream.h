// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_STREAM_H
#define VERIMAIL_REPLAY_REDIS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "protocol/text.h"
#include "replay/redis_tls.h"

#define REDIS_STREAM_ERROR_MAX 160 /* octets of an error text, with its NUL */

/* A stream of octets to and from a server: TCP, TLS over TCP, or a unix socket. No call blocks. */
struct redis_stream {
    int fd; /* -1: closed */
    bool connected;
    bool wants_out; /* watch for EPOLLOUT, whatever else the descriptor is watched for */
    struct redis_tls_stream *tls;
    char error[REDIS_STREAM_ERROR_MAX];
};

enum redis_stream_result {
    REDIS_STREAM_OK,
    REDIS_STREAM_WAITS,
    REDIS_STREAM_BROKEN, /* `error` */
};

/* Begins to connect. On false `error` has the error, and the stream is closed. */
bool redis_stream_open_tcp(struct redis_stream *stream, const struct endpoint *endpoint)
        __attribute__((warn_unused_result));
bool redis_stream_open_unix(struct redis_stream *stream, const char *path)
        __attribute__((warn_unused_result));
void redis_stream_close(struct redis_stream *stream);

/* Continues connecting and the TLS handshake. Call it after an event. `tls`: NULL for none.
 * `names`: see redis_tls_begin(). */
enum redis_stream_result redis_stream_establish(struct redis_stream *stream, struct redis_tls *tls,
        const char *const *names, size_t names_count);

/* The stream must be established. */
enum redis_stream_result redis_stream_read(
        struct redis_stream *stream, char *buffer, size_t size, size_t *len_r);
enum redis_stream_result redis_stream_write(
        struct redis_stream *stream, const char *octets, size_t len, size_t *len_r);
/* Whether octets can be read that the descriptor does not show. */
bool redis_stream_has_more(const struct redis_stream *stream);

#define REDIS_OUTPUT_MAX (4UL * 1024 * 1024) /* octets that the server has not read yet */

/* Output for a server; it may hold a password. All zero: empty. */
struct redis_output {
    char *at;
    size_t size;
    size_t begin;
    size_t end;
};

/* Adds a copy of `t`. False when out of memory or over REDIS_OUTPUT_MAX. */
bool redis_output_put(struct redis_output *output, struct text t)
        __attribute__((warn_unused_result));
struct text redis_output_rest(const struct redis_output *output);
/* Removes the first `len` octets, which were sent. */
void redis_output_sent(struct redis_output *output, size_t len);
/* Erases and frees the memory. */
void redis_output_wipe(struct redis_output *output);

/* Sent requests, in the order of their replies. */
struct redis_queued {
    int what;
    void *about;    /* NULL: the reply is not needed */
    uint64_t since; /* monotonic milliseconds */
};

/* All zero: empty. */
struct redis_queue {
    struct redis_queued *ring;
    size_t size; /* a power of 2 */
    uint64_t first;
    uint64_t end;
};

void redis_queue_free(struct redis_queue *queue); /* leaves an empty queue */
size_t redis_queue_count(const struct redis_queue *queue);
/* Adds a request. False when the queue has `most` requests already, or when out of memory. The
 * ticket is for redis_queue_forget(). */
bool redis_queue_push(struct redis_queue *queue, size_t most, const struct redis_queued *request,
        uint64_t *ticket_r) __attribute__((warn_unused_result));
/* Removes the newest request. Always returns false, for its callers to return. */
bool redis_queue_take_back(struct redis_queue *queue);
/* Removes the oldest request; false when there is none. */
bool redis_queue_shift(struct redis_queue *queue, struct redis_queued *request_r)
        __attribute__((warn_unused_result));
const struct redis_queued *redis_queue_oldest(const struct redis_queue *queue);
/* Sets the request's `about` to NULL; the request stays in the queue. A request that has left the
 * queue is ignored. */
void redis_queue_forget(struct redis_queue *queue, uint64_t ticket);

#endif
