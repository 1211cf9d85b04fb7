// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_STREAM_H
#define VERIMAIL_REPLAY_REDIS_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/endpoint.h"
#include "replay/redis_tls.h"

#define REDISSTREAM_WHY_MAX 160 /* octets of a sentence's end, with a NUL */

/* Octets to and from a server: TCP, TLS over it, or a unix socket. Nothing waits. */
struct redisstream {
    int fd; /* -1: it is closed */
    bool connected;
    bool wants_out; /* it goes on when there is room to write, whatever else it is watched for */
    struct redistls_stream *tls;
    char why[REDISSTREAM_WHY_MAX]; /* what went wrong */
};

enum redisstream_result {
    REDISSTREAM_OK,
    REDISSTREAM_WAITS,
    REDISSTREAM_BROKEN, /* `why` */
};

/* Begins to connect. False with `why`; the stream is then closed. */
bool redisstream_open_tcp(struct redisstream *stream, const struct endpoint *endpoint)
        __attribute__((warn_unused_result));
bool redisstream_open_unix(struct redisstream *stream, const char *path)
        __attribute__((warn_unused_result));
void redisstream_close(struct redisstream *stream);

/* Goes on, when there was an event, with what comes before the first octet. `tls`: NULL for none;
 * `names`: see redistls_begin(). */
enum redisstream_result redisstream_establish(struct redisstream *stream, struct redistls *tls,
        const char *const *names, size_t names_count);

/* Of one that is established. */
enum redisstream_result redisstream_read(
        struct redisstream *stream, char *room, size_t size, size_t *len_r);
enum redisstream_result redisstream_write(
        struct redisstream *stream, const char *octets, size_t len, size_t *len_r);
/* Whether there is something to be read that the descriptor does not show. */
bool redisstream_has_more(const struct redisstream *stream);

#endif
