// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_STREAM_H
#define VERIMAIL_REPLAY_REDIS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "protocol/text.h"
#include "replay/redis_tls.h"

#define REDIS_STREAM_ERROR_MAX 160 /* octets of a sentence's end, with a NUL */

/* Octets to and from a server: TCP, TLS over it, or a unix socket. Nothing waits. */
struct redis_stream {
    int fd; /* -1: it is closed */
    bool connected;
    bool wants_out; /* it goes on when there is room to write, whatever else it is watched for */
    struct redis_tls_stream *tls;
    char error[REDIS_STREAM_ERROR_MAX]; /* what went wrong */
};

enum redis_stream_result {
    REDIS_STREAM_OK,
    REDIS_STREAM_WAITS,
    REDIS_STREAM_BROKEN, /* `error` */
};

/* Begins to connect. False with `error`; the stream is then closed. */
bool redis_stream_open_tcp(struct redis_stream *stream, const struct endpoint *endpoint)
        __attribute__((warn_unused_result));
bool redis_stream_open_unix(struct redis_stream *stream, const char *path)
        __attribute__((warn_unused_result));
void redis_stream_close(struct redis_stream *stream);

/* Goes on, when there was an event, with what comes before the first octet. `tls`: NULL for none;
 * `names`: see redis_tls_begin(). */
enum redis_stream_result redis_stream_establish(struct redis_stream *stream, struct redis_tls *tls,
        const char *const *names, size_t names_count);

/* Of one that is established. */
enum redis_stream_result redis_stream_read(
        struct redis_stream *stream, char *buffer, size_t size, size_t *len_r);
enum redis_stream_result redis_stream_write(
        struct redis_stream *stream, const char *octets, size_t len, size_t *len_r);
/* Whether there is something to be read that the descriptor does not show. */
bool redis_stream_has_more(const struct redis_stream *stream);

#define REDIS_OUTPUT_MAX (4UL * 1024 * 1024) /* octets that a server has not taken */

/* What a server is yet to be sent, a password among it. All zero: empty. */
struct redis_output {
    char *at;
    size_t size;
    size_t begin;
    size_t end;
};

/* False when there is no room. */
bool redis_output_put(struct redis_output *output, struct text t)
        __attribute__((warn_unused_result));
struct text redis_output_rest(const struct redis_output *output);
/* So many octets of the rest were sent. */
void redis_output_sent(struct redis_output *output, size_t len);
/* Leaves nothing of it in memory. */
void redis_output_wipe(struct redis_output *output);

/* Requests that a server has been sent, in the order in which it will answer them. */
struct redis_queued {
    int what;
    void *about;    /* NULL: nobody waits for the reply */
    uint64_t since; /* milliseconds */
};

/* All zero: empty. */
struct redis_queue {
    struct redis_queued *ring;
    size_t size; /* a power of 2 */
    uint64_t first;
    uint64_t end;
};

void redis_queue_free(struct redis_queue *queue); /* and leaves it empty */
size_t redis_queue_count(const struct redis_queue *queue);
/* False when it has `most` already, or out of memory. The ticket is for redis_queue_forget(). */
bool redis_queue_push(struct redis_queue *queue, size_t most, const struct redis_queued *request,
        uint64_t *ticket_r) __attribute__((warn_unused_result));
/* Without the newest. Returns false, for its callers. */
bool redis_queue_take_back(struct redis_queue *queue);
/* The oldest; false when there is none. */
bool redis_queue_shift(struct redis_queue *queue, struct redis_queued *request_r)
        __attribute__((warn_unused_result));
const struct redis_queued *redis_queue_oldest(const struct redis_queue *queue);
/* The request stays, and is about nothing. One that is gone is none of it. */
void redis_queue_forget(struct redis_queue *queue, uint64_t ticket);

#endif
