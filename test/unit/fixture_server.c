// SPDX-License-Identifier: ISC
#include "fixture_server.h"
#include "events/event.h"

#include <err.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "vectors.h"

#define TIMEOUT 5000 /* milliseconds for what the kernel has to do */

int fixture_server_listen(struct endpoint *at_r)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (!endpoint_parse("127.0.0.1:0", at_r) || bind(fd, &at_r->address.any, at_r->len) != 0 ||
            listen(fd, 64) != 0 || getsockname(fd, &at_r->address.any, &at_r->len) != 0)
        err(EXIT_FAILURE, "a socket to listen on");
    return fd;
}

/* The service's folder, with a key of 2013. */
static struct folder fixture_server_folder(void)
{
    const struct folder folder = folder_make();
    struct vectors *vectors = vectors_open("classic.txt");

    while (vectors_next(vectors) && !vectors_has(vectors, "key"))
        continue;
    const struct text pem = vectors_get(vectors, "key");
    folder_write(&folder, "classic.key", pem.at, pem.len, 0600);
    vectors_free(&vectors);
    return folder;
}

struct fixture_server fixture_server_open(
        const char *replay, uint64_t connections, uint64_t per_address)
{
    char address[512];
    const struct config_service limits = {.replay = {.at = address},
            .connections = connections,
            .connections_per_address = per_address};
    struct fixture_server fixture = {.epoll = epoll_create1(EPOLL_CLOEXEC)};

    strcpy(address, replay);
    fixture.service = fixture_service_open_in(fixture_server_folder(), "",
            "domain example.org { hosts = " FIXTURE_SERVICE_HOST "\n"
            " classic_key = \"$/classic.key\" user bob { allow_unauthorized = yes } }\n");
    setenv("JOURNAL_STREAM", "8:1", 1);
    fixture.capture = capture_begin();
    log_init();
    fixture.listener = fixture_server_listen(&fixture.at);
    fixture.keyuse = keyuse_init(service_keyring(fixture.service.service));
    fixture.counters = counters_init(NULL);
    fixture.ring = ring_init(&event_kind);
    const struct server_setup setup = {.service = fixture.service.service,
            .config = &limits,
            .keyuse = fixture.keyuse,
            .counters = fixture.counters,
            .ring = fixture.ring,
            .epoll = fixture.epoll};
    fixture.server = server_init(&setup);
    if (fixture.server == NULL)
        err(EXIT_FAILURE, "a server");
    return fixture;
}

const char *fixture_server_close(struct fixture_server *fixture)
{
    static char logged[65536];

    server_free(&fixture->server);
    keyuse_free(&fixture->keyuse);
    ring_free(&fixture->ring);
    counters_free(&fixture->counters);
    close(fixture->epoll);
    close(fixture->listener);
    capture_read(&fixture->capture, logged, sizeof logged);
    capture_end(&fixture->capture);
    fixture_service_close(&fixture->service);
    return logged;
}

int fixture_server_connect(const struct fixture_server *fixture, const char *octets)
{
    return fixture_server_connect_from(fixture, 1, octets);
}

int fixture_server_connect_from(
        const struct fixture_server *fixture, unsigned char source, const char *octets)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const size_t len = strlen(octets);
    struct sockaddr_in from = {.sin_family = AF_INET};

    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + source);
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) != 0 ||
            connect(fd, &fixture->at.address.any, fixture->at.len) != 0 ||
            send(fd, octets, len, MSG_NOSIGNAL) != (ssize_t)len)
        err(EXIT_FAILURE, "a client");
    return fd;
}

void fixture_server_accept(struct fixture_server *fixture, uint64_t mono_ms)
{
    struct pollfd ready = {.fd = fixture->listener, .events = POLLIN};

    if (poll(&ready, 1, TIMEOUT) != 1)
        errx(EXIT_FAILURE, "no client comes");
    (void)server_accept(fixture->server, fixture->listener, 1, mono_ms);
}

int fixture_server_go_on(struct fixture_server *fixture, uint64_t mono_ms)
{
    struct epoll_event events[16];
    const int count = epoll_wait(fixture->epoll, events, 16, TIMEOUT);

    for (int i = 0; i < count; i++)
        server_on_readable(fixture->server, (uint32_t)events[i].data.u64, mono_ms);
    return count;
}

const char *fixture_server_received(int client)
{
    static char buffer[1024];
    size_t len = 0;
    struct pollfd ready = {.fd = client, .events = POLLIN};

    while (poll(&ready, 1, TIMEOUT) == 1) {
        const ssize_t got = recv(client, buffer + len, sizeof buffer - 8 - len, 0);
        if (got <= 0) {
            strcpy(buffer + len, got == 0 ? "" : "reset");
            return buffer;
        }
        len += (size_t)got;
    }
    return "not closed";
}

bool fixture_server_has_closed(int client)
{
    struct pollfd ready = {.fd = client, .events = POLLRDHUP};

    return poll(&ready, 1, 0) == 1;
}
