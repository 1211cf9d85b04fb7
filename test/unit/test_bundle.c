// SPDX-License-Identifier: ISC
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/keyfile.h"
#include "config/config.h"
#include "milter/bundle.h"
#include "part.h"
#include "unit.h"

#define STREAM_MAX 4096

/* Two ends of a socket. */
struct pair {
    int near;
    int far;
};

static struct pair pair_make(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

static void pair_close(struct pair *pair)
{
    close(pair->near);
    close(pair->far);
}

/* What is sent, for as long as the test lives. */
static struct bundle bundle_of(const struct text parts[5])
{
    struct bundle bundle = {0};
    char **const at[] = {&bundle.path, &bundle.config, NULL, &bundle.logins, &bundle.key_path};

    for (size_t i = 0; i < 5; i++) {
        if (at[i] == NULL || parts[i].at == NULL)
            continue;
        *at[i] = malloc(parts[i].len + 1);
        assert_non_null(*at[i]);
        memcpy(*at[i], parts[i].at, parts[i].len);
        (*at[i])[parts[i].len] = '\0';
    }
    if (parts[2].at != NULL) {
        /* Without a NUL behind it. */
        bundle.key = sodium_malloc(parts[2].len);
        assert_non_null(bundle.key);
        memcpy(bundle.key, parts[2].at, parts[2].len);
    }
    bundle.config_len = parts[1].len;
    bundle.key_len = parts[2].len;
    bundle.logins_len = parts[3].len;
    return bundle;
}

static void assert_same(const struct bundle *got, const struct bundle *want)
{
    assert_string_equal(got->path, want->path);
    part_assert(got->config, got->config_len, want->config, want->config_len);
    part_assert(got->key, got->key_len, want->key, want->key_len);
    part_assert(got->logins, got->logins_len, want->logins, want->logins_len);
    assert_int_equal(got->key_path == NULL, want->key_path == NULL);
    if (want->key_path != NULL)
        assert_string_equal(got->key_path, want->key_path);
}

static void assert_cleared(const struct bundle *bundle)
{
    assert_null(bundle->path);
    assert_null(bundle->config);
    assert_null(bundle->key);
    assert_null(bundle->logins);
    assert_null(bundle->key_path);
}

struct sending {
    int fd;
    const struct bundle *bundle;
    bool sent;
};

static void *send_it(void *context)
{
    struct sending *sending = context;

    sending->sent = bundle_send(sending->fd, sending->bundle);
    return NULL;
}

/* Sent by one thread, received by another. */
static void assert_arrives(const struct bundle *bundle, int buffer)
{
    struct pair pair = pair_make();
    struct sending sending = {pair.near, bundle, false};
    struct bundle got;
    pthread_t thread;

    if (buffer > 0)
        assert_int_equal(setsockopt(pair.near, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer), 0);
    assert_int_equal(pthread_create(&thread, NULL, send_it, &sending), 0);
    const bool received = bundle_receive(pair.far, &got);
    pthread_join(thread, NULL);
    assert_true(received);
    assert_true(sending.sent);
    assert_same(&got, bundle);
    bundle_clear(&got);
    assert_cleared(&got);
    pair_close(&pair);
}

#define PART(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define NO_PART                                                                                    \
    {                                                                                              \
        NULL, 0                                                                                    \
    }

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(what_is_sent_arrives)
{
    static const struct text table[][5] = {
            {PART("/p"), PART("c"), PART("k"), PART("l"), PART("/k")},
            {PART("/etc/verimail/verimail.conf"), PART("milter {\n}\n"), NO_PART, NO_PART, NO_PART},
            {PART("/p"), PART("c"), NO_PART, PART("a b\0c\n"), NO_PART},
            {PART("/p"), PART("\0\0\xff"), PART("host-secret:x"), NO_PART, PART("/keys/1.key")},
            {PART(""), PART(""), PART(""), PART(""), PART("")},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct bundle bundle = bundle_of(table[i]);
        assert_arrives(&bundle, 0);
        bundle_clear(&bundle);
        bundle_clear(&bundle);
    }
}

/* In many pieces: the socket takes little at a time. */
TEST(what_is_long_arrives)
{
    const size_t len = 3000001;
    char *many = malloc(len);

    assert_non_null(many);
    randombytes_buf(many, len);
    const struct text parts[5] = {
            PART("/p"), {many, len}, {many, KEYFILE_MAX}, {many, len - 1}, PART("/k")};
    struct bundle bundle = bundle_of(parts);
    assert_arrives(&bundle, 0);
    assert_arrives(&bundle, 1);
    bundle_clear(&bundle);
    free(many);
}

/* What goes over the socket for a bundle; its length. */
static size_t stream_of(const struct bundle *bundle, char stream_r[STREAM_MAX])
{
    struct pair pair = pair_make();

    assert_true(bundle_send(pair.near, bundle));
    const ssize_t len = recv(pair.far, stream_r, STREAM_MAX, 0);
    assert_true(len > 0);
    pair_close(&pair);
    return (size_t)len;
}

/* Whether it is received, with errno, when a stream has come and then an end. */
static bool receive(const char *stream, size_t len, struct bundle *bundle_r)
{
    struct pair pair = pair_make();

    assert_int_equal(send(pair.near, stream, len, 0), (ssize_t)len);
    assert_int_equal(shutdown(pair.near, SHUT_WR), 0);
    errno = 0;
    const bool received = bundle_receive(pair.far, bundle_r);
    const int error = errno;
    pair_close(&pair);
    errno = error;
    return received;
}

TEST(an_early_end_is_no_bundle)
{
    static const struct text parts[5] = {
            PART("/p"), PART("c"), PART("key"), PART("logins"), PART("/key")};
    struct bundle bundle = bundle_of(parts);
    struct bundle got;
    char stream[STREAM_MAX];
    const size_t len = stream_of(&bundle, stream);

    for (size_t n = 0; n < len; n++) {
        if (receive(stream, n, &got) || errno != ECONNRESET) {
            print_error("%zu of %zu octets: got errno %d, want %d\n", n, len, errno, ECONNRESET);
            fail();
        }
        assert_cleared(&got);
    }
    assert_true(receive(stream, len, &got));
    assert_same(&got, &bundle);
    bundle_clear(&got);
    bundle_clear(&bundle);
}

/* One after the other leave nothing behind. */
TEST(several_follow_each_other)
{
    static const struct text first[5] = {
            PART("/p"), PART("first"), PART("key"), PART("logins"), PART("/key")};
    static const struct text second[5] = {PART("/p"), PART("second"), NO_PART, NO_PART, NO_PART};
    struct bundle bundles[] = {bundle_of(first), bundle_of(second), bundle_of(first)};
    struct pair pair = pair_make();
    struct bundle got;

    for (size_t i = 0; i < 3; i++)
        assert_true(bundle_send(pair.near, &bundles[i]));
    for (size_t i = 0; i < 3; i++) {
        assert_true(bundle_receive(pair.far, &got));
        assert_same(&got, &bundles[i]);
        bundle_clear(&got);
        bundle_clear(&bundles[i]);
    }
    pair_close(&pair);
}

TEST(lengths_are_not_believed)
{
    static const struct {
        uint32_t head[6];
        int want;
    } table[] = {
            {{0, 2, 0, 0, 0}, EPROTO}, /* no path */
            {{2, 0, 0, 0, 0}, EPROTO}, /* no configuration */
            {{0, 0, 0, 0, 0}, EPROTO},
            {{65536 + 2, 2, 0, 0, 0}, EPROTO},
            {{2, CONFIG_MAX + 2, 0, 0, 0}, EPROTO},
            {{2, 2, KEYFILE_MAX + 2, 0, 0}, EPROTO},
            {{2, 2, 0, CONFIG_MAX + 2, 0}, EPROTO},
            {{UINT32_MAX, 2, 0, 0, 0}, EPROTO},
            {{2, UINT32_MAX, 0, 0, 0}, EPROTO},
            {{2, 2, UINT32_MAX, 0, 0}, EPROTO},
            {{2, 2, 0, UINT32_MAX, 0}, EPROTO},
            {{2, 2, 0, UINT32_MAX / 2 + 2, 0}, EPROTO},
            {{2, 2, 0, 0, 65536 + 2}, EPROTO},
            /* As long as may be: it is only not there. */
            {{65536 + 1, 2, 0, 0, 0}, ECONNRESET},
            {{2, CONFIG_MAX + 1, 0, 0, 0}, ECONNRESET},
            {{2, 2, KEYFILE_MAX + 1, 0, 0}, ECONNRESET},
            {{2, 2, 0, CONFIG_MAX + 1, 0}, ECONNRESET},
            {{2, 2, 0, 0, 65536 + 1}, ECONNRESET},
    };
    char stream[sizeof table->head + 2];
    struct bundle got;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        memcpy(stream, table[i].head, sizeof table->head);
        memcpy(stream + sizeof table->head, "pc", 2);
        const bool received = receive(stream, sizeof stream, &got);
        if (received || errno != table[i].want) {
            print_error("row %zu: got %d with errno %d, want errno %d\n", i, received, errno,
                    table[i].want);
            fail();
        }
        assert_cleared(&got);
    }
}

TEST(nobody_receives)
{
    static const struct text parts[5] = {PART("/p"), PART("c"), NO_PART, NO_PART, NO_PART};
    struct bundle bundle = bundle_of(parts);
    struct pair pair = pair_make();

    close(pair.far);
    assert_false(bundle_send(pair.near, &bundle));
    assert_int_equal(errno, EPIPE);
    close(pair.near);
    bundle_clear(&bundle);
}

/* A receiver that is there and reads nothing. */
TEST(somebody_does_not_listen)
{
    const struct timeval limit = {.tv_usec = 1000};
    const size_t len = 8000000;
    char *many = calloc(1, len);
    struct pair pair = pair_make();

    assert_non_null(many);
    const struct text parts[5] = {PART("/p"), {many, len}, NO_PART, NO_PART, NO_PART};
    struct bundle bundle = bundle_of(parts);
    assert_int_equal(setsockopt(pair.near, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    assert_false(bundle_send(pair.near, &bundle));
    assert_int_equal(errno, EAGAIN);
    bundle_clear(&bundle);
    pair_close(&pair);
    free(many);
}
