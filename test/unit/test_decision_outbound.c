// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>

#include "base/clock.h"
#include "fixture_session.h"
#include "protocol/payload.h"

/* What becomes of a message of ours. */

#define DATES "Date: Tue, 24 Nov 2026 01:00:00 +0000\nMessage-ID: <1@example.org>\n"
#define ALICE DATES "From: Alice <alice@example.org>\n"
#define EVE DATES "From: eve@example.net\n"
#define RECEIVED "Received: from a.example by b.example\n"
#define SUBMIT                                                                                     \
    "Received: (from alice@localhost) by mail.example.org (8.17.1.9/8.17.1.9/Submit) id "          \
    "3AOKx01;\n"
#define STAMP "\n+Verimail: alice@example.org"
#define STAMPED "accept" STAMP

#define LOOPBACK .ip = "127.0.0.1", .fields
#define ELSEWHERE .ip = "198.51.100.3", .fields
#define LOG(event, ip, class) "level=info event=" event " queue=4Fz9 ip=" ip " class=" class
#define AUTHOR " author=alice@example.org"
#define STAMPED_LOG(ip, class) LOG("stamped", ip, class) AUTHOR " rcpt=b.example"
#define NOT(ip, class, author, error)                                                              \
    LOG("not-stamped", ip, class) " author=" author " reason=" error

static const struct fixture_session classes[] = {
        {{"loopback"}, LOOPBACK = ALICE, .decision = STAMPED,
                .log = STAMPED_LOG("127.0.0.1", "submission")},
        {{"IPv6 loopback"}, .ip = "::1", .fields = ALICE, .decision = STAMPED,
                .log = STAMPED_LOG("::1", "submission")},
        {{"standard input"}, .hostname = "localhost", .fields = ALICE, .decision = STAMPED,
                .log = STAMPED_LOG("-", "submission")},
        {{"a trusted network"},
                FIXTURE_BOTH FIXTURE_MILTER("trusted_networks = {\"198.51.100.0/24\"}"),
                ELSEWHERE = ALICE, .decision = STAMPED,
                .log = STAMPED_LOG("198.51.100.3", "submission")},
        {{"a trusted daemon"}, FIXTURE_BOTH FIXTURE_MILTER("trusted_daemons = {inside, ORIGIN}"),
                ELSEWHERE = ALICE, .mail = {.daemon_name = "ORIGIN"}, .decision = STAMPED,
                .log = STAMPED_LOG("198.51.100.3", "submission")},
        {{"another daemon"}, FIXTURE_STAMP FIXTURE_MILTER("trusted_daemons = {inside}"),
                ELSEWHERE = ALICE, .mail = {.daemon_name = "outside"}, .decision = "accept"},
        {{"a bounce"}, LOOPBACK = DATES "From: MAILER-DAEMON@Mail.Example.org\n",
                .decision = "accept\n+Verimail: MAILER-DAEMON@mail.example.org",
                .log = LOG("stamped", "127.0.0.1", "submission") " author=MAILER-DAEMON@mail."
                                                                 "example.org rcpt=b.example"},
        {{"sendmail's submission"}, LOOPBACK = SUBMIT ALICE, .decision = STAMPED,
                .log = STAMPED_LOG("127.0.0.1", "submission")},
        {{"its field from another machine"},
                FIXTURE_BOTH FIXTURE_MILTER("trusted_networks = {\"198.51.100.0/24\"}"),
                ELSEWHERE = SUBMIT ALICE, .decision = "accept",
                .log = NOT(
                        "198.51.100.3", "relayed", "alice@example.org", "relayed action=accept")},
        {{"its field below another"}, LOOPBACK = RECEIVED SUBMIT ALICE, .decision = "accept",
                .log = NOT("127.0.0.1", "relayed", "alice@example.org", "relayed action=accept")},
        {{"its field above another"}, LOOPBACK = SUBMIT RECEIVED ALICE, .decision = "accept",
                .log = NOT("127.0.0.1", "relayed", "alice@example.org", "relayed action=accept")},
        {{"relayed"}, LOOPBACK = RECEIVED ALICE, .decision = "accept",
                .log = NOT("127.0.0.1", "relayed", "alice@example.org", "relayed action=accept")},
        {{"relayed by one of stamp_relayed"},
                FIXTURE_BOTH FIXTURE_MILTER("stamp_relayed = {\"127.0.0.1\"}"),
                LOOPBACK = RECEIVED ALICE, .decision = STAMPED,
                .log = STAMPED_LOG("127.0.0.1", "relayed")},
        {{"relayed by a daemon of stamp_relayed"},
                FIXTURE_BOTH FIXTURE_MILTER("stamp_relayed = {\"192.0.2.0/24\", lists}"),
                LOOPBACK = RECEIVED ALICE, .mail = {.daemon_name = "lists"}, .decision = STAMPED,
                .log = STAMPED_LOG("127.0.0.1", "relayed")},
        {{"relayed by another daemon"}, FIXTURE_BOTH FIXTURE_MILTER("stamp_relayed = {lists}"),
                LOOPBACK = RECEIVED ALICE, .mail = {.daemon_name = "Lists"}, .decision = "accept",
                .log = NOT("127.0.0.1", "relayed", "alice@example.org", "relayed action=accept")},
        {{"a stranger at such a daemon"}, FIXTURE_STAMP FIXTURE_MILTER("stamp_relayed = {lists}"),
                ELSEWHERE = RECEIVED ALICE, .mail = {.daemon_name = "lists"}, .decision = "accept"},
        {{"authenticated"}, ELSEWHERE = ALICE, .mail = {.auth_type = "PLAIN", .login = "alice"},
                .decision = STAMPED,
                .log = LOG("stamped", "198.51.100.3", "authenticated") " login=alice" AUTHOR
                                                                       " rcpt=b.example"},
        {{"authenticated and relayed"}, ELSEWHERE = RECEIVED ALICE,
                .mail = {.auth_type = "PLAIN", .login = "alice"}, .decision = STAMPED,
                .log = LOG("stamped", "198.51.100.3", "authenticated") " login=alice" AUTHOR
                                                                       " rcpt=b.example"},
};

