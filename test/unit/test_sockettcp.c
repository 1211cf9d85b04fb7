// SPDX-License-Identifier: ISC
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "fixture_socket.h"
#include "unit.h"

/* What libmilter listens at, as it does not say. */
static int find_listener(void)
{
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++) {
        int listens = 0;
        socklen_t size = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens)
            return fd;
    }
    return -1;
}

static bool is_without_delay(int fd)
{
    int value = 0;
    socklen_t size = sizeof value;

    return getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0 && value != 0;
}

static bool answers_without_delay(void *context)
{
    struct fixture_socket *place = context;

    if (!fixture_socket_open(place)) {
        fprintf(stderr, "%s\n", place->cause);
        return false;
    }
    const int listener = find_listener();
    socket_knock(&place->milter);
    const int accepted = accept(listener, NULL, NULL);
    return accepted >= 0 && is_without_delay(accepted);
}

TEST(tcp_is_without_delay)
{
    static const struct {
        const char *kind;
        const char *address;
        int family;
    } table[] = {
            {"inet", "127.0.0.1", AF_INET},
            {"inet", "127.3.2.1", AF_INET},
            {"inet6", "::1", AF_INET6},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fixture_socket place = {0};
        uint16_t port = 0;
        const int taken = fixture_socket_listen(table[i].address, table[i].family, &port);
        if (taken < 0)
            continue; /* no IPv6 here */
        snprintf(place.option, sizeof place.option, "%s:%u@%s", table[i].kind, (unsigned)port,
                table[i].address);
        place.milter.socket.at = place.option;
        assert_int_equal(child_end(fixture_socket_refuses, &place), 0); /* it is in use */
        close(taken);
        assert_int_equal(child_end(answers_without_delay, &place), 0);
    }
}

static bool says_in_use(void *context)
{
    struct fixture_socket *place = context;

    return fixture_socket_refuses(place) && strstr(place->cause, place->option) == place->cause &&
           strstr(place->cause, "another process answers at this socket") != NULL;
}

TEST(a_port_in_use_is_named)
{
    struct fixture_socket place = {0};
    uint16_t port = 0;
    const int taken = fixture_socket_listen("127.0.0.1", AF_INET, &port);

    assert_true(taken >= 0);
    snprintf(place.option, sizeof place.option, "inet:%u@127.0.0.1", (unsigned)port);
    place.milter.socket.at = place.option;
    assert_int_equal(child_end(says_in_use, &place), 0);
    close(taken);
}
