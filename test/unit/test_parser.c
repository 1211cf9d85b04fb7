// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/problems.h"
#include "unit.h"

/* Reads a text without the checks that come after, from a copy of its very size. */
static struct config *read_text(const char *text, struct problems *problems)
{
    const size_t len = strlen(text);
    char *copy = malloc(len > 0 ? len : 1);

    assert_non_null(copy);
    assert_non_null(problems);
    memcpy(copy, text, len);
    struct config *config = config_parse(copy, len, problems);
    free(copy);
    return config;
}

static void let_go(struct config **config, struct problems **problems)
{
    config_free(config);
    problems_free(problems);
}

struct wrong {
    const char *text;
    const char *want; /* all problems */
};

static void check(const struct wrong *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct problems *problems = problems_init("f");
        assert_non_null(problems);
        struct config *config = read_text(rows[i].text, problems);
        if (strcmp(problems_text(problems), rows[i].want) != 0)
            fail_msg("%s\ngot:\n%swant:\n%s", rows[i].text, problems_text(problems), rows[i].want);
        let_go(&config, &problems);
    }
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof *(rows))
#define PATH ": expected an absolute path\n"
#define DOMAIN ": expected a domain name\n"
#define WORKERS ": expected a number from 1 to 256\n"
#define ONCE ": expected it once\n"

TEST(wrong_values_have_their_line)
{
    static const struct wrong rows[] = {
            {"service { state = x }", "f:1: bad state: x" PATH},
            {"service {\n  state = x\n}\n", "f:2: bad state: x" PATH},
            {"service\n{\n\tstate\n=\n\tx\n}", "f:5: bad state: x" PATH},
            {"service {\r\n\tstate = x\r\n\tworkers = 0\r\n}\r\n",
                    "f:2: bad state: x" PATH "f:3: bad workers: 0" WORKERS},
            {"# one\n// two\n/* three\nfour */ service { # five\n  /* 5 */ state = x # x\n}",
                    "f:5: bad state: x" PATH},
            {"service {\n keys = {\"/a\",\n  b, /* b */\n\n  '/c'\n , d}\n state = e\n}",
                    "f:3: bad keys: b" PATH "f:6: bad keys: d" PATH "f:7: bad state: e" PATH},
            {"service { keys = {a, /b, c} workers = 257 }",
                    "f:1: bad keys: a" PATH "f:1: bad keys: c" PATH
                    "f:1: bad workers: 257" WORKERS},
            {"service {\n state = \"a\n\nb\"\n workers = 0\n}",
                    "f:2: bad state: a\\x0a\\x0ab" PATH "f:5: bad workers: 0" WORKERS},
            {"service {\n state = \"a\\\nb\"\n workers = 0\n}",
                    "f:2: bad state: ab" PATH "f:4: bad workers: 0" WORKERS},
            {"domain \"a.b\" {\n hosts = {\n  a_b,\n  c.d,\n  e f\n }\n}",
                    "f:3: bad hosts: a_b" DOMAIN
                    "f:5: unexpected: f: expected `,` or `}` behind hosts\n"},
            {"service {\n state = \"\\e[1m\x7f\"\n}", "f:2: bad state: \\x1b[1m\\x7f" PATH},
            {"service {\n state = \"\"\n}", "f:2: bad state: " PATH},
            {"verify {\n budget_per_domain = 0\n allow_networks = {::1,\n 10.0.0.1/8}\n}",
                    "f:2: bad budget_per_domain: 0: expected a number from 1 to 1000000 a minute\n"
                    "f:4: bad allow_networks: 10.0.0.1/8: expected an address, or "
                    "ADDRESS/BITS with no bit set behind them\n"},
            {"milter {\n\n socket_mode = 999\n logins = none\n}",
                    "f:3: bad socket_mode: 999: expected an octal mode from 0600 to 0777\n"
                    "f:4: bad logins: none: expected same, any, or the path of a table\n"},
    };

    CHECK(rows);
}