TEST_EACH(class, classes)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 0);
}

/* What sendmail's field must look like. */
static const struct {
    struct unit_row row;
    const char *received;
    enum mail_class want;
} submissions[] = {
        {{"folded"},
                " (from root@localhost)\n\tby a.example.org (8.17.1.9/8.17.1.9/Submit) id "
                "3AOKx01;\n\tTue, 24 Nov 2026 01:00:00 GMT",
                MAIL_CLASS_SUBMISSION},
        {{"no space before it"}, "(from root@localhost) by a.example.org (8.17/8.17/Submit) id 3A",
                MAIL_CLASS_SUBMISSION},
        {{"of the server"}, "(from root@localhost) by a.example.org (8.17.1.9/8.17.1.9) id 3A",
                MAIL_CLASS_RELAYED},
        {{"from a host"}, " from b.example by a.example.org (8.17/8.17/Submit) id 3A",
                MAIL_CLASS_RELAYED},
        {{"from in a comment"}, " from x (from y) by a.example.org (8.17/8.17/Submit) id 3A",
                MAIL_CLASS_RELAYED},
        {{"empty"}, "", MAIL_CLASS_RELAYED},
        {{"cut off"}, "(from ", MAIL_CLASS_RELAYED},
};

TEST_EACH(submission, submissions)
{
    struct fixture_policy fixture = fixture_policy_make(FIXTURE_BOTH FIXTURE_MILTER(""), NULL);
    const struct smtp_client from = {.is_loopback = true, .is_trusted = true};
    struct transaction *transaction =
            transaction_init(&fixture.policy, NULL, &from, &(struct mail_command){0});

    assert_non_null(transaction);
    transaction_field(transaction, text_of("Received"), text_of(row->received));
    assert_string_equal(
            mail_class_name(transaction_class(transaction)), mail_class_name(row->want));
    transaction_free(&transaction);
    fixture_policy_end(&fixture);
}

#define LOGIN(name) .mail = {.auth_type = "PLAIN", .login = (name)}
#define ACCEPT FIXTURE_BOTH FIXTURE_MILTER("on_foreign_from = accept")
#define WARNING(ip, class) "level=warning event=not-stamped queue=4Fz9 ip=" ip " class=" class
#define FOREIGN(ip, login, action)                                                                 \
    WARNING(ip, "authenticated") login AUTHOR " reason=foreign-from action=" action
