// SPDX-License-Identifier: ISC
#include "base/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel's own limit cuts it */

static bool listener_set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* The kernel refuses a socket without SO_REUSEPORT where another one listens. The option can be set
 * once the address is ours, so that more of ours can join. */
static int listener_open_at(const struct endpoint *endpoint, bool alone)
{
    const int family = endpoint->address.any.sa_family;
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    bool ok = listener_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
              (alone || listener_set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    if (family == AF_INET6)
        ok = ok && listener_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !endpoint->wildcard);
    ok = ok && listener_set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, LISTENER_DEFER);
    if (ok && bind(fd, &endpoint->address.any, endpoint->len) == 0 &&
            listener_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) && listen(fd, BACKLOG) == 0)
        return fd;
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool get_bound(int fd, struct endpoint *bound_r)
{
    *bound_r = (struct endpoint){.len = sizeof bound_r->address};
    return getsockname(fd, &bound_r->address.any, &bound_r->len) == 0;
}

int listener_open(const struct endpoint *endpoint, bool alone, struct endpoint *bound_r)
{
    const bool wildcard = endpoint->wildcard; /* the two may be one */
    struct endpoint at = *endpoint;
    int fd = listener_open_at(&at, alone);

    if (fd < 0 && wildcard && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        const in_port_t port = at.address.v6.sin6_port;
        at = (struct endpoint){.len = sizeof at.address.v4};
        at.address.v4.sin_family = AF_INET;
        at.address.v4.sin_port = port;
        fd = listener_open_at(&at, alone);
    }
    if (fd >= 0 && get_bound(fd, bound_r))
        bound_r->wildcard = wildcard;
    return fd;
}

bool listener_adopt(int fd, struct endpoint *bound_r)
{
    int type = 0;
    int listening = 0;
    socklen_t len = sizeof type;

    errno = EPROTOTYPE; /* unless a call fails */
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_STREAM)
        return false;
    len = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening)
        return false;
    if (!get_bound(fd, bound_r) || (bound_r->address.any.sa_family != AF_INET &&
                                           bound_r->address.any.sa_family != AF_INET6))
        return false;
    const int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
           listener_set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, LISTENER_DEFER);
}
