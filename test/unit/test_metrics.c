// SPDX-License-Identifier: ISC
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "folder.h"
#include "recorder/metrics.h"
#include "unit.h"

#define TIMEOUT 30 /* seconds until something that must come has not */
#define REPLY_SIZE 262144

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_un local;
};

struct hostport {
    struct folder folder;
    union socket_address address;
    socklen_t len;
    int listener;
    struct counters *counters;
    struct metrics *metrics;
};

static void place_open(struct hostport *place)
{
    place->listener = socket(place->address.any.sa_family, SOCK_STREAM, 0);
    assert_true(place->listener >= 0);
    assert_int_equal(bind(place->listener, &place->address.any, place->len), 0);
    assert_int_equal(getsockname(place->listener, &place->address.any, &place->len), 0);
    assert_int_equal(listen(place->listener, 128), 0);
    place->counters = counters_init(NULL);
    assert_non_null(place->counters);
    place->metrics = metrics_start(place->listener, RECORDER_SERVICE, place->counters);
    assert_non_null(place->metrics);
}

static struct hostport open_unix(void)
{
    struct hostport place = {.folder = folder_make(),
            .address.local.sun_family = AF_UNIX,
            .len = sizeof(union socket_address)};
    char path[FOLDER_PATH_MAX];

    folder_path(&place.folder, "metrics", path);
    assert_true(strlen(path) < sizeof place.address.local.sun_path);
    memcpy(place.address.local.sun_path, path, strlen(path) + 1);
    place.len = sizeof place.address.local;
    place_open(&place);
    return place;
}

static struct hostport open_loopback(void)
{
    struct hostport place = {.folder = folder_make(),
            .address.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
            .len = sizeof(struct sockaddr_in)};

    place_open(&place);
    return place;
}

static void place_close(struct hostport *place)
{
    metrics_stop(&place->metrics);
    assert_null(place->metrics);
    close(place->listener);
    counters_free(&place->counters);
    folder_remove(&place->folder);
}

static int client(const struct hostport *place)
{
    const struct timeval timeout = {.tv_sec = unit_patience(TIMEOUT)};
    const int fd = socket(place->address.any.sa_family, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout), 0);
    assert_int_equal(connect(fd, &place->address.any, place->len), 0);
    return fd;
}