#define REFUSED_FOREIGN(ip, login)                                                                 \
    .decision = "reject 550 5.7.1 The address in From is not one that your login may use "         \
                "(Verimail)",                                                                      \
    .log = FOREIGN(ip, login, "reject")
#define YES_LOGIN(login)                                                                           \
    .decision = STAMPED, .log = LOG("stamped", "198.51.100.3",                                     \
                                 "authenticated") " login=" login AUTHOR " rcpt=b.example"

static const struct fixture_session logins[] = {
        {{"an address"}, ELSEWHERE = ALICE, LOGIN("alice@example.org"),
                YES_LOGIN("alice@example.org")},
        {{"another's"}, ELSEWHERE = ALICE, LOGIN("eve"),
                REFUSED_FOREIGN("198.51.100.3", " login=eve")},
        {{"another's, accepted"}, ACCEPT, ELSEWHERE = ALICE, LOGIN("eve"), .decision = "accept",
                .log = FOREIGN("198.51.100.3", " login=eve", "accept")},
        {{"no login is known"}, ELSEWHERE = ALICE, .mail = {.auth_type = "GSSAPI"},
                REFUSED_FOREIGN("198.51.100.3", "")},
        {{"an empty one"}, ELSEWHERE = ALICE, LOGIN(""), REFUSED_FOREIGN("198.51.100.3", "")},
        {{"any"}, FIXTURE_BOTH FIXTURE_MILTER("logins = any"), ELSEWHERE = ALICE, LOGIN("eve"),
                YES_LOGIN("eve")},
        {{"in the table"}, FIXTURE_BOTH FIXTURE_MILTER("logins = \"/l\""),
                "office alice@example.org\n", ELSEWHERE = ALICE, LOGIN("office"),
                YES_LOGIN("office")},
        {{"not in the table"}, FIXTURE_BOTH FIXTURE_MILTER("logins = \"/l\""),
                "office bob@example.org\n", ELSEWHERE = ALICE, LOGIN("alice"),
                REFUSED_FOREIGN("198.51.100.3", " login=alice")},
        /* A client that logs in is not trusted for its network. */
        {{"on loopback"}, LOOPBACK = ALICE, LOGIN("eve"),
                REFUSED_FOREIGN("127.0.0.1", " login=eve")},
};

TEST_EACH(login, logins)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 0);
}

#define FORGED "Authentication-Results: mx.example.net; verimail=pass\n"

static const struct fixture_session unstamped[] = {
        {{"another domain"}, LOOPBACK = EVE, .decision = "accept",
                .log = NOT("127.0.0.1", "submission", "eve@example.net", "not-ours action=accept")},
        {{"a subdomain"}, LOOPBACK = "From: a@sub.example.org\n", .decision = "accept",
                .log = NOT(
                        "127.0.0.1", "submission", "a@sub.example.org", "not-ours action=accept")},
        {{"a relayed one without an author"}, LOOPBACK = RECEIVED DATES, .decision = "accept",
                .log = NOT("127.0.0.1", "relayed", "-", "no-from action=accept")},
        {{"no author, and no key"}, FIXTURE_VERIFY("") FIXTURE_MILTER(""), LOOPBACK = DATES,
                .decision = "accept",
                .log = NOT("127.0.0.1", "submission", "-", "no-key action=accept")},
        {{"a login, nothing verified"}, FIXTURE_STAMP FIXTURE_MILTER(""), LOOPBACK = EVE,
                LOGIN("eve"), .decision = "accept",
                .log = LOG("not-stamped", "127.0.0.1",
                        "authenticated") " login=eve "
                                         "author=eve@example.net reason=not-ours action=accept"},
        {{"no recipient"}, LOOPBACK = ALICE, .rcpts = "", .decision = "accept",
                .log = NOT("127.0.0.1", "submission", "alice@example.org",
                        "no-recipients action=accept")},
        {{"no key"}, FIXTURE_VERIFY("") FIXTURE_MILTER(""), LOOPBACK = ALICE, .decision = "accept",
                .log = NOT("127.0.0.1", "submission", "alice@example.org", "no-key action=accept")},
        {{"forged results"}, LOOPBACK = FORGED EVE, .decision = "accept\n-Authentication-Results 1",
                .log = NOT("127.0.0.1", "submission", "eve@example.net", "not-ours action=accept")},
        /* They may be ours: the message came through us before. */
        {{"results of a relayed one"}, LOOPBACK = RECEIVED FORGED EVE, .decision = "accept",
                .log = NOT("127.0.0.1", "relayed", "eve@example.net", "not-ours action=accept")},
};

