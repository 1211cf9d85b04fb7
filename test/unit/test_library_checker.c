// SPDX-License-Identifier: ISC
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture_library.h"
#include "unit.h"

/* A name server that never answers: its port, and a socket to be closed. */
static int silent_resolver(char text_r[40])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(text_r, 40, "127.0.0.1@%u", (unsigned)ntohs(at.sin_port));
    return fd;
}

TEST(options)
{
    static const struct {
        const char *resolver;
        const char *anchor;
        const char *network;
        enum verimail_result want;
    } table[] = {
            {NULL, NULL, NULL, VERIMAIL_OK},
            {"127.0.0.1", NULL, "127.0.0.0/8", VERIMAIL_OK},
            {"127.0.0.1@5353", NULL, "2001:db8::1", VERIMAIL_OK},
            {"localhost", NULL, NULL, VERIMAIL_RESOLVER},
            {"", NULL, NULL, VERIMAIL_RESOLVER},
            {NULL, "nonsense", NULL, VERIMAIL_RESOLVER},
            {NULL, NULL, "", VERIMAIL_NETWORK},
            {NULL, NULL, "127.0.0.1/8", VERIMAIL_NETWORK},
            {NULL, NULL, "origin.test", VERIMAIL_NETWORK},
    };
    static const uint16_t ports[] = {25, 80};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct verimail_checker_options given = {
                .resolver = table[i].resolver,
                .trust_anchors = table[i].anchor != NULL ? &table[i].anchor : NULL,
                .trust_anchors_count = table[i].anchor != NULL,
                .allow_networks = &table[i].network,
                .allow_networks_count = table[i].network != NULL,
                .allow_ports = ports,
                .allow_ports_count = 2,
        };
        struct verimail_checker *checker;
        const enum verimail_result got = verimail_checker_new(&given, &checker);
        if (got != table[i].want || (checker != NULL) != (got == VERIMAIL_OK)) {
            print_error("row %zu: got %s, want %s\n", i, verimail_result_text(got),
                    verimail_result_text(table[i].want));
            fail();
        }
        verimail_checker_free(&checker);
        assert_null(checker);
        verimail_checker_free(&checker);
    }
    struct verimail_checker *checker;
    assert_int_equal(verimail_checker_new(NULL, &checker), VERIMAIL_OK);
    verimail_checker_free(&checker);
}

/* What is no question is asked nobody. */
TEST(arguments)
{
    static const struct {
        const char *user;
        const char *payload;
        const char *rcpt;
        const char *digest;
        const char *ip;
        enum verimail_result want;
    } table[] = {
            {"alice", NULL, NULL, NULL, NULL, VERIMAIL_USER},
            {"*@origin.test", NULL, NULL, NULL, NULL, VERIMAIL_USER},
            {"alice@origin.test", "two words", NULL, NULL, NULL, VERIMAIL_PAYLOAD},
            {"alice@origin.test", NULL, "a b", NULL, NULL, VERIMAIL_RCPT},
            {"alice@origin.test", NULL, NULL, "short", NULL, VERIMAIL_DIGEST},
            {"alice@origin.test", NULL, NULL, NULL, "host", VERIMAIL_IP},
    };
    struct verimail_checker *checker;

    assert_int_equal(verimail_checker_new(NULL, &checker), VERIMAIL_OK);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct verimail_outcome outcome;
        memset(&outcome, 1, sizeof outcome);
        const enum verimail_result got = verimail_check(checker, table[i].user, table[i].payload,
                &table[i].rcpt, table[i].rcpt != NULL, table[i].digest, table[i].ip, &outcome);
        if (got != table[i].want) {
            print_error("row %zu: got %s, want %s\n", i, verimail_result_text(got),
                    verimail_result_text(table[i].want));
            fail();
        }
        assert_int_equal(outcome.verdict, VERIMAIL_VERDICT_TEMPERROR);
        assert_string_equal(outcome.server, "");
        assert_string_equal(outcome.cause, "");
    }
    verimail_checker_free(&checker);
}

#define ANSWER_KEY "answer-public:j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8-aR0B"

static const struct {
    struct unit_row row;
    struct verimail_peer peer;
    enum verimail_result want;
} peers[] = {
        {{"IPv4"}, {"origin.test", "127.0.0.1:26"}, VERIMAIL_OK},
        {{"IPv6, a domain in UTF-8"},
                {"b\xc3\xbc"
                 "cher.test",
                        "[::1]:26"},
                VERIMAIL_OK},
        {{"no domain"}, {"a b", "127.0.0.1:26"}, VERIMAIL_PEER},
        {{"no port"}, {"origin.test", "127.0.0.1"}, VERIMAIL_PEER},
        {{"port 0"}, {"origin.test", "127.0.0.1:0"}, VERIMAIL_PEER},
        {{"all addresses"}, {"origin.test", "*:26"}, VERIMAIL_PEER},
        {{"a name"}, {"origin.test", "localhost:26"}, VERIMAIL_PEER},
        {{"a key"}, {"origin.test", "127.0.0.1:26", ANSWER_KEY}, VERIMAIL_OK},
        {{"no key"}, {"origin.test", "127.0.0.1:26", "answer-public:AAAA"}, VERIMAIL_PEER},
        {{"a key of another kind"},
                {"origin.test", "127.0.0.1:26",
                        "service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv"},
                VERIMAIL_PEER},
};

TEST_EACH(peers_are_domains_and_addresses, peers)
{
    const struct verimail_checker_options given = {.peers = &row->peer, .peers_count = 1};
    struct verimail_checker *checker;

    assert_int_equal(verimail_checker_new(&given, &checker), row->want);
    verimail_checker_free(&checker);
}

