// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_TLS_H
#define VERIMAIL_REPLAY_REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#define REDIS_TLS_ERROR_MAX 128 /* octets of a sentence's end, with a NUL */

/* TLS 1.2 or newer as a client (RFC 8446), by OpenSSL. All certificates are read at the start: a
 * process that is shut in later opens no file. SIGPIPE must be ignored. */
struct redis_tls;

/* `ca`: a file of certificates; NULL: the machine's. NULL with a reason when there are none. */
struct redis_tls *redis_tls_init(const char *ca, char error_r[REDIS_TLS_ERROR_MAX]);
void redis_tls_free(struct redis_tls **tls);

struct redis_tls_stream;

/* A stream over a connected descriptor that does not block. The other side's certificate must be
 * for one of the names, which may be addresses; the first is the one that it is asked for, if it is
 * a name. `names` is borrowed. NULL when out of memory. */
struct redis_tls_stream *redis_tls_begin(
        struct redis_tls *tls, int fd, const char *const *names, size_t count);
void redis_tls_end(struct redis_tls_stream **stream);

enum redis_tls_result {
    REDIS_TLS_OK,
    REDIS_TLS_WANTS_IN,  /* go on when there is something to be read */
    REDIS_TLS_WANTS_OUT, /* go on when there is room to write */
    REDIS_TLS_CLOSED,    /* by the other side */
    REDIS_TLS_BROKEN,    /* redis_tls_error() */
};

/* Shakes hands; REDIS_TLS_OK when that is done and the certificate is good. */
enum redis_tls_result redis_tls_shake(struct redis_tls_stream *stream);
enum redis_tls_result redis_tls_read(
        struct redis_tls_stream *stream, char *buffer, size_t size, size_t *len_r);
/* Goes on, after anything but REDIS_TLS_OK, with octets that begin with the same. */
enum redis_tls_result redis_tls_write(
        struct redis_tls_stream *stream, const char *octets, size_t len, size_t *len_r);
/* Whether octets were read from the socket that redis_tls_read() has not given yet. */
bool redis_tls_has_more(const struct redis_tls_stream *stream);
const char *redis_tls_error(const struct redis_tls_stream *stream);

#endif