TEST_EACH(not_stamped, unstamped)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 0);
}

#define MARK "X-Our-Gateway: 0123456789abcdef"
#define MARKED                                                                                     \
    FIXTURE_BOTH FIXTURE_MILTER(                                                                   \
            "trusted_networks = {\"192.0.2.0/24\", \"127.0.0.1\"}\nrelayed_mark = \"" MARK "\"")
#define UNMARKED "\n-X-Our-Gateway 1+"
#define RELAYED_LOG NOT("127.0.0.1", "relayed", "alice@example.org", "relayed action=accept")

static const struct fixture_session marks[] = {
        {{"the mark"}, MARKED, LOOPBACK = RECEIVED MARK "\n" ALICE,
                .decision = "accept" UNMARKED STAMP, .log = STAMPED_LOG("127.0.0.1", "relayed")},
        {{"in other letters and more white space"}, MARKED,
                LOOPBACK = RECEIVED "x-our-GATEWAY:\n\t 0123456789abcdef \n" ALICE,
                .decision = "accept" UNMARKED STAMP, .log = STAMPED_LOG("127.0.0.1", "relayed")},
        {{"no mark"}, MARKED, LOOPBACK = RECEIVED ALICE, .decision = "accept", .log = RELAYED_LOG},
        {{"a wrong one"}, MARKED, LOOPBACK = RECEIVED "X-Our-Gateway: 0123456789abcdeF\n" ALICE,
                .decision = "accept" UNMARKED, .log = RELAYED_LOG},
        {{"a shorter one"}, MARKED, LOOPBACK = RECEIVED "X-Our-Gateway: 0123456789abcde\n" ALICE,
                .decision = "accept" UNMARKED, .log = RELAYED_LOG},
        {{"a longer one"}, MARKED, LOOPBACK = RECEIVED MARK "0\n" ALICE,
                .decision = "accept" UNMARKED, .log = RELAYED_LOG},
        {{"none at all"}, MARKED, LOOPBACK = RECEIVED "X-Our-Gateway:\n" ALICE,
                .decision = "accept" UNMARKED, .log = RELAYED_LOG},
        {{"two wrong ones and the mark"}, MARKED,
                LOOPBACK = RECEIVED "X-Our-Gateway: x\n" MARK "\n" ALICE "X-Our-Gateway: y\n",
                .decision = "accept" UNMARKED STAMP, .log = STAMPED_LOG("127.0.0.1", "relayed")},
        {{"another field"}, MARKED, LOOPBACK = RECEIVED "X-Our: 0123456789abcdef\n" ALICE,
                .decision = "accept", .log = RELAYED_LOG},
        {{"of a new message"}, MARKED, LOOPBACK = MARK "\n" ALICE,
                .decision = "accept" UNMARKED STAMP, .log = STAMPED_LOG("127.0.0.1", "submission")},
        {{"of a login"}, MARKED, ELSEWHERE = MARK "\n" ALICE, LOGIN("alice"),
                .decision = "accept" UNMARKED STAMP,
                .log = LOG("stamped", "198.51.100.3", "authenticated") " login=alice" AUTHOR
                                                                       " rcpt=b.example"},
        {{"of a stranger, nothing verified"},
                FIXTURE_STAMP FIXTURE_MILTER("relayed_mark = \"" MARK "\""),
                ELSEWHERE = RECEIVED MARK "\n" ALICE, .decision = "accept" UNMARKED},
        {{"for another domain"}, MARKED, LOOPBACK = RECEIVED MARK "\n" EVE,
                .decision = "accept" UNMARKED,
                .log = NOT("127.0.0.1", "relayed", "eve@example.net", "not-ours action=accept")},
};

TEST_EACH(mark, marks)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 0);
}

#define REFUSED(fault) .decision = "reject 550 5.7.1 This message " fault " (Verimail)"
#define AUTHORLESS(word, action)                                                                   \
    .log = WARNING("127.0.0.1", "submission") " author=- reason=" word " action=" action