/* As much as the other side takes: it may have had enough. */
static void say(int fd, const char *octets, size_t len)
{
    while (len > 0) {
        const ssize_t sent = send(fd, octets, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        octets += sent;
        len -= (size_t)sent;
    }
}

/* Everything up to the end, which must come. */
static const char *hear(int fd)
{
    static char buffer[REPLY_SIZE];
    size_t len = 0;
    ssize_t got;

    while ((got = recv(fd, buffer + len, sizeof buffer - 1 - len, 0)) > 0)
        len += (size_t)got;
    buffer[len] = '\0';
    if (got < 0 && (len == 0 || errno == EAGAIN))
        snprintf(buffer, sizeof buffer, "%s", strerror(errno));
    close(fd);
    return buffer;
}

static const char *ask(const struct hostport *place, const char *request)
{
    const int fd = client(place);

    say(fd, request, strlen(request));
    return hear(fd);
}

static void check_begins(const char *about, const char *got, const char *want)
{
    if (strncmp(got, want, strlen(want)) != 0) {
        print_error("%s: got `%s`, want `%s...`\n", about, got, want);
        fail();
    }
}

static void check_has(const char *about, const char *got, const char *want)
{
    if (strcasestr(got, want) == NULL) {
        print_error("%s: got `%s`, want `%s` in it\n", about, got, want);
        fail();
    }
}

#define GET_METRICS "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void counters_are_shown(struct hostport *place)
{
    char *want = metrics_exposition(RECORDER_SERVICE, place->counters, 0);

    assert_non_null(want);
    const char *got = ask(place, GET_METRICS);
    check_begins("metrics", got, "HTTP/1.1 200 ");
    check_has("metrics", got, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    const char *body = strstr(got, "\r\n\r\n");
    assert_non_null(body);
    assert_string_equal(body + 4, want);
    free(want);
}

TEST(over_a_unix_socket)
{
    struct hostport place = open_unix();

    counters_are_shown(&place);
    counters_note(place.counters, VERDICT_NO, REASON_FORGED, 3);
    counters_are_shown(&place);
    place_close(&place);
}

TEST(over_loopback)
{
    struct hostport place = open_loopback();

    counters_are_shown(&place);
    place_close(&place);
}

TEST(requests_get_their_status)
{
    static const struct {
        const char *request;
        const char *begins;
        const char *has;
    } cases[] = {
            {"GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.", "\r\n\r\n#"},
            {"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n#"},
            {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "/metrics\n"},
            {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n"},
            {"GET /metrics/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "\r\n\r\n"},
            {"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "\r\n\r\n"},
            {"GET //metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "\r\n\r\n"},
            {"HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "\r\n\r\n"},
            {"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 ",
                    "\r\nAllow: GET, HEAD\r\n"},
            {"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 405 ",
                    "\r\nAllow: GET, HEAD\r\n"},
            {"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ", "\r\n\r\n"},
            {"get /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ", "\r\n\r\n"},
            {"GET /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "\r\n\r\n"},
    };
    struct hostport place = open_unix();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = ask(&place, cases[i].request);
        check_begins(cases[i].request, got, cases[i].begins);
        check_has(cases[i].request, got, cases[i].has);
        check_has(cases[i].request, got, "\r\nConnection: close\r\n");
    }
    place_close(&place);
}

TEST(head_has_no_body)
{
    struct hostport place = open_unix();
    char length[64];
    char *body = metrics_exposition(RECORDER_SERVICE, place.counters, 0);

    assert_non_null(body);
    const char *got = ask(&place, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", strlen(body));
    check_has("HEAD", got, length);
    assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\n");
    free(body);
    place_close(&place);
}

/* Whatever it is answered with, others are served. */
TEST(garbage_harms_nobody)
{
    static const char *const garbage[] = {
            "\r\n\r\n",
            "\n",
            "GET\r\n\r\n",
            "GET /metrics\r\n\r\n",
            "GET /metrics HTTP/9.9\r\nHost: a\r\n\r\n",
            "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
            "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            "alice@example.org - rcpt=example.net\r\n",
            ": : :\r\n: \r\n\r\n",
    };
    struct hostport place = open_unix();
    char *long_one = malloc(1 << 20);

    assert_non_null(long_one);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        const int fd = client(&place);
        say(fd, garbage[i], strlen(garbage[i]));
        shutdown(fd, SHUT_WR);
        (void)hear(fd);
        counters_are_shown(&place);
    }
    static const char *const heads[] = {"", "GET /", "GET / HTTP/1.1\r\nX: ", "GET /?"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        memset(long_one, 'x', 1 << 20);
        memcpy(long_one, heads[i], strlen(heads[i]));
        const int fd = client(&place);
        say(fd, long_one, 1 << 20);
        (void)hear(fd);
        counters_are_shown(&place);
    }
    free(long_one);
    place_close(&place);
}

/* Twice as many as may be connected at once begin a request and do not end it; the oldest have made
 * room. */
TEST(slow_ones_keep_nobody_out)
{
    struct hostport place = open_loopback();
    int slow[2 * METRICS_CONNECTIONS];

    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
        slow[i] = client(&place);
        say(slow[i], "GET /met", 8);
    }
    counters_are_shown(&place);
    for (size_t i = 0; i < METRICS_CONNECTIONS; i++)
        assert_string_equal(hear(slow[i]), "");
    /* The youngest but the one that left for the last question is served still. */
    const int last = slow[2 * METRICS_CONNECTIONS - 1];
    say(last, "rics HTTP/1.0\r\n\r\n", 17);
    check_has("the youngest", hear(last), "\r\n\r\n#");
    for (size_t i = METRICS_CONNECTIONS; i + 1 < sizeof slow / sizeof *slow; i++)
        close(slow[i]);
    place_close(&place);
}

/* They ask, and never read. */
TEST(deaf_ones_keep_nobody_out)
{
    struct hostport place = open_unix();
    int deaf[3 * METRICS_CONNECTIONS];

    for (size_t i = 0; i < sizeof deaf / sizeof *deaf; i++) {
        deaf[i] = client(&place);
        for (unsigned k = 0; k < 8; k++)
            say(deaf[i], GET_METRICS, strlen(GET_METRICS));
    }
    counters_are_shown(&place);
    for (size_t i = 0; i < sizeof deaf / sizeof *deaf; i++)
        close(deaf[i]);
    counters_are_shown(&place);
    place_close(&place);
}

/* As at a reload: what the first leaves is the second's. */
TEST(two_share_a_socket)
{
    struct hostport place = open_unix();
    struct metrics *other = metrics_start(place.listener, RECORDER_SERVICE, place.counters);

    assert_non_null(other);
    for (unsigned i = 0; i < 100; i++)
        counters_are_shown(&place);
    metrics_stop(&place.metrics);
    for (unsigned i = 0; i < 100; i++)
        counters_are_shown(&place);
    metrics_stop(&other);
    metrics_stop(&other);
    /* Nobody is there; who asks now waits in the queue for the next. */
    const int waiting = client(&place);
    say(waiting, GET_METRICS, strlen(GET_METRICS));
    place.metrics = metrics_start(place.listener, RECORDER_SERVICE, place.counters);
    assert_non_null(place.metrics);
    check_has("who waited", hear(waiting), "\r\n\r\n#");
    place_close(&place);
}

/* One stops after the other, as at reloads, while somebody asks: nobody's connection is closed
 * without an answer. */
TEST(who_was_accepted_is_answered)
{
    struct hostport place = open_unix();
    int asking[20];
    const size_t count = sizeof asking / sizeof *asking;

    for (unsigned round = 0; round < 20; round++) {
        struct metrics *next = metrics_start(place.listener, RECORDER_SERVICE, place.counters);
        assert_non_null(next);
        for (size_t i = 0; i < count; i++) {
            asking[i] = client(&place);
            say(asking[i], GET_METRICS, strlen(GET_METRICS));
        }
        metrics_stop(&place.metrics);
        place.metrics = next;
        for (size_t i = 0; i < count; i++)
            check_begins("who was accepted", hear(asking[i]), "HTTP/1.1 200 ");
    }
    place_close(&place);
}

TEST(what_is_no_socket_is_refused)
{
    struct counters *counters = counters_init(NULL);

    assert_non_null(counters);
    assert_null(metrics_start(-1, RECORDER_SERVICE, counters));
    counters_free(&counters);
}
