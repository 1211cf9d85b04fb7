// SPDX-License-Identifier: ISC
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/port_holder.h"
#include "unit.h"

static const struct {
    struct unit_row row;
    int family;
} families[] = {{{"IPv4"}, AF_INET}, {{"IPv6"}, AF_INET6}};

TEST_EACH(a_port_that_is_ours, families)
{
    struct sockaddr_storage at = {.ss_family = (sa_family_t)row->family};
    socklen_t len =
            row->family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    const int fd = socket(row->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct port_holder holder;

    if (fd < 0)
        skip();
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    const unsigned port = ntohs(row->family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port
                                                       : ((struct sockaddr_in6 *)&at)->sin6_port);
    assert_false(port_holder_find(port, &holder)); /* it does not listen yet */
    assert_int_equal(listen(fd, 1), 0);
    assert_true(port_holder_find(port, &holder));
    assert_int_equal(holder.pid, getpid());
    assert_string_equal(holder.name, "test_port_holde"); /* as the kernel cuts it */
    close(fd);
    assert_false(port_holder_find(port, &holder));
}