TEST(wrong_titles_have_their_line)
{
    static const struct wrong rows[] = {
            {"\ndomain \"a_b\" {\n\n\n default = true\n}\n", "f:2: bad domain: a_b" DOMAIN},
            {"domain \"a_b\" {\n\n}\n\nhost 'c_d' {\n}",
                    "f:1: bad domain: a_b" DOMAIN "f:5: bad host: c_d" DOMAIN},
            {"domain \"a_b\" {\n user \"x\" {\n }\n}\n", "f:1: bad domain: a_b" DOMAIN},
            {"domain \"a.b\" {\n user \"x y\" {\n  hosts = {}\n\n }\n}\n",
                    "f:2: bad user: x y: expected the part before the `@`, with %XX for what is "
                    "not printable, or `*`\n"},
    };

    CHECK(rows);
}

TEST(options_are_given_once)
{
    static const struct wrong rows[] = {
            {"service {\n state = /a\n state = /a\n}", "f:3: a second state: /a" ONCE},
            {"service {\n state = x\n state = /a\n}",
                    "f:2: bad state: x" PATH "f:3: a second state: /a" ONCE},
            {"service {\n keys = {/a}\n keys = {/b}\n}", "f:3: a second keys: /b" ONCE},
            {"service {\n keys = {/a}\n keys = {/a}\n}", "f:3: a second keys: /a" ONCE},
            {"service {\n keys = /a\n keys = /b\n}", "f:3: a second keys: /b" ONCE},
            {"service {\n keys = /a\n keys = /a\n}", "f:3: a second keys: /a" ONCE},
            {"service {\n keys = /a\n keys = {/b}\n}", "f:3: a second keys: /b" ONCE},
            {"service {\n keys = {/a}\n keys = /b\n}", "f:3: a second keys: /b" ONCE},
            {"service {\n keys = {/a, /b}\n keys = {/c, /d, /e}\n}",
                    "f:3: a second keys: /c" ONCE "f:3: a second keys: /d" ONCE
                    "f:3: a second keys: /e" ONCE},
            {"service {\n keys = {x}\n keys = {/c}\n}",
                    "f:2: bad keys: x" PATH "f:3: a second keys: /c" ONCE},
            {"service {\n keys = {/a}\n keys = {}\n}", "f:3: a second keys: {}" ONCE},
            {"service {\n}\nservice {\n}\n", "f:3: a second section service" ONCE},
            {"stamp {\n}\n\nstamp { }\nstamp {\n}",
                    "f:4: a second section stamp" ONCE "f:5: a second section stamp" ONCE},
            {"verify { }\nverify { }\nrecord { }\nrecord { }\n",
                    "f:2: a second section verify" ONCE "f:4: a second section record" ONCE},
    };

    CHECK(rows);
}

#define ANY "expected a name that verimail.conf(5) lists"

TEST(unknown_names_are_passed_over)
{
    static const struct wrong rows[] = {
            {"service {\n nothing = 1\n state = x\n}",
                    "f:2: no such option in service: nothing: " ANY "\nf:3: bad state: x" PATH},
            {"service {\n nothing = {1, a, \"}\"}\n state = x\n}",
                    "f:2: no such option in service: nothing: " ANY "\nf:3: bad state: x" PATH},
            {"service {\n staet = /a\n wokers = 1\n authserv_id = a.b\n}",
                    "f:2: no such option in service: staet: " ANY "; did you mean state?\n"
                    "f:3: no such option in service: wokers: " ANY "; did you mean workers?\n"
                    "f:4: no such option in service: authserv_id: expected it in a section "
                    "verify\n"},
            {"colour { red { x = {} } }\ncolour x { \"y\" { } }\nservice { state = x }",
                    "f:1: no such option or section: colour: " ANY "\n"
                    "f:2: no such option or section: colour: " ANY "\nf:3: bad state: x" PATH},
            {"\nworkers = /x\n",
                    "f:2: no such option or section: workers: expected it in a section service\n"},
            {"user \"x\" { }",
                    "f:1: no such option or section: user: expected it in a section domain\n"},
            {"domain a.b {\n domain c.d {\n hosts = a_b }\n}\n",
                    "f:2: no such option in domain: domain: expected it outside of all sections\n"},
            {"domain a.b { user x { }\n user x { }\n ttl = 1 }\nhost c.d { key = x }",
                    "f:4: no such option in host: key: expected it in a section peer or in a "
                    "section stamp; did you "
                    "mean keys?\n"},
            {"\"\" = x", "f:1: no such option or section: : " ANY "\n"},
            {"\"a\\nb\\e\" = x", "f:1: no such option or section: a\\x0ab\\x1b: " ANY "\n"},
            {"hosts+ = {}", "f:1: no such option or section: hosts+: " ANY
                            "; did you mean hosts in a section domain?\n"},
            {"\"domain=a.b|user\" \"x\" {\n hosts = {c.d}\n}\n",
                    "f:1: no such option or section: domain=a.b|user: " ANY "\n"},
    };

    CHECK(rows);
}

