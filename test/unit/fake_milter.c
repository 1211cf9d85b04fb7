// SPDX-License-Identifier: ISC
#include "fake_milter.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit.h"

#define HEARD_MAX (4u << 20)
#define SAYS_MAX (6u << 20)

static struct fake_milter {
    enum fake_milter_manner manner;
    struct folder folder;
    char socket[FOLDER_PATH_MAX + 8];
    int listener;
    int filler;  /* the connection that fills the queue of one that is busy */
    int stop[2]; /* a pipe */
    pthread_t thread;
    size_t says_len;
    size_t heard_len;
    char says[SAYS_MAX];
    char heard[HEARD_MAX]; /* when the thread has ended */
} fake;

void fake_milter_reset(enum fake_milter_manner manner)
{
    fake.manner = manner;
    fake.says_len = fake.heard_len = 0;
}

void fake_milter_say_raw(const char *octets, size_t len)
{
    assert_true(len <= sizeof fake.says - fake.says_len);
    memcpy(fake.says + fake.says_len, octets, len);
    fake.says_len += len;
}

void fake_milter_say(char kind, const char *data, size_t len)
{
    const uint32_t size = htonl((uint32_t)len + 1);

    fake_milter_say_raw((const char *)&size, sizeof size);
    fake_milter_say_raw(&kind, 1);
    fake_milter_say_raw(data, len);
}

void fake_milter_say_welcome(void)
{
    fake_milter_say('O', FAKE_MILTER_TERMS, 12);
    fake_milter_say('c', "", 0);
}

static void fake_milter_speak(int fd)
{
    const size_t step = fake.manner == FAKE_MILTER_TRICKLES ? 1 : fake.says_len;
    size_t at = 0;
    ssize_t n = 1;

    while (at < fake.says_len && n > 0) {
        n = send(fd, fake.says + at, step < fake.says_len - at ? step : fake.says_len - at,
                MSG_NOSIGNAL);
        at += n > 0 ? (size_t)n : 0;
    }
}

static void *fake_milter_run(void *context)
{
    char octet = 0;
    ssize_t n = 1;

    (void)context;
    if (fake.manner == FAKE_MILTER_IS_GONE || fake.manner == FAKE_MILTER_IS_BUSY)
        return NULL;
    const int fd = accept(fake.listener, NULL, NULL);
    fake_milter_speak(fd);
    if (fake.manner == FAKE_MILTER_ENDS)
        (void)shutdown(fd, SHUT_WR);
    if (fake.manner == FAKE_MILTER_IS_DEAF)
        (void)!read(fake.stop[0], &octet, 1);
    while (fake.manner != FAKE_MILTER_IS_DEAF && fake.manner != FAKE_MILTER_CLOSES && n > 0) {
        n = recv(fd, fake.heard + fake.heard_len, sizeof fake.heard - fake.heard_len, 0);
        fake.heard_len += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    return NULL;
}

static void fake_milter_bind_unix(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char path[FOLDER_PATH_MAX];

    folder_path(&fake.folder, "s", path);
    snprintf(fake.socket, sizeof fake.socket, "unix:%s", path);
    memcpy(un.sun_path, path, strlen(path) + 1);
    fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake.listener, (struct sockaddr *)&un, sizeof un), 0);
    if (fake.manner != FAKE_MILTER_IS_GONE)
        assert_int_equal(listen(fake.listener, 0), 0);
    if (fake.manner != FAKE_MILTER_IS_BUSY)
        return;
    fake.filler = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fake.filler, (struct sockaddr *)&un, sizeof un), 0);
}

static void fake_milter_bind_inet(int family)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *at = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t len = family == AF_INET ? sizeof v4 : sizeof v6;

    fake.listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake.listener, at, len), 0);
    if (fake.manner != FAKE_MILTER_IS_GONE)
        assert_int_equal(listen(fake.listener, 1), 0);
    assert_int_equal(getsockname(fake.listener, at, &len), 0);
    if (family == AF_INET)
        snprintf(fake.socket, sizeof fake.socket, "inet:%u@127.0.0.1", ntohs(v4.sin_port));
    else
        snprintf(fake.socket, sizeof fake.socket, "inet6:%u@::1", ntohs(v6.sin6_port));
}

static void fake_milter_start(int family)
{
    fake.folder = folder_make();
    assert_int_equal(pipe(fake.stop), 0);
    fake.filler = -1;
    if (family == AF_UNIX)
        fake_milter_bind_unix();
    else
        fake_milter_bind_inet(family);
    assert_int_equal(pthread_create(&fake.thread, NULL, fake_milter_run, NULL), 0);
}

static void fake_milter_stop(void)
{
    close(fake.stop[1]);
    (void)shutdown(fake.listener, SHUT_RDWR); /* where nobody came, it still waits */
    assert_int_equal(pthread_join(fake.thread, NULL), 0);
    close(fake.stop[0]);
    close(fake.listener);
    if (fake.filler >= 0)
        close(fake.filler);
    folder_remove(&fake.folder);
}

struct milter_client *fake_milter_open(int family, int timeout_ms)
{
    fake_milter_start(family);
    struct milter_client *client = milter_client_open(fake.socket, timeout_ms);
    if (client == NULL)
        fake_milter_stop();
    assert_non_null(client);
    return client;
}

void fake_milter_hear_message(struct milter_client *client)
{
    const struct milter_client_mail mail = {
            .daemon_name = "25",
            .client_address = "192.0.2.1",
            .client_port = 4711,
            .queue_id = "q",
            .auth_type = "PLAIN",
            .login = "a",
            .sender = "a@b",
    };

    milter_client_mail(client, &mail);
    milter_client_recipient(client, "c@d");
    milter_client_field(client, "From", 4, " a@b\n x", 7);
    milter_client_header_end(client);
    (void)milter_client_body(client, "hi\n", 3);
}

void fake_milter_check_error(const struct milter_client *client, const char *part)
{
    const char *got = milter_client_error(client);

    if (got == NULL || strstr(got, part) == NULL || strncmp(got, fake.socket, 5) != 0)
        fail_msg("got `%s`, want `%s`", got != NULL ? got : "no error", part);
}

void fake_milter_end(struct milter_client **client)
{
    milter_client_free(client);
    assert_null(*client);
    fake_milter_stop();
}

const char *fake_milter_heard(size_t *len_r)
{
    *len_r = fake.heard_len;
    return fake.heard;
}
