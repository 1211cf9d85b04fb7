// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/option_type.h"
#include "protocol/key.h"
#include "unit.h"

struct row {
    const char *value;
    const char *want; /* what is stored, printed; NULL: refused */
};

/* What becomes of the value, printed; and once more of what was printed. */
static void parse(const struct option_type *type, const char *value, char got_r[512])
{
    union {
        struct config_text text;
        uint64_t number;
        bool truth;
    } at = {0};
    char buffer[OPTION_TYPE_PRINT_MAX];
    char *copy = strdup(value);

    assert_non_null(copy);
    if (type->parse(type, copy, &at)) {
        snprintf(got_r, 512, "%s", type->print(&at, buffer));
    } else {
        assert_null(at.text.at); /* untouched */
        strcpy(got_r, "refused");
    }
    if (type->value == OPTION_TYPE_TEXT)
        free(at.text.at);
    free(copy);
}

static void check(const struct option_type *type, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char got[512];
        char again[512];
        const char *want = rows[i].want != NULL ? rows[i].want : "refused";
        parse(type, rows[i].value, got);
        if (strcmp(got, want) != 0) {
            print_error("%s: \"%s\": got %s, want %s\n", type->expected, rows[i].value, got, want);
            fail();
        }
        if (rows[i].want != NULL) {
            parse(type, got, again);
            assert_string_equal(again, got);
        }
    }
    assert_true(strlen(type->expected) > 0);
}

#define CHECK(type, ...)                                                                           \
    do {                                                                                           \
        static const struct row rows[] = {__VA_ARGS__};                                            \
        check(&(type), rows, sizeof rows / sizeof *rows);                                          \
    } while (0)