#define QUOTE "a text in quotes that does not end: expected its quote\n"
#define OPEN "a `{` that is not closed: expected }\n"
#define NUMBERED "an octet by its number: expected the octet itself\n"

TEST(syntax_errors_end_the_reading)
{
    static const struct wrong rows[] = {
            {"service {\n state = x\n state /x\n workers = 0\n}",
                    "f:2: bad state: x" PATH "f:3: unexpected: /x: expected `=` behind state\n"},
            {"service {\n state =\n}\n", "f:3: unexpected: }: expected a value behind state\n"},
            {"service {\n state = {/x}\n}\n",
                    "f:2: unexpected: {: expected a value behind state\n"},
            {"service {\n keys = {/x,, /y}\n}",
                    "f:2: unexpected: ,: expected a value or `}` behind keys\n"},
            {"service {\n keys = {,}\n}",
                    "f:2: unexpected: ,: expected a value or `}` behind keys\n"},
            {"service {\n keys = {/x\n workers = 1\n}",
                    "f:3: unexpected: workers: expected `,` or `}` behind keys\n"},
            {"service {\n keys += {/x}\n}", "f:2: unexpected: +: expected `=` behind keys\n"},
            {"service \"x\" {\n}", "f:1: unexpected: x: expected `{` behind service\n"},
            {"domain {\n}", "f:1: unexpected: {: expected a title behind domain\n"},
            {"domain a.b c.d {\n}", "f:1: unexpected: c.d: expected `{` behind domain\n"},
            {"service {\n}\n}\n", "f:3: unexpected: }: expected a section\n"},
            {"service {\n}\ndomain",
                    "f:3: unexpected: the end of the file: expected a title behind domain\n"},
            {"service {\n}\n=", "f:3: unexpected: =: expected a section\n"},
            {"service {\n , }", "f:2: unexpected: ,: expected an option or `}`\n"},
            {"{ }", "f:1: unexpected: {: expected a section\n"},
            {"nothing\n", "f:1: no such option or section: nothing: " ANY "\n"
                          "f:2: unexpected: the end of the file: expected `=` or `{` behind this "
                          "name\n"},
            {"service { nothing = }", "f:1: no such option in service: nothing: " ANY "\n"
                                      "f:1: unexpected: }: expected a value behind this name\n"},
            {"a {\n b {\n }\n", "f:1: no such option or section: a: " ANY "\nf:1: " OPEN},
            {"\nservice {\n", "f:2: " OPEN},
            {"domain a.b {\n user x {\n hosts = {}\n", "f:2: " OPEN},
            {"domain a.b {\n}\nservice {\n keys = {/x,\n", "f:4: " OPEN},
            {"service { # }\n /* } */ run_as = \"}\" ", "f:1: " OPEN},
            {"\n\n/* a\n\n", "f:3: a comment that does not end: expected */\n"},
            {"/*/", "f:1: a comment that does not end: expected */\n"},
            {"service { state =\n\"a\\", "f:2: " QUOTE},
            {"service { state = \"a\n\\\"", "f:1: " QUOTE},
            {"service {\n\n'a\\'", "f:3: " QUOTE},
            {"service { state = \"\\0\" }", "f:1: " NUMBERED},
            {"service { state =\n\"\n\\x41\" }", "f:3: " NUMBERED},
            {"service { state = \"\\101\" }", "f:1: " NUMBERED},
    };

    CHECK(rows);
}

