// SPDX-License-Identifier: ISC
#include "fixture_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "milter/milter.h"
#include "unit.h"

void fixture_socket_make(struct fixture_socket *place_r, unsigned mode)
{
    *place_r = (struct fixture_socket){.folder = folder_make(), .group = getegid()};
    assert_int_equal(chmod(place_r->folder.path, 0755), 0);
    folder_path(&place_r->folder, "s", place_r->path);
    snprintf(place_r->option, sizeof place_r->option, "unix:%s", place_r->path);
    place_r->milter.socket.at = place_r->option;
    place_r->milter.socket_mode = mode;
}

void fixture_socket_end(struct fixture_socket *place)
{
    assert_int_equal(chmod(place->folder.path, 0755), 0);
    folder_remove(&place->folder);
}

bool fixture_socket_open(struct fixture_socket *place)
{
    return callbacks_register() &&
           socket_open(&place->milter, place->group, place->cause) == SOCKET_OPENED;
}

bool fixture_socket_refuses(void *context)
{
    struct fixture_socket *place = context;

    return callbacks_register() &&
           socket_open(&place->milter, place->group, place->cause) != SOCKET_OPENED;
}

int fixture_socket_bind(const char *path, int kind, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, kind | SOCK_CLOEXEC, 0);

    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

int fixture_socket_listen(const char *address, int family, uint16_t *port_r)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    socklen_t len = family == AF_INET ? sizeof v4 : sizeof v6;
    struct sockaddr *at = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    void *octets = family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr;
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || inet_pton(family, address, octets) != 1 || bind(fd, at, len) != 0 ||
            listen(fd, 1) != 0 || getsockname(fd, at, &len) != 0) {
        close(fd);
        return -1;
    }
    *port_r = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    return fd;
}
