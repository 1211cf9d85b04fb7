// SPDX-License-Identifier: ISC
#include <string.h>

#include "command/hostport.h"
#include "unit.h"

TEST(servers)
{
    static const struct {
        const char *text;
        const char *host; /* NULL: refused */
        const char *port;
    } table[] = {
            {"mail.example.org:2626", "mail.example.org", "2626"},
            {"mail.example.org", "mail.example.org", "26"},
            {"192.0.2.1:26", "192.0.2.1", "26"},
            {"[2001:db8::1]:65535", "2001:db8::1", "65535"},
            {"[2001:db8::1]", "2001:db8::1", "26"},
            {"[::1]:1", "::1", "1"},
            {"2001:db8::1", NULL, NULL},
            {"::1", NULL, NULL},
            {"", NULL, NULL},
            {":26", NULL, NULL},
            {"[]:26", NULL, NULL},
            {"host:", NULL, NULL},
            {"host:0", NULL, NULL},
            {"host:65536", NULL, NULL},
            {"host:26x", NULL, NULL},
            {"host:026", NULL, NULL},
            {"[::1]x:26", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct hostport server = {"", ""};
        const bool ok = hostport_parse(table[i].text, &server);
        if (ok != (table[i].host != NULL) ||
                (ok && (strcmp(server.host, table[i].host) != 0 ||
                               strcmp(server.port, table[i].port) != 0))) {
            print_error("%s: got %d %s %s, want %s\n", table[i].text, ok, server.host, server.port,
                    table[i].host != NULL ? table[i].host : "a refusal");
            fail();
        }
    }
}

TEST(a_name_at_its_longest)
{
    char name[HOSTPORT_HOST_MAX + 1];
    struct hostport server;

    memset(name, 'a', sizeof name);
    name[HOSTPORT_HOST_MAX - 1] = '\0';
    assert_true(hostport_parse(name, &server));
    assert_string_equal(server.host, name);
    name[HOSTPORT_HOST_MAX - 1] = 'a';
    name[HOSTPORT_HOST_MAX] = '\0';
    assert_false(hostport_parse(name, &server));
}
