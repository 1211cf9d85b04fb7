// SPDX-License-Identifier: ISC
#include "config/port_check.h"

#include <stdio.h>
#include <string.h>
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