/* Without DNS, and whatever networks are allowed. */
TEST(a_peer_is_asked)
{
    char resolver[40];
    const int fd = silent_resolver(resolver);
    const struct verimail_peer peer = {"origin.test", "127.0.0.1:1"}; /* where nobody listens */
    const struct verimail_checker_options given = {
            .resolver = resolver, .peers = &peer, .peers_count = 1};
    struct verimail_checker *checker;
    struct verimail_outcome outcome;

    assert_int_equal(verimail_checker_new(&given, &checker), VERIMAIL_OK);
    assert_int_equal(
            verimail_check(checker, "alice@origin.test", NULL, NULL, 0, NULL, NULL, &outcome),
            VERIMAIL_OK);
    assert_int_equal(outcome.verdict, VERIMAIL_VERDICT_TEMPERROR);
    assert_string_equal(outcome.cause, "no connection: Connection refused");
    assert_true(outcome.peer);
    assert_false(outcome.dns_secure || outcome.shortage);
    verimail_checker_free(&checker);
    close(fd);
}

TEST(nobody_answers)
{
    char resolver[40];
    const int fd = silent_resolver(resolver);
    const struct verimail_checker_options given = {.resolver = resolver, .timeout = 200};
    struct verimail_checker *checker;
    struct verimail_outcome outcome;

    assert_int_equal(verimail_checker_new(&given, &checker), VERIMAIL_OK);
    assert_int_equal(
            verimail_check(checker, "alice@origin.example", NULL, NULL, 0, NULL, NULL, &outcome),
            VERIMAIL_OK);
    assert_int_equal(outcome.verdict, VERIMAIL_VERDICT_TEMPERROR);
    assert_int_equal(outcome.reason, VERIMAIL_REASON_NONE);
    assert_string_equal(outcome.server, "");
    assert_string_equal(outcome.target, "");
    assert_memory_equal(outcome.cause, "the DNS: ", strlen("the DNS: "));
    assert_false(outcome.shortage || outcome.dns_secure || outcome.peer);
    assert_true(outcome.milliseconds >= 200);
    verimail_checker_free(&checker);
    close(fd);
}

static const struct uncertain {
    const char *from;  /* NULL: there is none */
    const char *again; /* a second one */
    const char *sender;
    const char *own;
    enum verimail_verdict want;
    const char *cause;
} uncertain[] = {
        {"x@y <x@y>", NULL, NULL, NULL, VERIMAIL_VERDICT_NONE, ""},
        {NULL, NULL, "", NULL, VERIMAIL_VERDICT_NONE, ""},
        {NULL, NULL, NULL,
                "B\xc3\xbc"
                "cher.test",
                VERIMAIL_VERDICT_PERMERROR, "xn--bcher-kva.test is served here and could be meant"},
        {"ceo", NULL, NULL, "own.test", VERIMAIL_VERDICT_PERMERROR,
                "own.test is served here and could be meant"},
        {"x@y", "z@a.own.test", NULL, "own.test", VERIMAIL_VERDICT_PERMERROR,
                "a.own.test is served here and could be meant"},
        {"=?utf-7?q?a?=", NULL, NULL, NULL, VERIMAIL_VERDICT_PERMERROR,
                "a domain could be meant that cannot be told"},
        {"a@ legit.test", NULL, NULL, "own.test", VERIMAIL_VERDICT_TEMPERROR,
                "legit.test could be meant, and the DNS does not say whether it uses Verimail"},
        {"ceo", NULL, "x@legit.test", NULL, VERIMAIL_VERDICT_TEMPERROR,
                "legit.test could be meant, and the DNS does not say whether it uses Verimail"},
};

TEST(authors_that_are_not_certain)
{
    char resolver[40];
    const int fd = silent_resolver(resolver);
    const struct verimail_checker_options given = {.resolver = resolver, .timeout = 50};
    struct verimail_checker *checker;

    assert_int_equal(verimail_checker_new(&given, &checker), VERIMAIL_OK);
    for (size_t i = 0; i < sizeof uncertain / sizeof *uncertain; i++) {
        const struct uncertain *row = &uncertain[i];
        struct verimail_from fields[2];
        size_t count = 0;
        struct verimail_outcome outcome;
        if (row->from != NULL)
            fields[count++] = (struct verimail_from){row->from, strlen(row->from)};
        if (row->again != NULL)
            fields[count++] = (struct verimail_from){row->again, strlen(row->again)};
        memset(&outcome, 1, sizeof outcome);
        assert_int_equal(verimail_check_uncertain(checker, fields, count, row->sender, &row->own,
                                 row->own != NULL, "192.0.2.1", &outcome),
                VERIMAIL_OK);
        assert_string_equal(outcome.cause, row->cause);
        assert_int_equal(outcome.verdict, row->want);
        assert_int_equal(outcome.shortage, row->want == VERIMAIL_VERDICT_TEMPERROR);
    }
    verimail_checker_free(&checker);
    close(fd);
}

TEST(arguments_of_the_uncertain)
{
    static const char *const own[] = {"no domain"};
    struct verimail_checker *checker;
    struct verimail_outcome outcome;

    assert_int_equal(verimail_checker_new(NULL, &checker), VERIMAIL_OK);
    assert_int_equal(
            verimail_check_uncertain(checker, NULL, 0, NULL, own, 1, NULL, &outcome), VERIMAIL_OWN);
    assert_int_equal(outcome.verdict, VERIMAIL_VERDICT_TEMPERROR);
    assert_int_equal(
            verimail_check_uncertain(checker, NULL, 0, NULL, NULL, 0, "x", &outcome), VERIMAIL_IP);
    verimail_checker_free(&checker);
}