TEST(dates)
{
    CHECK(option_type_date, {"2026-11-30T12:00", "2026-11-30T12:00:00Z"},
            {"2026-11-30T12:00:30+01:00", "2026-11-30T11:00:30Z"},
            {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"}, {"2026-11-30", NULL},
            {"1970-01-01T00:00Z", NULL}, {"now", NULL}, {"", NULL});
}

TEST(bools)
{
    CHECK(option_type_bool, {"true", "true"}, {"yes", "true"}, {"on", "true"}, {"false", "false"},
            {"no", "false"}, {"off", "false"}, {"", NULL}, {"True", NULL}, {"1", NULL}, {"0", NULL},
            {"true ", NULL}, {"yess", NULL}, {"o", NULL});
}

TEST(numbers_at_their_edges)
{
    CHECK(option_type_workers, {"0", NULL}, {"1", "1"}, {"256", "256"}, {"257", NULL}, {"", NULL},
            {"-1", NULL}, {"+1", NULL}, {"01", NULL}, {"1 ", NULL}, {"0x10", NULL}, {"1.5", NULL},
            {"18446744073709551617", NULL});
    CHECK(option_type_connections, {"0", NULL}, {"1", "1"}, {"100000", "100000"}, {"100001", NULL});
    CHECK(option_type_port, {"0", NULL}, {"1", "1"}, {"25", "25"}, {"65535", "65535"},
            {"65536", NULL}, {"", NULL}, {"025", NULL}, {"smtp", NULL}, {" 25", NULL},
            {"25-26", NULL});
    CHECK(option_type_budget, {"0", NULL}, {"1", "1"}, {"1000000", "1000000"}, {"1000001", NULL});
}

TEST(modes_are_octal)
{
    CHECK(option_type_socket_mode, {"0600", "0600"}, {"600", "0600"}, {"0660", "0660"},
            {"0666", "0666"}, {"0777", "0777"}, {"00660", "0660"}, {"0577", NULL}, {"01000", NULL},
            {"0680", NULL}, {"", NULL}, {"-0660", NULL}, {"+0660", NULL}, {" 0660", NULL},
            {"0660 ", NULL}, {"0o660", NULL}, {"0x1b0", NULL}, {"rw-rw----", NULL},
            {"7777777777777777777777777777777", NULL});
}

TEST(durations_at_their_edges)
{
    CHECK(option_type_lifetime, {"59", NULL}, {"59s", NULL}, {"60", "1m"}, {"60s", "1m"},
            {"0m", NULL}, {"1m", "1m"}, {"90s", "90s"}, {"15m", "15m"}, {"12h", "12h"},
            {"7d", "7d"}, {"365d", "365d"}, {"366d", NULL}, {"8760h", "365d"}, {"8761h", NULL},
            {"525600m", "365d"}, {"525601m", NULL}, {"31536000", "365d"}, {"31536000s", "365d"},
            {"31536001s", NULL}, {"31536001", NULL}, {"d", NULL}, {"", NULL}, {"1w", NULL},
            {"1D", NULL}, {"1 d", NULL}, {"1dd", NULL}, {"1ms", NULL}, {"-1d", NULL},
            {"1.5d", NULL}, {"213503982334601d", NULL}, {"0", NULL});
    CHECK(option_type_ttl, {"0", "0s"}, {"0s", "0s"}, {"0d", "0s"}, {"1", "1s"}, {"3600", "1h"},
            {"3601", NULL}, {"60m", "1h"}, {"61m", NULL}, {"1h", "1h"}, {"2h", NULL}, {"1d", NULL});
}

TEST(words)
{
    CHECK(option_type_log_format, {"text", "text"}, {"json", "json"}, {"or", NULL}, {"tex", NULL},
            {"text ", NULL}, {"text or json", NULL}, {"", NULL});
    CHECK(option_type_log_level, {"info", "info"}, {"notice", "notice"}, {"warning", "warning"},
            {"error", "error"}, {"debug", NULL}, {"info or notice", NULL});
    CHECK(option_type_deny, {"expired", "expired"}, {"changed", "changed"},
            {"redirected", "redirected"}, {"replayed", NULL}, {"uncounted", NULL});
    CHECK(option_type_mode, {"enforce", "enforce"}, {"monitor", "monitor"}, {"off", NULL});
    CHECK(option_type_on_no, {"reject", "reject"}, {"quarantine", "quarantine"}, {"mark", "mark"},
            {"accept", NULL}, {"tempfail", NULL});
    CHECK(option_type_on_backscatter, {"accept", "accept"}, {"mark", "mark"}, {"reject", "reject"},
            {"quarantine", NULL});
    CHECK(option_type_on_permerror, {"reject", "reject"}, {"mark", "mark"}, {"quarantine", NULL});
    CHECK(option_type_or_tempfail, {"accept", "accept"}, {"tempfail", "tempfail"},
            {"reject", NULL});
    CHECK(option_type_or_reject, {"accept", "accept"}, {"reject", "reject"}, {"tempfail", NULL});
    CHECK(option_type_logins, {"same", "same"}, {"any", "any"},
            {"/etc/verimail/logins", "/etc/verimail/logins"}, {"Same", NULL}, {"logins", NULL},
            {"./logins", NULL}, {"", NULL});
}

/* No secret belongs into an address: the file is read by many. */
TEST(stores)
{
    CHECK(option_type_replay, {"none", "none"}, {"None", NULL}, {"", NULL}, {"lmdb:/x", "lmdb:/x"},
            {"lmdb:x", NULL}, {"lmdb:/", NULL}, {"lmdb:", NULL}, {"memory:", NULL},
            {"redis://a:1", "redis://a:1"}, {"rediss://u@a:1", "rediss://u@a:1"},
            {"redis://a:1,b:2", "redis://a:1,b:2"}, {"redis+unix:///s", "redis+unix:///s"},
            {"redis://u:p@a:1", NULL}, {"redis://:p@a:1", NULL}, {"redis://a b:1", NULL},
            {"redis:/a", NULL}, {"http://a", NULL},
            {"rediss://me@a:1,[::1]:2/3", "rediss://me@a:1,[::1]:2/3"}, {"redis://a:99999", NULL});
    CHECK(option_type_record_store, {"none", "none"}, {"sqlite", "sqlite"}, {"sqlite:/e", NULL},
            {"postgresql://h/d", "postgresql://h/d"},
            {"postgresql://u@/d?host=/s", "postgresql://u@/d?host=/s"},
            {"postgresql://u:p@h/d", NULL}, {"postgresql://h/d?PassWord=x", NULL},
            {"postgres://h/d", NULL}, {"", NULL});
    CHECK(option_type_record_ip, {"full", "full"}, {"network", "network"}, {"none", "none"},
            {"", NULL});
    CHECK(option_type_metrics, {"unix:/m", "unix:/m"}, {"unix:m", NULL},
            {"127.0.0.1:9", "127.0.0.1:9"}, {"127.9.9.9:9", "127.9.9.9:9"}, {"[::1]:9", "[::1]:9"},
            {"*:9", NULL}, {"192.0.2.1:9", NULL}, {"[::ffff:127.0.0.1]:9", "[::ffff:127.0.0.1]:9"},
            {"localhost:9", NULL}, {"9", NULL}, {"", NULL});
    CHECK(option_type_table, {"lmdb:/t", "lmdb:/t"}, {"/t", NULL}, {"lmdb:t", NULL}, {"", NULL});
    CHECK(option_type_source, {"ldap://h", "ldap://h"}, {"ldaps://h", "ldaps://h"},
            {"ldapi://%2Fs", "ldapi://%2Fs"}, {"postgresql://u@h/d", "postgresql://u@h/d"},
            {"postgresql://u:p@h/d", NULL}, {"ldap://h/?password=x", NULL}, {"lmdb:/t", NULL},
            {"", NULL});
    CHECK(option_type_attribute, {"mail", "mail"},
            {"1.2.840.113556.1.4.656", "1.2.840.113556.1.4.656"}, {"cn;lang-de", "cn;lang-de"},
            {"a b", NULL}, {"a=b", NULL}, {"(", NULL}, {"", NULL});
    CHECK(option_type_record_size, {"32M", "32M"}, {"33554432", "32M"}, {"33554431", NULL},
            {"33554433", "33554433"}, {"40000K", "40000K"}, {"1024M", "1G"}, {"10G", "10G"},
            {"10g", NULL}, {"1.5G", NULL}, {"G", NULL}, {"", NULL}, {"1000T", "1000T"},
            {"1001T", NULL}, {"18446744073709551615T", NULL}, {"-1G", NULL}, {"10 G", NULL});
    CHECK(option_type_keep, {"1h", "1h"}, {"59m", NULL}, {"90d", "90d"}, {"3650d", "3650d"},
            {"3651d", NULL});
    CHECK(option_type_alarm, {"0", "0"}, {"1000000", "1000000"}, {"1000001", NULL});
    CHECK(option_type_checks, {"0", NULL}, {"1", "1"}, {"1000", "1000"}, {"1001", NULL});
    CHECK(option_type_timeout, {"0s", NULL}, {"1s", "1s"}, {"1h", "1h"}, {"61m", NULL});
}

TEST(names_of_this_machine)
{
    CHECK(option_type_path, {"/", "/"}, {"/a b", "/a b"}, {"a", NULL}, {"./a", NULL}, {"", NULL},
            {" /a", NULL});
    CHECK(option_type_user, {"verimail", "verimail"}, {"", NULL}, {"a/b", NULL}, {"a:b", NULL},
            {"a b", NULL}, {"a\tb", NULL});
    CHECK(option_type_listen, {"*:26", "*:26"}, {"192.0.2.1:65535", "192.0.2.1:65535"},
            {"192.0.2.1:65536", NULL}, {"[::1]:0", "[::1]:0"}, {"26", NULL}, {"*", NULL},
            {"localhost:26", NULL});
    CHECK(option_type_group, {"postfix", "postfix"}, {"", NULL}, {"a b", NULL});
    CHECK(option_type_daemon, {"MTA", "MTA"}, {"a b", "a b"}, {"\xc3\xa9", "\xc3\xa9"}, {"", NULL},
            {"a\nb", NULL}, {"\x7f", NULL});
    CHECK(option_type_phrase, {"a b", "a b"}, {"\xc3\xa9", "\xc3\xa9"}, {"", NULL}, {"a\nb", NULL});
    CHECK(option_type_lines, {"a\n\tb\r\n", "a\n\tb\r\n"}, {"\xc3\xa9", "\xc3\xa9"}, {"", NULL},
            {" \n", NULL}, {"a\x01", NULL}, {"\x7f", NULL});
}

TEST(networks_and_resolvers)
{
    CHECK(option_type_network, {"127.0.0.0/8", "127.0.0.0/8"}, {"::1", "::1"},
            {"192.0.2.1", "192.0.2.1"}, {"2001:db8::/32", "2001:db8::/32"},
            {"0.0.0.0/0", "0.0.0.0/0"}, {"127.0.0.1/8", NULL}, {"127.0.0.0/33", NULL},
            {"localhost", NULL}, {"127.1", NULL}, {"*", NULL}, {"", NULL}, {"[::1]", NULL},
            {" ::1", NULL});
    CHECK(option_type_relayed, {"127.0.0.0/8", "127.0.0.0/8"}, {"::1", "::1"}, {"lists", "lists"},
            {"mx.example.org", "mx.example.org"}, {"MTA v4", "MTA v4"}, {"127.0.0.1/8", NULL},
            {"127.0.0.256", NULL}, {"127.1", NULL}, {"::g", NULL}, {"", NULL}, {"a\nb", NULL},
            {"\xc3\xa9", NULL});
    CHECK(option_type_resolver, {"127.0.0.1", "127.0.0.1"}, {"127.0.0.1@5353", "127.0.0.1@5353"},
            {"::1@53", "::1@53"}, {"::1", "::1"}, {"127.0.0.1:53", NULL}, {"127.0.0.0/8", NULL},
            {"127.0.0.1/32@53", NULL}, {"127.0.0.1@", NULL}, {"127.0.0.1@0", NULL},
            {"127.0.0.1@65536", NULL}, {"@53", NULL}, {"dns.example.org", NULL}, {"", NULL},
            {"127.0.0.1@53@53", NULL},
            {"1111111111111111111111111111111111111111111111111111111111111111@53", NULL});
    CHECK(option_type_anchor, {". IN DS 20326 8 2 E06D", ". IN DS 20326 8 2 E06D"},
            {"a.b. 3600 IN DNSKEY 257 3 8 AwEA", "a.b. 3600 IN DNSKEY 257 3 8 AwEA"},
            {". in ds 1 8 2 00", ". in ds 1 8 2 00"}, {"a.b. IN A 192.0.2.1", NULL}, {"", NULL},
            {"DS", NULL}, {". IN DS 1 8 2\n00", NULL}, {"/etc/root.key", NULL});
}

#define PATH_106                                                                                   \
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                        \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

TEST(sockets)
{
    assert_int_equal(strlen(PATH_106), 106);
    CHECK(option_type_socket, {"unix:/run/m", "unix:/run/m"},
            {"unix:" PATH_106 "b", "unix:" PATH_106 "b"}, {"unix:" PATH_106 "bb", NULL},
            {"unix:run/m", NULL}, {"unix:", NULL}, {"/run/m", NULL}, {"local:/run/m", NULL},
            {"Unix:/run/m", NULL}, {"inet:8891@127.0.0.1", "inet:8891@127.0.0.1"},
            {"inet:8891", NULL}, {"inet:8891@localhost", NULL}, {"inet:8891@::1", NULL},
            {"inet:8891@127.0.0.0/8", NULL}, {"inet:0@127.0.0.1", NULL},
            {"inet:65536@127.0.0.1", NULL}, {"inet:@127.0.0.1", NULL}, {"inet:@", NULL},
            {"inet:000000008891@127.0.0.1", NULL}, {"inet:8891@127.0.0.1@127.0.0.1", NULL},
            {"inet6:8891@::1", "inet6:8891@::1"}, {"inet6:8891@127.0.0.1", NULL},
            {"inet6:8891@[::1]", NULL}, {"inet6:8891", NULL}, {"", NULL});
}

TEST(domains_and_users)
{
    CHECK(option_type_domain, {"Example.ORG", "example.org"},
            {"b\xc3\xbc"
             "cher.example",
                    "xn--bcher-kva.example"},
            {"localhost", "localhost"}, {"", NULL}, {"a b", NULL}, {"a_b.org", NULL},
            {"example.org.", NULL}, {"a..b", NULL}, {"-a.b", NULL}, {"*", NULL});
    CHECK(option_type_local, {"alice", "alice"}, {"Alice+x", "Alice+x"}, {"*", "*"},
            {"a%20b", "a%20b"}, {"a%40b", "a%40b"}, {"a%41b", NULL}, {"a b", NULL}, {"a@b", NULL},
            {"@", NULL}, {"", NULL}, {"+x", NULL}, {"**", "**"}, {"*+x", "*+x"},
            {"\xc3\xa9", NULL});
}

TEST(services_can_be_connected_to)
{
    CHECK(option_type_service, {"127.0.0.1:26", "127.0.0.1:26"}, {"[::1]:1", "[::1]:1"},
            {"192.0.2.1:65535", "192.0.2.1:65535"}, {"192.0.2.1:0", NULL}, {"*:26", NULL},
            {"0.0.0.0:26", NULL}, {"[::]:26", NULL}, {"[::ffff:0.0.0.0]:26", NULL},
            {"192.0.2.1", NULL}, {"localhost:26", NULL}, {"", NULL});
}

TEST(keys_are_of_their_kind)
{
    static const unsigned char key[KEY_OCTETS] = {9};
    char text[KEY_TEXT_MAX + 2];
    char got[512];

    for (unsigned kind = KEY_SERVICE_SECRET; kind < KEY_KINDS; kind++) {
        key_format((enum key_kind)kind, key, text);
        parse(&option_type_host_key, text, got);
        assert_string_equal(got, kind == KEY_HOST_PUBLIC ? text : "refused");
        parse(&option_type_service_key, text, got);
        assert_string_equal(got, kind == KEY_SERVICE_PUBLIC ? text : "refused");
        strcat(text, " ");
        parse(&option_type_host_key, text, got);
        assert_string_equal(got, "refused");
    }
}