#define LOGIN_AUTHORLESS(word, action)                                                             \
    .log = WARNING("127.0.0.1", "authenticated") " login=alice author=- reason=" word              \
                                                 " action=" action
#define SENDER(path) .mail = {.sender = (path)}
#define MAILBOX "has a From field that is not one mailbox"

static const struct fixture_session authorless[] = {
        {{"no From and no sender"}, LOOPBACK = DATES, REFUSED("has no From field"),
                AUTHORLESS("no-from", "reject")},
        {{"an empty sender"}, LOOPBACK = DATES, SENDER("<>"), REFUSED("has no From field"),
                AUTHORLESS("no-from", "reject")},
        {{"an empty From, too"}, LOOPBACK = DATES "From:\n", SENDER("<>"), REFUSED(MAILBOX),
                AUTHORLESS("from", "reject")},
        {{"a sender without a domain"}, LOOPBACK = DATES, SENDER("<alice>"),
                REFUSED("has no From field"), AUTHORLESS("no-from", "reject")},
        {{"a sender with more than an address"}, LOOPBACK = DATES, SENDER("alice@example.org (x)"),
                REFUSED("has no From field"), AUTHORLESS("no-from", "reject")},
        {{"two authors"}, LOOPBACK = ALICE "From: bob@example.org\n", SENDER("<a@example.org>"),
                REFUSED("has more than one From field"), AUTHORLESS("several-froms", "reject")},
        {{"an author without a domain"}, LOOPBACK = DATES "From: alice\n",
                SENDER("<alice@example.org>"), REFUSED(MAILBOX), AUTHORLESS("from", "reject")},
        {{"accepted"}, ACCEPT, LOOPBACK = DATES, .decision = "accept",
                AUTHORLESS("no-from", "accept")},
        {{"of a login"}, LOOPBACK = DATES,
                .mail = {"<alice@example.org>", .auth_type = "PLAIN", .login = "alice"},
                REFUSED("has no From field"), LOGIN_AUTHORLESS("no-from", "reject")},
        {{"of a login, accepted and nothing verified"},
                FIXTURE_STAMP FIXTURE_MILTER("on_foreign_from = accept"), LOOPBACK = DATES,
                LOGIN("alice"), .decision = "accept", LOGIN_AUTHORLESS("no-from", "accept")},
};

TEST_EACH(no_certain_author, authorless)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 0);
}

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define LINE_990                                                                                   \
    HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED TEN TEN TEN TEN TEN    \
            TEN TEN TEN TEN

/* Mail servers would cut such a line, and readers see other fields than were stamped. */
static const struct fixture_session cut_lines[] = {
        {{"a long line"}, LOOPBACK = ALICE "Subject: " LINE_990 "\n",
                REFUSED("has a header line over 990 octets, which mail servers cut"),
                AUTHORLESS("long-line", "reject")},
        {{"a long line of results"}, LOOPBACK = "Authentication-Results: " LINE_990 "\n" ALICE,
                REFUSED("has a header line over 990 octets, which mail servers cut") "\n-"
                                                                                     "Authenticatio"
                                                                                     "n-Results 1",
                AUTHORLESS("long-line", "reject")},
        {{"accepted"}, ACCEPT, LOOPBACK = ALICE "To: " LINE_990 "\n", .decision = "accept",
                AUTHORLESS("long-line", "accept")},
        {{"in a field that does not count"}, LOOPBACK = ALICE "X-To: " LINE_990 "\n",
                .decision = STAMPED, .log = STAMPED_LOG("127.0.0.1", "submission")},
        {{"a CR that ends no line"}, LOOPBACK = ALICE "X: y\rFrom: bob@example.org\n",
                REFUSED("has a CR in its header section that ends no line"),
                AUTHORLESS("bare-cr", "reject")},
        {{"a body of 990"}, LOOPBACK = ALICE, .body = LINE_990 "\r\nx\r\n", .decision = STAMPED,
                .log = STAMPED_LOG("127.0.0.1", "submission")},
        {{"a body of 991"}, LOOPBACK = ALICE, .body = "x\r\n" LINE_990 "0\r\nx\r\n",
                .decision = STAMPED,
                .log = "level=notice event=long-lines queue=4Fz9 ip=127.0.0.1 "
                       "class=submission" AUTHOR
                       " longest=991\n<6>" STAMPED_LOG("127.0.0.1", "submission")},
};

