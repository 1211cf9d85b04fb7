// SPDX-License-Identifier: ISC
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/listener.h"
#include "unit.h"

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static struct endpoint endpoint(const char *text)
{
    struct endpoint parsed;

    assert_true(endpoint_parse(text, &parsed));
    return parsed;
}

static unsigned port(const struct endpoint *of)
{
    return ntohs(of->address.any.sa_family == AF_INET ? of->address.v4.sin_port
                                                      : of->address.v6.sin6_port);
}

static bool has_ipv6(void)
{
    const struct endpoint any = endpoint("[::1]:0");
    struct endpoint bound;
    const int fd = listener_open(&any, false, &bound);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void check_ours(int fd)
{
    assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
    assert_true(option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT) > 0);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

/* The kernel picks a port; a second socket shares it. */
TEST(several_share_one_port)
{
    const struct endpoint wanted = endpoint("127.0.0.1:0");
    struct endpoint bound;
    struct endpoint again;

    const int first = listener_open(&wanted, true, &bound);
    assert_true(first >= 0);
    assert_int_not_equal(port(&bound), 0);
    assert_int_equal(bound.len, sizeof bound.address.v4);
    assert_int_equal(option(first, SOL_SOCKET, SO_REUSEPORT), 1);
    check_ours(first);
    const int second = listener_open(&bound, false, &again);
    assert_true(second >= 0);
    assert_true(endpoint_equal(&bound, &again));
    close(first);
    close(second);
}

/* Every one of the sockets at `*` takes IPv4 as well, also when the endpoint is where the port that
 * was picked is put. */
TEST(wildcard_stays_one)
{
    struct endpoint at = endpoint("*:0");
    int fds[3];

    if (!has_ipv6())
        skip(); /* this machine has no IPv6 */
    for (int i = 0; i < 3; i++) {
        fds[i] = listener_open(&at, false, &at);
        assert_true(fds[i] >= 0);
        assert_true(at.wildcard);
        assert_int_not_equal(port(&at), 0);
        if (option(fds[i], IPPROTO_IPV6, IPV6_V6ONLY) != 0) {
            print_error("socket %d of 3 at `*` takes IPv6 alone\n", i + 1);
            fail();
        }
    }
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

TEST(ipv6_address_is_ipv6_alone)
{
    const struct endpoint wanted = endpoint("[::]:0");
    struct endpoint bound;

    if (!has_ipv6())
        skip(); /* this machine has no IPv6 */
    const int fd = listener_open(&wanted, false, &bound);
    assert_true(fd >= 0);
    assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    assert_false(bound.wildcard);
    close(fd);
}

TEST(failures_have_their_errno)
{
    const struct endpoint elsewhere = endpoint("240.0.0.1:0"); /* nobody has this address */
    struct endpoint bound;

    errno = 0;
    assert_int_equal(listener_open(&elsewhere, false, &bound), -1);
    assert_int_equal(errno, EADDRNOTAVAIL);
}

TEST(port_in_use_is_refused)
{
    struct endpoint wanted = endpoint("127.0.0.1:0");
    struct endpoint bound;
    const int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(other, &wanted.address.any, wanted.len), 0);
    assert_int_equal(listen(other, 1), 0);
    assert_int_equal(getsockname(other, &wanted.address.any, &wanted.len), 0);
    assert_int_equal(listener_open(&wanted, false, &bound), -1);
    assert_int_equal(errno, EADDRINUSE);
    close(other);
}

TEST(others_sockets_become_ours)
{
    const struct endpoint wanted = endpoint("127.0.0.1:0");
    struct endpoint bound;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, &wanted.address.any, wanted.len), 0);
    errno = 0;
    assert_false(listener_adopt(fd, &bound)); /* it does not listen yet */
    assert_int_not_equal(errno, 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_true(listener_adopt(fd, &bound));
    assert_int_not_equal(port(&bound), 0);
    check_ours(fd);
    close(fd);
}

TEST(other_things_are_not_adopted)
{
    struct endpoint bound;
    int ends[2];
    const int unix_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr family = {.sa_family = AF_UNIX};
    const int things[] = {socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), unix_listener,
            socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    assert_int_equal(bind(unix_listener, &family, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(unix_listener, 1), 0);
    for (size_t i = 0; i < sizeof things / sizeof *things; i++) {
        assert_true(things[i] >= 0);
        errno = 0;
        assert_false(listener_adopt(things[i], &bound));
        assert_int_not_equal(errno, 0);
        close(things[i]);
    }
    assert_int_equal(pipe(ends), 0);
    assert_false(listener_adopt(ends[0], &bound));
    assert_int_equal(errno, ENOTSOCK);
    close(ends[0]);
    close(ends[1]);
    assert_false(listener_adopt(ends[0], &bound));
    assert_int_equal(errno, EBADF);
}
