// SPDX-License-Identifier: ISC
#include "config/across.h"

#include "conf.h"
#include "unit.h"

#define NOW 1798761600 /* 2027-01-01T00:00:00Z */
#define KEY "host-public:KuXk54zNpa0nj6n5otT_egBNRiPkIRdLLPHpmLa1Ln7j-THk"
#define SERVICE "service { keys = /k }\n"
#define HOST(options) "host m.example.org { keys = \"" KEY "\" " options " }\n"
#define DOMAIN(options) "domain example.org { hosts = m.example.org " options " }\n"
#define USER "user \"*\" { }"

static const struct {
    struct unit_row row;
    const char *config;
    const char *want;
} services[] = {
        {{"nothing wrong"}, SERVICE HOST("") DOMAIN(USER), ""},
        {{"no service"}, HOST("") "domain example.org { user x { } }\n", ""},
        {{"a host for nobody"}, SERVICE HOST("") "domain example.org { user x { hosts = {} } }\n",
                "f:2: warning: a host that may stamp for nobody, and whose mail is all refused: "
                "m.example.org: expected its name among the `hosts` of a domain or a user\n"},
        {{"a host for one user"},
                SERVICE HOST("") "domain example.org { user x { more_hosts = m.example.org } }\n",
                ""},
        {{"perhaps a host for a user of a table"},
                SERVICE HOST("") "domain example.org { users = \"lmdb:/t\" }\n", ""},
        {{"no users"}, SERVICE HOST("") DOMAIN(""),
                "f:3: warning: a domain with hosts and without users, whose mail is all refused: "
                "example.org: expected user \"*\" { }, or a section for each user\n"},
        {{"a domain that sends nothing"},
                SERVICE HOST("") DOMAIN(USER) "domain parked.example { }\n", ""},
        {{"no host for users"},
                SERVICE HOST("") DOMAIN(USER) "domain a.example {\n user x { }\n user y { }\n}\n",
                "f:5: warning: a user for whom no host may stamp, whose mail is all refused: x: "
                "expected `hosts` in the domain's section, or `hosts = {}` if that is meant\n"},
        {{"no host for users, and that is meant"},
                SERVICE HOST("") DOMAIN(USER) "domain a.example { user \"*\" { hosts = {} }\n"
                                              " user y { allow_unauthorized = yes } }\n",
                ""},
        {{"an end that is far"}, SERVICE HOST("expires = 2027-01-31") DOMAIN(USER), ""},
        {{"an end that is near"}, SERVICE HOST("expires = \"2027-01-30\"") DOMAIN(USER),
                "f:2: warning: the stamps of a host are permitted until 2027-01-31T00:00:00Z: "
                "m.example.org: expected a later `expires`, or the host's section removed\n"},
        {{"an end that was"}, SERVICE HOST("expires = \"2026-12-31T12:00+01:00\"") DOMAIN(USER),
                "f:2: warning: the stamps of a host are no more permitted since "
                "2026-12-31T11:00:00Z: m.example.org: expected a later `expires`, or the host's "
                "section removed\n"},
};

TEST_EACH(between_the_sections_of_a_service, services)
{
    struct conf conf = conf_of(row->config);
    struct problems *warnings = problems_init("f");

    assert_string_equal(problems_text(conf.problems), "");
    assert_non_null(warnings);
    across_warn_service(conf.config, NOW, warnings);
    assert_string_equal(problems_text(warnings), row->want);
    problems_free(&warnings);
    conf_free(&conf);
}

#define STAMP(domains)                                                                             \
    "stamp { host = m.example.org key = \"/k\" domains = {" domains "}\n"                          \
    "service_key = \"service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv\" }\n"
#define PEER(domain, port) "peer " domain " { address = \"127.0.0.1:" port "\" }\n"
#define LISTEN(at) "service { keys = /k listen = {" at "} }\n"

static const struct {
    struct unit_row row;
    const char *config;
    const char *want;
} locals[] = {
        {{"nothing wrong"}, SERVICE HOST("") DOMAIN(USER) STAMP("example.org"), ""},
        {{"another's domain"}, SERVICE HOST("") DOMAIN(USER) STAMP("other.example"), ""},
        {{"no service here"}, STAMP("example.org") PEER("example.org", "9"), ""},
        {{"the host may not"},
                SERVICE HOST("") "domain example.org { user \"*\" { hosts = {} } }\n" STAMP(
                        "example.org"),
                "f:4: warning: a domain for whose users this host may not stamp: all of it is "
                "refused: example.org: expected the `host` of section `stamp` among the domain's "
                "`hosts`\n"},
        {{"nobody else"}, SERVICE HOST("") DOMAIN("user alice { }") STAMP("example.org"),
                "f:4: warning: users of a stamped domain that have no rule are refused: "
                "example.org: expected user \"*\" { } in its section, or `user \"*\" { hosts = {} "
                "}` if that is meant\n"},
        {{"perhaps in a table"},
                SERVICE HOST("") DOMAIN("users = \"lmdb:/t\"") STAMP("example.org"), ""},
        {{"a peer"}, SERVICE DOMAIN(USER) HOST("") PEER("example.org", "26"), ""},
        {{"a peer at one address"},
                LISTEN("\"[::ffff:127.0.0.1]:26\"") HOST("") DOMAIN(USER) PEER("example.org", "26"),
                ""},
        {{"a peer elsewhere"},
                SERVICE DOMAIN(USER) HOST("") "peer example.org { address = \"192.0.2.1:99\" }\n",
                ""},
        {{"a peer at another port"}, SERVICE DOMAIN(USER) HOST("") PEER("example.org", "27"),
                "f:4: warning: a peer where the service of this file does not listen: mail from "
                "outside is deferred: 127.0.0.1:27: expected the same port as in `listen`\n"},
        {{"a peer at another address"},
                LISTEN("\"192.0.2.1:26\"") HOST("") DOMAIN(USER) PEER("example.org", "26"),
                "f:4: warning: a peer where the service of this file does not listen: mail from "
                "outside is deferred: 127.0.0.1:26: expected the same port as in `listen`\n"},
        {{"a peer for another domain"}, SERVICE DOMAIN(USER) HOST("") PEER("example.com", "26"),
                "f:4: warning: a peer that does not serve its domain: all of its mail is refused: "
                "example.com: expected a section `domain` for it\n"},
};

TEST_EACH(between_a_service_and_what_is_beside_it, locals)
{
    struct conf conf = conf_of(row->config);
    struct problems *warnings = problems_init("f");

    assert_string_equal(problems_text(conf.problems), "");
    assert_non_null(warnings);
    across_warn_local(conf.config, warnings);
    assert_string_equal(problems_text(warnings), row->want);
    problems_free(&warnings);
    conf_free(&conf);
}
