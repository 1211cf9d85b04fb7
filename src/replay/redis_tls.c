// SPDX-License-Identifier: ISC
#include "replay/redis_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct redis_tls {
    SSL_CTX *context;
};

struct redis_tls_stream {
    SSL *ssl;
    const char *const *names;
    size_t names_count;
    char error[REDIS_TLS_ERROR_MAX];
};

/* Loads the machine's certificates from OpenSSL's default place, or from Debian's bundle in the
 * same folder. */
static bool load_machines(SSL_CTX *context)
{
    const char *file = getenv(X509_get_default_cert_file_env());
    char path[512];

    if (file != NULL)
        return SSL_CTX_load_verify_file(context, file) == 1;
    if (access(X509_get_default_cert_file(), R_OK) == 0)
        return SSL_CTX_load_verify_file(context, X509_get_default_cert_file()) == 1;
    snprintf(path, sizeof path, "%s/ca-certificates.crt", X509_get_default_cert_dir());
    return SSL_CTX_load_verify_file(context, path) == 1;
}

struct redis_tls *redis_tls_init(const char *ca, char error_r[REDIS_TLS_ERROR_MAX])
{
    struct redis_tls *tls = calloc(1, sizeof *tls);
    bool good = false;

    snprintf(error_r, REDIS_TLS_ERROR_MAX, "out of memory");
    if (tls == NULL)
        return NULL;
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context != NULL) {
        snprintf(error_r, REDIS_TLS_ERROR_MAX, "%s: has no certificates to trust",
                ca != NULL ? ca : "the machine's store");
        SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_mode(
                tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        good = SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) == 1 &&
               (ca != NULL ? SSL_CTX_load_verify_file(tls->context, ca) == 1
                           : load_machines(tls->context));
    }
    ERR_clear_error();
    if (!good)
        redis_tls_free(&tls);
    return tls;
}

void redis_tls_free(struct redis_tls **tls)
{
    if (*tls == NULL)
        return;
    SSL_CTX_free((*tls)->context);
    free(*tls);
    *tls = NULL;
}

static bool redis_tls_is_address(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

/* OpenSSL copies the name, but its parameter is not const. */
static bool name_server(struct redis_tls_stream *stream, const char *name)
{
    char copy[TLSEXT_MAXLEN_host_name + 1];

    snprintf(copy, sizeof copy, "%s", name);
    return SSL_set_tlsext_host_name(stream->ssl, copy) == 1;
}

struct redis_tls_stream *redis_tls_begin(
        struct redis_tls *tls, int fd, const char *const *names, size_t count)
{
    struct redis_tls_stream *stream = calloc(1, sizeof *stream);

    if (stream == NULL)
        return NULL;
    stream->names = names;
    stream->names_count = count;
    stream->ssl = SSL_new(tls->context);
    if (stream->ssl == NULL || SSL_set_fd(stream->ssl, fd) != 1 ||
            (count > 0 && !redis_tls_is_address(names[0]) && !name_server(stream, names[0])))
        redis_tls_end(&stream);
    else
        SSL_set_connect_state(stream->ssl);
    ERR_clear_error();
    return stream;
}

void redis_tls_end(struct redis_tls_stream **stream)
{
    if (*stream == NULL)
        return;
    SSL_free((*stream)->ssl);
    free(*stream);
    *stream = NULL;
}

/* The first entry of OpenSSL's error queue is the cause. A certificate error has its own text. */
static void redis_tls_note_error(struct redis_tls_stream *stream)
{
    const long verified = SSL_get_verify_result(stream->ssl);
    const unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);

    if (verified != X509_V_OK)
        reason = X509_verify_cert_error_string(verified);
    else if (error == 0)
        reason = errno != 0 ? strerror(errno) : "the connection broke";
    snprintf(stream->error, sizeof stream->error, "TLS: %s", reason != NULL ? reason : "failed");
}

/* Clears errors that other streams left in OpenSSL's queue. */
static void begin_call(void)
{
    ERR_clear_error();
    errno = 0;
}

static enum redis_tls_result redis_tls_result_of(struct redis_tls_stream *stream, int returned)
{
    enum redis_tls_result result = REDIS_TLS_BROKEN;

    switch (SSL_get_error(stream->ssl, returned)) {
    case SSL_ERROR_NONE:
        return REDIS_TLS_OK;
    case SSL_ERROR_WANT_READ:
        result = REDIS_TLS_WANTS_IN;
        break;
    case SSL_ERROR_WANT_WRITE:
        result = REDIS_TLS_WANTS_OUT;
        break;
    case SSL_ERROR_ZERO_RETURN:
        result = REDIS_TLS_CLOSED;
        break;
    default:
        redis_tls_note_error(stream);
        break;
    }
    return result;
}

static bool redis_tls_is_named(const struct redis_tls_stream *stream)
{
    X509 *certificate = SSL_get0_peer_certificate(stream->ssl);

    for (size_t i = 0; certificate != NULL && i < stream->names_count; i++) {
        const char *name = stream->names[i];
        if (redis_tls_is_address(name) ? X509_check_ip_asc(certificate, name, 0) == 1
                                       : X509_check_host(certificate, name, 0, 0, NULL) == 1)
            return true;
    }
    return false;
}

enum redis_tls_result redis_tls_shake(struct redis_tls_stream *stream)
{
    begin_call();
    const enum redis_tls_result result = redis_tls_result_of(stream, SSL_do_handshake(stream->ssl));

    if (result != REDIS_TLS_OK || redis_tls_is_named(stream))
        return result;
    snprintf(stream->error, sizeof stream->error, "TLS: the certificate is not for %s",
            stream->names_count > 0 ? stream->names[0] : "it");
    return REDIS_TLS_BROKEN;
}

enum redis_tls_result redis_tls_read(
        struct redis_tls_stream *stream, char *buffer, size_t size, size_t *len_r)
{
    begin_call();
    return redis_tls_result_of(stream, SSL_read_ex(stream->ssl, buffer, size, len_r));
}

enum redis_tls_result redis_tls_write(
        struct redis_tls_stream *stream, const char *octets, size_t len, size_t *len_r)
{
    begin_call();
    return redis_tls_result_of(stream, SSL_write_ex(stream->ssl, octets, len, len_r));
}

bool redis_tls_has_more(const struct redis_tls_stream *stream)
{
    return SSL_has_pending(stream->ssl) == 1;
}

const char *redis_tls_error(const struct redis_tls_stream *stream)
{
    return stream->error;
}
