// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "protocol/key.h"
#include "unit.h"

static char host_key[KEY_TEXT_MAX + 1];
static char service_key[KEY_TEXT_MAX + 1];

/* In a text `%k` stands for a host's key, and `%s` for a service's. */
static void check(const char *text, const char *want)
{
    char whole[4096] = "";

    for (const char *at = text; *at != '\0'; at++) {
        const bool is_key = at[0] == '%' && (at[1] == 'k' || at[1] == 's');
        const size_t len = strlen(whole);
        snprintf(whole + len, sizeof whole - len, "%.*s", is_key ? KEY_TEXT_MAX : 1,
                !is_key        ? at
                : at[1] == 'k' ? host_key
                               : service_key);
        at += is_key;
    }
    struct conf conf = conf_of(whole);
    if (strcmp(problems_text(conf.problems), want) != 0) {
        print_error("%s\ngot:\n%swant:\n%s", text, problems_text(conf.problems), want);
        fail();
    }
    conf_free(&conf);
}

#define CLEAR                                                                                      \
    "f:1: a password that would cross the network in clear text: expected start_tls = true, or "   \
    "ldaps://...\n"
#define SERVICE "service { keys = {/k} replay = none }\n"
#define HOST "host \"h.a.b\" { keys = {\"%k\"} }\n"
#define DOMAIN "domain \"a.b\" { hosts = {h.a.b} }\n"
#define STAMP "stamp { host = h.a.b key = /k service_key = \"%s\" domains = {a.b} }\n"
#define VERIFY "verify { authserv_id = mx.a.b }\n"
#define MILTER "milter { socket = \"unix:/m\" }\n"
#define DIRECTORY(name, table)                                                                     \
    "directory " name " { table = \"lmdb:" table "\" source = \"ldap://h\" base = \"dc=a\" }\n"
#define UNKNOWN(host)                                                                              \
    "a host without keys: " host ": expected a section `host` of that name, or a classic_key\n"

BEFORE_ALL()
{
    static const unsigned char key[KEY_OCTETS] = {9};

    key_format(KEY_HOST_PUBLIC, key, host_key);
    key_format(KEY_SERVICE_PUBLIC, key, service_key);
}

TEST(good_ones_pass)
{
    check("", "");
    check(SERVICE HOST DOMAIN, "");
    check(DOMAIN HOST SERVICE, "");
    check(HOST "domain a.b { hosts = {H.A.B} user x { hosts = {} } user y { more_hosts = {h.a.b} }"
               " user z { hosts = {h.a.b} } user \"*\" { } }",
            "");
    check("domain a.b { classic_key = /c hosts = {localhost} user x { hosts = {other} } }", "");
    check("domain a.b { default = true }\ndomain c.d { default = false }\ndomain e.f { }", "");
    check(STAMP VERIFY MILTER, "");
    check(MILTER STAMP, "");
    check(MILTER VERIFY, "");
    check(VERIFY, "");
    check(SERVICE HOST DOMAIN DIRECTORY("d", "/t") DIRECTORY("e", "/u"), "");
    check("service { keys = {/k} }\n" HOST DOMAIN, ""); /* the stores have their defaults */
}

TEST(what_is_missing)
{
    check("service {\n\n}\n",
            "f:1: service without keys: expected keys = {\"/etc/verimail/service.key\"}\n"
            "f:1: a service without a domain: expected domain \"example.org\" { ... }\n");
    check("service { keys = {/k} replay = none listen = {} }\n" DOMAIN HOST,
            "f:1: service without listen: expected listen = {\"*:26\"}\n");
    check("host h.a.b {\n}\n", "f:1: host without keys: expected keys = {\"host-public:...\"}\n");
    check("stamp {\n}\n",
            "f:1: stamp without host: expected host = \"mail.example.org\", this machine's name "
            "as the service lists it\n"
            "f:1: stamp without key: expected key = \"/etc/verimail/host.key\"\n"
            "f:1: stamp without service_key: expected service_key = \"service-public:...\"\n"
            "f:1: stamp without domains: expected domains = {\"example.org\"}\n");
    check("verify {\n}\n",
            "f:1: verify without authserv_id: expected authserv_id = \"mx.example.net\", the name "
            "that Authentication-Results begins with\n");
    check("milter {\n\n}\n" VERIFY, "f:1: milter without socket: expected socket = "
                                    "\"unix:/var/spool/postfix/verimail/milter.sock\"\n");
    check("directory d {\n}\n",
            "f:1: directory without table: expected table = \"lmdb:/var/lib/verimail/users\"\n"
            "f:1: directory without source: expected source = "
            "\"postgresql://db.example.org/mail\" or \"ldaps://dc.example.org\"\n");
    check("directory d { table = \"lmdb:/t\" source = \"ldap://h\"\n}\n",
            "f:1: directory without base: expected base = \"ou=people,dc=example,dc=org\"\n");
    check("directory d { table = \"lmdb:/t\" source = \"postgresql://h\"\n}\n",
            "f:1: directory without query: expected query = \"SELECT address FROM users\"\n");
    check("\n" MILTER HOST,
            "f:2: a milter with nothing to do: expected a section `stamp`, or `verify`, or both\n");
}

