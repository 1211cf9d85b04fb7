// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_STREAM_H
#define VERIMAIL_REPLAY_REDIS_STREAM_H

#include <stdbool.h>
#include <stddef.h>

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
    char why[REDIS_STREAM_ERROR_MAX]; /* what went wrong */
};

enum redis_stream_result {
    REDIS_STREAM_OK,
    REDIS_STREAM_WAITS,
    REDIS_STREAM_BROKEN, /* `why` */
};

/* Begins to connect. False with `why`; the stream is then closed. */
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

#endif
