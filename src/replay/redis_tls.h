// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_TLS_H
#define VERIMAIL_REPLAY_REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#define REDIS_TLS_ERROR_MAX 128 /* octets of an error text, with its NUL */

/* A TLS client (RFC 8446, version 1.2 or newer) by OpenSSL. All certificates are read at the start,
 * because a sandboxed process opens no file. SIGPIPE must be ignored. */
struct redis_tls;

/* `ca`: a file of certificates; NULL: the machine's. NULL with the reason in `error_r` when no
 * certificate could be read. */
struct redis_tls *redis_tls_init(const char *ca, char error_r[REDIS_TLS_ERROR_MAX]);
void redis_tls_free(struct redis_tls **tls);

struct redis_tls_stream;

/* A stream over a connected, non-blocking descriptor. The server's certificate must match one of
 * the names, which may be addresses. The first one is sent as the server name (SNI), unless it is
 * an address. `names` is borrowed. NULL when out of memory. */
struct redis_tls_stream *redis_tls_begin(
        struct redis_tls *tls, int fd, const char *const *names, size_t count);
void redis_tls_end(struct redis_tls_stream **stream);

enum redis_tls_result {
    REDIS_TLS_OK,
    REDIS_TLS_WANTS_IN,  /* call again when there is something to read */
    REDIS_TLS_WANTS_OUT, /* call again when the socket can be written to */
    REDIS_TLS_CLOSED,    /* the server closed the connection */
    REDIS_TLS_BROKEN,    /* redis_tls_error() has the error */
};

/* Continues the handshake. REDIS_TLS_OK: it is complete, and the certificate is valid. */
enum redis_tls_result redis_tls_shake(struct redis_tls_stream *stream);
enum redis_tls_result redis_tls_read(
        struct redis_tls_stream *stream, char *buffer, size_t size, size_t *len_r);
/* After any result but REDIS_TLS_OK, call again with octets that begin with the same ones. */
enum redis_tls_result redis_tls_write(
        struct redis_tls_stream *stream, const char *octets, size_t len, size_t *len_r);
/* Whether octets were read from the socket that redis_tls_read() has not returned yet. */
bool redis_tls_has_more(const struct redis_tls_stream *stream);
const char *redis_tls_error(const struct redis_tls_stream *stream);

#endif