TEST(a_nul_is_named)
{
    static const struct {
        const char *text;
        size_t len;
        const char *want;
    } table[] = {
            {"\0", 1, "f:1: a NUL octet: expected text\n"},
            {"a\n\n\0#", 5, "f:3: a NUL octet: expected text\n"},
            {"#\0", 2, "f:1: a NUL octet: expected text\n"},
            {"\"\\\0", 3, "f:1: a NUL octet: expected text\n"},
            {"/*\0", 3, "f:1: a NUL octet: expected text\n"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct problems *problems = problems_init("f");
        assert_non_null(problems);
        assert_null(config_parse(table[i].text, table[i].len, problems));
        assert_string_equal(problems_text(problems), table[i].want);
        problems_free(&problems);
    }
}

/* What the value of `query` becomes, which may be nearly any text. */
TEST(texts_are_read)
{
    static const struct {
        const char *text;
        const char *want;
        unsigned line; /* of the value */
    } table[] = {
            {"a", "a", 1},
            {"a//b", "a//b", 1},
            {"/a/*b", "/a/*b", 1},
            {"*+()|$", "*+()|$", 1},
            {"a#b\n", "a", 1},
            {"a//b # c", "a//b", 1},
            {"a /* b", NULL, 0},
            {"/**/a", "a", 1},
            {"/***/a", "a", 1},
            {"/*/ */a", "a", 1},
            {"/* # \" ' // */a", "a", 1},
            {"# \"\n\n// '{\na", "a", 4},
            {"/* \n\n */a", "a", 3},
            {"// \\\na", "a", 2},
            {"\"// a\" # c", "// a", 1},
            {"'b /* c' # d", "b /* c", 1},
            {"\"a'#b\"", "a'#b", 1},
            {"'a\"#b'", "a\"#b", 1},
            {"\"a\\\"#b\" # c", "a\"#b", 1},
            {"'a\\'#b' # c", "a'#b", 1},
            {"\"a\\\\\" # c", "a\\", 1},
            {"'a\\\\' # c", "a\\", 1},
            {"\"a\n#b\" # c\n", "a\n#b", 1},
            {"\n\"a\\\n#b\"", "a#b", 2},
            {"'a\\\n#b'", "a#b", 1},
            {"\"a\\n\\tb\\r\\q\\$\"", "a\n\tb\rq$", 1},
            {"'a\\nb\\x41\\0'", "a\\nb\\x41\\0", 1},
            {"\"${HOME} $A\"", "${HOME} $A", 1},
            {"'${HOME}'", "${HOME}", 1},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct problems *problems = problems_init("f");
        assert_non_null(problems);
        char text[256];
        snprintf(text, sizeof text, "directory d { query = %s\n}", table[i].text);
        struct config *config = read_text(text, problems);
        if (table[i].want == NULL) {
            assert_null(config);
        } else {
            assert_string_equal(problems_text(problems), "");
            const struct config_text *query = &config->directories->query;
            if (strcmp(query->at, table[i].want) != 0 || query->line != table[i].line)
                fail_msg("%s: got %s on line %u, want %s on line %u", table[i].text, query->at,
                        query->line, table[i].want, table[i].line);
        }
        let_go(&config, &problems);
    }
}

TEST(values_are_read)
{
    struct problems *problems = problems_init("f");
    struct config *config = read_text("service {\n"
                                      "  listen = {\"192.0.2.1:26\", '[::1]:27'}\n"
                                      "  run_as = nobody   state = \"/s\"\n"
                                      "  workers = 3  keys = {/k1,\n /k2,}\n"
                                      "  replay = none\n"
                                      "  connections = 1 connections_per_address = 2\n"
                                      "\n\n"
                                      "}\n",
            problems);

    assert_non_null(problems);
    assert_string_equal(problems_text(problems), "");
    assert_int_equal(config->service_count, 1);
    const struct config_service *s = config->service;
    assert_int_equal(s->line, 1);
    assert_int_equal(s->listen.count, 2);
    assert_string_equal(s->listen.at[1].at, "[::1]:27");
    assert_int_equal(s->listen.at[1].line, 2);
    assert_string_equal(s->run_as.at, "nobody");
    assert_int_equal(s->run_as.line, 3);
    assert_string_equal(s->state.at, "/s");
    assert_int_equal(s->workers, 3);
    assert_int_equal(s->keys.count, 2);
    assert_string_equal(s->keys.at[0].at, "/k1");
    assert_int_equal(s->keys.at[0].line, 4);
    assert_string_equal(s->keys.at[1].at, "/k2");
    assert_int_equal(s->keys.at[1].line, 5);
    assert_string_equal(s->replay.at, "none");
    assert_int_equal(s->connections, 1);
    assert_int_equal(s->connections_per_address, 2);
    let_go(&config, &problems);
}

TEST(domains_are_read)
{
    struct problems *problems = problems_init("f");
    struct config *config = read_text("domain \"Example.ORG\" {\n"
                                      "  user \"Alice\" { allow_unauthorized = yes }\n"
                                      "  default = on hosts = {A.example.org}\n"
                                      "  lifetime = 1d ttl = 0 subdomains = off\n"
                                      "  deny = {expired, changed}\n"
                                      "  user \"*\" {\n }\n"
                                      "  classic_key = /c\n"
                                      "}\n"
                                      "domain \"example.net\" { }\n",
            problems);

    assert_non_null(problems);
    assert_string_equal(problems_text(problems), "");
    assert_int_equal(config->domains_count, 2);
    const struct config_domain *d = config->domains;
    assert_int_equal(d->line, 1);
    assert_string_equal(d->name.at, "example.org");
    assert_int_equal(d->name.line, 1);
    assert_true(d->is_default);
    assert_string_equal(d->hosts.at[0].at, "a.example.org");
    assert_int_equal(d->policy.lifetime, 86400);
    assert_int_equal(d->policy.ttl, 0);
    assert_false(d->policy.subdomains);
    assert_int_equal(d->deny.count, 2);
    assert_string_equal(d->classic_key.at, "/c");
    assert_int_equal(d->users_count, 2);
    assert_string_equal(d->users[0].local.at, "Alice");
    assert_int_equal(d->users[0].local.line, 2);
    assert_int_equal(d->users[0].line, 2);
    assert_true(d->users[0].allow_unauthorized);
    assert_string_equal(d->users[1].local.at, "*");
    assert_int_equal(d->users[1].line, 6);
    assert_false(d->users[1].allow_unauthorized);
    assert_false(d[1].is_default);
    assert_int_equal(d[1].policy.lifetime, 7 * 86400);
    assert_int_equal(d[1].users_count, 0);
    let_go(&config, &problems);
}

/* A list of several defaults gives way as a whole; `{}` is the empty one. */
TEST(lists_replace_their_default)
{
    static const struct {
        const char *option;
        size_t count;
    } table[] = {
            {"", 2},
            {"trusted_networks = {}", 0},
            {"trusted_networks = {\n}", 0},
            {"trusted_networks = {10.0.0.1}", 1},
            {"trusted_networks = 10.0.0.1", 1},
            {"trusted_networks = {10.0.0.1, 10.0.0.2, 10.0.0.3}", 3},
            {"trusted_daemons = {}", 2},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct problems *problems = problems_init("f");
        assert_non_null(problems);
        char text[256];
        snprintf(text, sizeof text, "milter { %s }", table[i].option);
        struct config *config = read_text(text, problems);
        assert_string_equal(problems_text(problems), "");
        if (config->milter->trusted_networks.count != table[i].count)
            fail_msg("%s: got %zu", table[i].option, config->milter->trusted_networks.count);
        let_go(&config, &problems);
    }
    struct problems *problems = problems_init("f");
    struct config *config = read_text("verify { trust_anchors = {} }", problems);
    assert_true(config->verify->trust_anchors_given);
    config_free(&config);
    config = read_text("verify { }", problems);
    assert_false(config->verify->trust_anchors_given);
    let_go(&config, &problems);
}

/* `hosts = {}` means nobody, no `hosts` means the domain's; a list given is the default no more. */
TEST(empty_lists)
{
    static const struct {
        const char *user;
        bool given;
        size_t count;
    } table[] = {
            {"", false, 0},
            {"hosts = {}", true, 0},
            {"hosts = { }", true, 0},
            {"hosts = {\n}", true, 0},
            {"hosts = {a.b}", true, 1},
            {"hosts = a.b", true, 1},
            {"hosts = {a.b, c.d,}", true, 2},
            {"more_hosts = {}", false, 0},
            {"more_hosts = {a.b}", false, 0},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct problems *problems = problems_init("f");
        assert_non_null(problems);
        char text[256];
        snprintf(text, sizeof text, "domain a.b { user x { %s } user y { } }", table[i].user);
        struct config *config = read_text(text, problems);
        assert_string_equal(problems_text(problems), "");
        const struct config_user *user = &config->domains[0].users[0];
        if (user->hosts_given != table[i].given || user->hosts.count != table[i].count)
            fail_msg("%s: got %d %zu", table[i].user, user->hosts_given, user->hosts.count);
        assert_false(user[1].hosts_given);
        let_go(&config, &problems);
    }
}

TEST(defaults_give_way)
{
    struct problems *problems = problems_init("f");
    struct config *config = read_text("service { }", problems);

    assert_non_null(problems);
    assert_int_equal(config->service->listen.count, 1);
    assert_string_equal(config->service->listen.at[0].at, "*:26");
    assert_int_equal(config->service->connections, 10000);
    config_free(&config);
    config = read_text("service { listen = {\"[::1]:1\"} }", problems);
    assert_int_equal(config->service->listen.count, 1);
    assert_string_equal(config->service->listen.at[0].at, "[::1]:1");
    config_free(&config);
    config = read_text("service { listen = {x} run_as = \"\" workers = 0 }", problems);
    assert_int_equal(problems_count(problems), 3);
    assert_int_equal(config->service->listen.count, 0);
    assert_true(config->service->listen.refused);
    assert_null(config->service->run_as.at);
    assert_int_equal(config->service->run_as.line, 1);
    assert_int_equal(config->service->workers, 0);
    let_go(&config, &problems);
}

TEST(nothing_is_a_configuration)
{
    static const char *const texts[] = {"", "\n", "# nothing\n", "/* */", "\r\n\t "};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct problems *problems = problems_init("f");
        assert_non_null(problems);
        struct config *config = read_text(texts[i], problems);
        assert_int_equal(config->service_count + config->hosts_count + config->domains_count, 0);
        assert_int_equal(problems_count(problems), 0);
        let_go(&config, &problems);
    }
}

/* Reading takes time in proportion to the file. */
TEST(many_users)
{
    enum { USERS = 20000 };
    struct problems *problems = problems_init("f");
    const size_t size = USERS * 64;
    char *text = malloc(size);
    size_t len = (size_t)snprintf(text, size, "domain \"a.b\" {\n");

    assert_non_null(problems);
    for (int i = 0; i < USERS; i++)
        len += (size_t)snprintf(
                text + len, size - len, "user \"u%d\" { hosts = {\"h.a.b\"} }\n", i);
    snprintf(text + len, size - len, "}\n");
    struct config *config = read_text(text, problems);
    assert_string_equal(problems_text(problems), "");
    const struct config_domain *domain = config->domains;
    assert_int_equal(domain->users_count, USERS);
    assert_string_equal(domain->users[USERS - 1].local.at, "u19999");
    assert_int_equal(domain->users[USERS - 1].local.line, USERS + 1);
    assert_int_equal(domain->users[USERS - 1].hosts.at[0].line, USERS + 1);
    let_go(&config, &problems);
    free(text);
}
