// SPDX-License-Identifier: ISC
#include "config/port_check.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/listener.h"
#include "unit.h"

/* What is said of an address while `daemon` may run. */
static void said_of(const char *address, const char *daemon, char *text_r, size_t size)
{
    char copy[ENDPOINT_TEXT_MAX];
    struct problems *warnings = problems_init("f");

    (void)snprintf(copy, sizeof copy, "%s", address);
    const struct config_text option = {copy, 7};
    assert_non_null(warnings);
    port_check(&option, address, daemon, warnings);
    (void)snprintf(text_r, size, "%s", problems_text(warnings));
    problems_free(&warnings);
}

TEST(a_port_is_free_or_taken)
{
    struct endpoint endpoint;
    struct endpoint bound;
    char address[ENDPOINT_TEXT_MAX];
    char got[512];
    char want[512];

    assert_true(endpoint_parse("127.0.0.1:0", &endpoint));
    const int fd = listener_open(&endpoint, true, &bound);
    assert_true(fd >= 0);
    endpoint_format(&bound, address);
    said_of(address, "verimaild", got, sizeof got);
    (void)snprintf(want, sizeof want,
            "f:7: warning: a port that is taken by test_port_check, pid %d: %s: expected another "
            "address or port, or that program stopped\n",
            (int)getpid(), address);
    assert_string_equal(got, want);
    said_of(address, "test_port_check", got, sizeof got); /* it runs already */
    assert_string_equal(got, "");
    close(fd);
    said_of(address, "verimaild", got, sizeof got);
    assert_string_equal(got, "");
}

TEST(an_address_is_anothers)
{
    char got[512];

    said_of("127.0.0.1:0", "verimaild", got, sizeof got);
    assert_string_equal(got, "");
    said_of("192.0.2.1:26", "verimaild", got, sizeof got);
    if (got[0] == '\0' && geteuid() != 0)
        skip(); /* a port below 1024 */
    assert_string_equal(got, "f:7: warning: an address that this machine does not have: "
                             "192.0.2.1:26: expected one of its own\n");
}

/* Another user's port: who is not root learns no more than that it is taken. */
TEST(who_is_not_root_is_told_to_ask_root)
{
    struct endpoint endpoint;
    struct endpoint bound;
    char address[ENDPOINT_TEXT_MAX];
    char got[512];
    char want[512];

    if (geteuid() != 0)
        skip();
    assert_true(endpoint_parse("127.0.0.1:0", &endpoint));
    const int fd = listener_open(&endpoint, true, &bound);
    assert_true(fd >= 0);
    endpoint_format(&bound, address);
    /* A process sees its own sockets: this one is another's. */
    int ends[2];
    char octet;
    assert_int_equal(pipe(ends), 0);
    const pid_t holder = fork();
    if (holder == 0) {
        close(ends[1]);
        _exit(read(ends[0], &octet, 1) == 0 ? 0 : 1);
    }
    assert_true(holder > 0);
    close(fd);
    assert_int_equal(seteuid(65534), 0);
    said_of(address, "verimaild-not-running", got, sizeof got);
    (void)snprintf(want, sizeof want,
            "f:7: warning: a port that is taken, by what only root may see: %s: expected the "
            "daemon "
            "itself, or systemd for it: look again as root\n",
            address);
    assert_string_equal(got, want);
    said_of(address, "test_port_check", got, sizeof got);
    assert_string_equal(got, "");
    assert_int_equal(seteuid(0), 0);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
}