TEST(directories_have_what_their_kind_needs)
{
    static const struct {
        const char *options;
        const char *want;
    } rows[] = {
            {"source = 'postgresql://db' query = 'SELECT 1'", ""},
            {"source = 'ldap://dc' base = x", ""},
            {"source = 'ldap://dc' base = x bind_dn = x password = /p start_tls = true", ""},
            {"source = 'ldaps://dc' base = x bind_dn = x password = /p", ""},
            {"source = 'ldapi://%2Frun' base = x bind_dn = x password = /p", ""},
            {"source = 'ldap://127.0.0.1:389' base = x bind_dn = x password = /p", ""},
            {"source = 'ldap://[::1]' base = x bind_dn = x password = /p", ""},
            {"source = 'ldap://LOCALHOST/' base = x bind_dn = x password = /p", ""},
            {"source = 'postgresql://db'",
                    "f:1: directory without query: expected query = \"SELECT address FROM "
                    "users\"\n"},
            {"source = 'ldap://dc'",
                    "f:1: directory without base: expected base = \"ou=people,dc=example,"
                    "dc=org\"\n"},
            {"source = 'ldaps://dc' base = x bind_dn = x",
                    "f:1: bind_dn without password, or the other way round: expected both, or "
                    "none for an anonymous bind\n"},
            {"source = 'ldaps://dc' base = x password = /p",
                    "f:1: bind_dn without password, or the other way round: expected both, or "
                    "none for an anonymous bind\n"},
            {"source = 'ldaps://dc' base = x start_tls = true",
                    "f:1: start_tls without ldap://: expected ldap://... with start_tls, or "
                    "ldaps://... without\n"},
            {"source = 'ldap://dc' base = x bind_dn = x password = /p", CLEAR},
            {"source = 'ldap://127.0.0.1.example.org' base = x bind_dn = x password = /p", CLEAR},
            {"source = 'ldap://localhost.example.org' base = x bind_dn = x password = /p", CLEAR},
            {"source = 'ldap://[::2]:389' base = x bind_dn = x password = /p", CLEAR},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char section[256];
        snprintf(
                section, sizeof section, "directory d { table = 'lmdb:/t' %s }\n", rows[i].options);
        check(section, rows[i].want);
    }
}

/* A wrong value is one problem, not also what follows from its not being there. */
TEST(wrong_values_are_not_missing)
{
    check("service { keys = {k} replay = x listen = {y} }\n" HOST DOMAIN,
            "f:1: bad keys: k: expected an absolute path\n"
            "f:1: bad replay: x: expected none, lmdb:/PATH, redis://HOST[:PORT][,HOST[:PORT]]..., "
            "rediss://..., or redis+unix:///PATH, with USER@ before the host but no password\n"
            "f:1: bad listen: y: expected ADDRESS:PORT, with `*` for all and [..] around an IPv6 "
            "address\n");
    check("host h.a.b { keys = {x} }\n", "f:1: bad keys: x: expected host-public:... as printed by "
                                         "`verimail keygen host`, or the "
                                         "absolute path of a file or folder of such keys\n");
    /* A key that is mistyped, and one that is another's, are other mistakes. */
    check("host h.a.b { keys = "
          "{\"service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv\"} "
          "}\n",
            "f:1: bad keys (is a key of another kind: the public half of a service's): "
            "service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv: expected "
            "host-public:... as printed by `verimail keygen host`, or the absolute path of a file "
            "or folder of such keys\n");
    check("host h.a.b { keys = {\"host-public:KuXk54zNpa0nj6n5otT_egBNRiPkIRdLLPHpmLa1Ln7j-THj\"} "
          "}\n",
            "f:1: bad keys (is mistyped: its check does not fit): "
            "host-public:KuXk54zNpa0nj6n5otT_egBNRiPkIRdLLPHpmLa1Ln7j-THj: expected "
            "host-public:... as printed by `verimail keygen host`, or the absolute path of a file "
            "or folder of such keys\n");
    check("stamp { host = \"\" key = k service_key = s domains = {a_b} }\n",
            "f:1: bad host: : expected a domain name\n"
            "f:1: bad key: k: expected an absolute path\n"
            "f:1: bad service_key: s: expected service-public:... as printed by `verimail keygen "
            "service`\n"
            "f:1: bad domains: a_b: expected a domain name\n");
    check("verify {\n authserv_id = a_b\n}\nmilter {\n socket = x\n}\n",
            "f:2: bad authserv_id: a_b: expected a domain name\n"
            "f:5: bad socket: x: expected unix:/PATH of at most 107 octets, inet:PORT@ADDRESS, or "
            "inet6:PORT@ADDRESS\n");
}