TEST_EACH(cut_line, cut_lines)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 0);
}

#define OTHER(user) "Verimail: " user " UEFZTE9BRA\n"
#define FROM_ALICE "From: alice@example.org\n"
#define REPLACED(n) STAMPED_LOG("127.0.0.1", "submission") " replaced=" n

static const struct fixture_session changes[] = {
        {{"no Date"}, LOOPBACK = FROM_ALICE "Message-ID: <1@a>\n",
                .decision = "accept\n_Date" STAMP, .log = STAMPED_LOG("127.0.0.1", "submission")},
        {{"no Message-ID"}, LOOPBACK = FROM_ALICE "date: x\n",
                .decision = "accept\n_Message-ID" STAMP,
                .log = STAMPED_LOG("127.0.0.1", "submission")},
        {{"neither"}, LOOPBACK = FROM_ALICE, .decision = "accept\n_Date\n_Message-ID" STAMP,
                .log = STAMPED_LOG("127.0.0.1", "submission")},
        {{"neither, and not stamped"}, LOOPBACK = "From: eve@example.net\n", .decision = "accept",
                .log = NOT("127.0.0.1", "submission", "eve@example.net", "not-ours action=accept")},
        {{"no From"}, LOOPBACK = DATES, SENDER("<alice@example.org>"),
                .decision = "accept\n_From" STAMP, .log = STAMPED_LOG("127.0.0.1", "submission")},
        {{"an empty From"}, LOOPBACK = DATES "From: \n", SENDER("<alice@example.org>"),
                .decision = "accept\n-From 1\n_From" STAMP,
                .log = STAMPED_LOG("127.0.0.1", "submission")},
        {{"no field at all"}, LOOPBACK = "", SENDER("alice@example.org"),
                .decision = "accept\n_From\n_Date\n_Message-ID" STAMP,
                .log = STAMPED_LOG("127.0.0.1", "submission")},
        {{"no From, and another's sender"}, LOOPBACK = DATES, SENDER("<eve@example.net>"),
                .decision = "accept",
                .log = NOT("127.0.0.1", "submission", "eve@example.net", "not-ours action=accept")},
        {{"an old stamp"}, LOOPBACK = OTHER("alice@example.org") ALICE,
                .decision = "accept\n-Verimail 1" STAMP, .log = REPLACED("1")},
        {{"stamps of other domains stay"},
                LOOPBACK = OTHER("a@example.net") OTHER("bob@example.com") "X: y\n" OTHER(
                        "b@example.net") OTHER("alice@example.org") ALICE,
                .decision = "accept\n-Verimail 2,4" STAMP, .log = REPLACED("2")},
        {{"what is no stamp counts"},
                LOOPBACK = "Verimail: nonsense\nVerimail:\n" OTHER("alice@example.org") ALICE,
                .decision = "accept\n-Verimail 3" STAMP, .log = REPLACED("1")},
        {{"with forged results"}, LOOPBACK = FORGED OTHER("alice@example.org") ALICE,
                .decision = "accept\n-Authentication-Results 1\n-Verimail 1" STAMP,
                .log = REPLACED("1")},
        {{"several recipients"}, LOOPBACK = ALICE, .rcpts = "<a@b.example> <c@d.example>",
                .decision = STAMPED,
                .log = LOG("stamped", "127.0.0.1", "submission") AUTHOR
                " rcpt=b.example,d.example"},
};

TEST_EACH(change, changes)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 0);
}

/* A transaction of a local client, with one recipient and one author, that is complete. */
static struct transaction *transaction_of(const struct policy *policy)
{
    static const struct smtp_client from = {.is_loopback = true, .is_trusted = true};
    struct transaction *transaction =
            transaction_init(policy, NULL, &from, &(struct mail_command){0});

    assert_non_null(transaction);
    envelope_add(&transaction->envelope, text_of("<bob@b.example>"));
    transaction_field(transaction, text_of("From"), text_of(" alice@example.org"));
    transaction_header_end(transaction);
    return transaction;
}

