// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_STREAM_H
#define VERIMAIL_MILTER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MILTER_STREAM_OUT_MAX 16384

/* A connection to a socket, with one deadline for all that is done on it. The first error stays,
 * and then nothing is sent or received any more. The members are the stream's own. */
struct milter_stream {
    int fd; /* -1: none */
    uint64_t deadline;
    char socket[160]; /* its name, or the beginning of it */
    char error[320];
    size_t out_len;
    char out[MILTER_STREAM_OUT_MAX];
};

/* `socket`: `unix:/path`, `inet:port@address` or `inet6:port@address`; the address is a number. */
void milter_stream_open(struct milter_stream *stream, const char *socket, int timeout_ms);
void milter_stream_close(struct milter_stream *stream);

/* What is put is sent by milter_stream_flush(), or earlier. */
void milter_stream_put(struct milter_stream *stream, const char *at, size_t len);
void milter_stream_put_string(struct milter_stream *stream, const char *string); /* with its NUL */
void milter_stream_flush(struct milter_stream *stream);
/* Sends what was put, and fills `at_r`. After an error its content is undefined. */
void milter_stream_receive(struct milter_stream *stream, char *at_r, size_t len);

/* The socket and what went wrong with it; NULL: nothing. */
const char *milter_stream_error(const struct milter_stream *stream);
/* Makes this the error, unless there is one. The socket is put before it. */
void milter_stream_fail(struct milter_stream *stream, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

#endif