/* A section whose title was wrong has no name; it must be passed over. */
TEST(wrong_titles)
{
    check("host a_b { keys = {\"%k\"} }\n" HOST DOMAIN,
            "f:1: bad host: a_b: expected a domain name\n");
    check("host a_b { keys = {\"%k\"} }\n" DOMAIN,
            "f:1: bad host: a_b: expected a domain name\nf:2: " UNKNOWN("h.a.b"));
    check("domain a_b { default = true }\ndomain c_d {\n default = true }\n",
            "f:1: bad domain: a_b: expected a domain name\n"
            "f:2: bad domain: c_d: expected a domain name\n"
            "f:2: a second default domain: expected `default = true` once\n");
    check(HOST "domain a.b { user \"x y\" {\n hosts = {} more_hosts = {h.a.b} } }\n",
            "f:2: bad user: x y: expected the part before the `@`, with %XX for what is not "
            "printable, or `*`\n"
            "f:3: both hosts and more_hosts: expected hosts (these only) or more_hosts (the "
            "domain's and these)\n");
}

TEST(what_is_there_twice)
{
    check(DIRECTORY("d", "/t") DIRECTORY("e", "/t"),
            "f:2: a second directory for a table: lmdb:/t: expected each once\n");
    check(HOST "host H.a.b {\n keys = {\"%k\"} }\n",
            "f:2: a second host: h.a.b: expected each once\n");
    check("peer a.b { address = \"127.0.0.1:26\" }\npeer A.b {\n address = \"127.0.0.1:27\" }\n",
            "f:2: a second peer: a.b: expected each once\n");
    check("peer a.b { }\n", "f:1: peer without address: expected address = \"127.0.0.1:26\"\n");
    check("domain a.b { }\ndomain c.d { }\ndomain A.B { }\ndomain a.B { }\n",
            "f:3: a second domain: a.b: expected each once\n"
            "f:4: a second domain: a.b: expected each once\n");
    check("domain a.b {\n user x { }\n user y { }\n user X { }\n}\ndomain c.d { user x { } }\n",
            "f:4: a second user: X: expected each once\n");
    check("domain a.b {\n default = true }\ndomain c.d { }\ndomain e.f { default = true }\n",
            "f:4: a second default domain: e.f: expected `default = true` once\n");
    check("service { replay = none keys = {/k, /K,\n /l, /k}\n listen = {\"[::a]:1\", \"[::A]:1\"} "
          "}\n" HOST DOMAIN,
            "f:3: a second address to listen on: [::A]:1: expected each once\n"
            "f:2: a second key: /k: expected each once\n");
}

TEST(hosts_without_keys)
{
    check("domain a.b {\n hosts = {x.y,\n z.z}\n user u {\n more_hosts = {m.m} }\n user v {\n"
          " hosts = {n.n} }\n}\n",
            "f:2: " UNKNOWN("x.y") "f:3: " UNKNOWN("z.z") "f:5: " UNKNOWN("m.m") "f:7: " UNKNOWN(
                    "n.n"));
    check(HOST "domain a.b { user u {\n more_hosts = {h.a.b}\n hosts = {} } }\n",
            "f:3: both hosts and more_hosts: u: expected hosts (these only) or more_hosts (the "
            "domain's and these)\n");
}
