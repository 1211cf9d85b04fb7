// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_TLS_H
#define VERIMAIL_REPLAY_REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#define REDISTLS_WHY_MAX 128 /* octets of a sentence's end, with a NUL */

/* TLS 1.2 or newer as a client (RFC 8446), by OpenSSL. All certificates are read at the start: a
 * process that is shut in later opens no file. SIGPIPE must be ignored. */
struct redistls;

/* `ca`: a file of certificates; NULL: the machine's. NULL with a reason when there are none. */
struct redistls *redistls_init(const char *ca, char why_r[REDISTLS_WHY_MAX]);
void redistls_free(struct redistls **tls);

struct redistls_stream;

/* A stream over a connected descriptor that does not block. The other side's certificate must be
 * for one of the names, which may be addresses; the first is the one that it is asked for, if it is
 * a name. `names` is borrowed. NULL when memory is short. */
struct redistls_stream *redistls_begin(
        struct redistls *tls, int fd, const char *const *names, size_t count);
void redistls_end(struct redistls_stream **stream);

enum redistls_result {
    REDISTLS_OK,
    REDISTLS_WANTS_IN,  /* go on when there is something to be read */
    REDISTLS_WANTS_OUT, /* go on when there is room to write */
    REDISTLS_CLOSED,    /* by the other side */
    REDISTLS_BROKEN,    /* redistls_why() */
};

/* Shakes hands; REDISTLS_OK when that is done and the certificate is good. */
enum redistls_result redistls_shake(struct redistls_stream *stream);
enum redistls_result redistls_read(
        struct redistls_stream *stream, char *room, size_t size, size_t *len_r);
/* Goes on, after anything but REDISTLS_OK, with octets that begin with the same. */
enum redistls_result redistls_write(
        struct redistls_stream *stream, const char *octets, size_t len, size_t *len_r);
/* Whether octets were read from the socket that redistls_read() has not given yet. */
bool redistls_has_more(const struct redistls_stream *stream);
const char *redistls_why(const struct redistls_stream *stream);

#endif