#define TEMPFAIL "tempfail 451 4.7.1 This message cannot be stamped now; try again later (Verimail)"

static const struct {
    struct unit_row row;
    enum message_result result;
    bool recipients_failed;
    const char *want;
} errors[] = {
        {{"memory"}, MESSAGE_MEMORY, false, TEMPFAIL},
        {{"too large"}, MESSAGE_TOO_LARGE, false,
                "reject 550 5.7.1 This message has a header section over 1 MiB or 2000 fields "
                "(Verimail)"},
        {{"recipients"}, MESSAGE_OK, true, "accept"},
        {{"nothing"}, MESSAGE_OK, false, "accept\n_Date\n_Message-ID" STAMP},
};

TEST_EACH(error, errors)
{
    struct decision decision;
    struct fixture_policy fixture =
            fixture_policy_make(FIXTURE_BOTH "milter { socket = \"unix:/s\" }", NULL);
    struct transaction *transaction = transaction_of(&fixture.policy);
    message_parser_broken(transaction->parser, row->result);
    transaction->envelope.failed = row->recipients_failed;
    decision_make(transaction, NULL, &decision);
    assert_string_equal(fixture_session_decision(&decision), row->want);
    transaction_free(&transaction);
    fixture_policy_end(&fixture);
}

/* The stamp of a decision, opened: both sides have the same key. */
static struct payload_opened opened(const struct policy *policy, const struct decision *decision)
{
    const char *service_key = policy->config->stamp->service_key.at;
    unsigned char secret[KEY_OCTETS];
    unsigned char service[KEY_OCTETS];
    struct keyring *ring = keyring_init(1);
    struct payload_opened opened;
    struct stamp stamp;

    assert_non_null(ring);
    assert_int_equal(key_parse(text_of(FIXTURE_HOST_KEY), KEY_HOST_SECRET, secret), KEY_OK);
    assert_int_equal(key_parse(text_of(service_key), KEY_SERVICE_PUBLIC, service), KEY_OK);
    assert_int_equal(keyring_add_sender(ring, "mail.example.org", secret, service), KEY_OK);
    keyring_seal(ring);
    assert_int_equal(decision->on_top_count, 1);
    assert_true(stamp_parse(text_of(decision->on_top[0].value), &stamp));
    assert_int_equal(payload_open(ring, text_of(stamp.payload), &opened), PAYLOAD_OK);
    keyring_free(&ring);
    return opened;
}

static void assert_text(struct text got, const char *want)
{
    char copy[1024];

    snprintf(copy, sizeof copy, "%.*s", (int)got.len, got.at);
    assert_string_equal(copy, want);
}

/* What the message gets is in its digest. */
TEST(the_stamp_says_what_the_message_is)
{
    struct fixture_policy fixture = fixture_policy_make(FIXTURE_BOTH FIXTURE_MILTER(""), NULL);
    struct transaction *transaction = transaction_of(&fixture.policy);
    struct message_parser *parser = message_parser_init(NULL);
    struct decision decision;

    assert_non_null(parser);
    assert_true(transaction_wants_body(transaction));
    message_parser_body(transaction->parser, text_of("Hello\r\n"));
    decision_make(transaction, NULL, &decision);
    const struct payload_opened stamp = opened(&fixture.policy, &decision);
    assert_text(stamp.is.host, "mail.example.org");
    assert_text(stamp.is.receiving, "b.example:1");
    assert_text(stamp.is.user, "alice@example.org");
    assert_int_equal(stamp.is.issued, transaction->began);
    assert_in_range(unix_now() - transaction->began, 0, 600);
    struct field field = field_of(text_of("From"), text_of(" alice@example.org"));
    message_parser_field(parser, &field);
    for (size_t i = 0; i < decision.below_count; i++) {
        field = field_of(text_of(decision.below[i].name), text_of(decision.below[i].value));
        message_parser_field(parser, &field);
    }
    message_parser_header_end(parser);
    message_parser_body(parser, text_of("Hello\r\n"));
    assert_int_equal(message_parser_end(parser), MESSAGE_PARSER_OK);
    assert_text(stamp.is.digest, message_parser_digest(parser));
    message_parser_free(&parser);
    transaction_free(&transaction);
    fixture_policy_end(&fixture);
}
