// SPDX-License-Identifier: ISC
#include "fixture_session.h"

/* What becomes of a message from elsewhere. */

#define ALICE "From: Alice <alice@example.org>\n"
#define STAMPED "Verimail: alice@example.org UEFZTE9BRA\n" ALICE
#define FROM .ip = "198.51.100.3", .fields
#define LOG                                                                                        \
    "event=verified queue=4Fz9 ip=198.51.100.3 class=inbound author=alice@example.org verdict="
#define RESULT "\n+Authentication-Results: mx.example.net; verimail="
#define PASS RESULT "pass header.from=alice@example.org"
#define FAIL RESULT "fail header.from=example.org"
#define YOURS                                                                                      \
    "reject 550 5.7.1 example.org says that it did not send this message (Verimail); if it is "    \
    "yours, send it through that domain's own mail server"
#define FAILS(error) .verdict = VERDICT_TEMPERROR, .step = CLIENT_##error
#define VERIFY(options) FIXTURE_VERIFY(options) FIXTURE_MILTER("")
#define CACHED .step = CLIENT_CACHED

static const struct fixture_session verdicts[] = {
        {{"yes"}, FROM = STAMPED, .verdict = VERDICT_YES, .reason = REASON_STAMPED, CACHED,
                .decision = "accept" PASS,
                .log = "level=info " LOG "YES reason=stamped action=accept by=step dns=insecure "
                       "channel=plain authenticated=no"},
        {{"a server's answer"}, FROM = STAMPED, .verdict = VERDICT_YES, .reason = REASON_STAMPED,
                .step = CLIENT_ANSWERED, .server = "203.0.113.5:26", .decision = "accept" PASS,
                .log = "level=info " LOG
                       "YES reason=stamped action=accept by=step server=203.0.113.5:26 "
                       "dns=insecure channel=plain authenticated=no"},
        {{"a server that does not answer"}, FROM = ALICE, FAILS(NO_ANSWER),
                .server = "[2001:db8::1]:26",
                .decision = "accept" RESULT "temperror header.from=example.org",
                .log = "level=warning " LOG
                       "temperror action=accept by=step server=[2001:db8::1]:26 dns=insecure "
                       "channel=plain authenticated=no "
                       "error=\"an error (step)\""},
        {{"a server of a cached answer"}, FROM = STAMPED, .verdict = VERDICT_YES,
                .reason = REASON_STAMPED, CACHED, .server = "203.0.113.5:26",
                .decision = "accept" PASS,
                .log = "level=info " LOG "YES reason=stamped action=accept by=step dns=insecure "
                       "channel=plain authenticated=no"},
        {{"no"}, FROM = STAMPED, .verdict = VERDICT_NO, .reason = REASON_FORGED, CACHED,
                .decision = YOURS FAIL,
                .log = "level=info " LOG "NO reason=forged action=reject by=step dns=insecure "
                       "channel=plain authenticated=no"},
        {{"allow"}, FROM = ALICE, .verdict = VERDICT_ALLOW, .reason = REASON_HOST, CACHED,
                .decision = "accept" RESULT "neutral reason=\"host\" header.from=example.org",
                .log = "level=info " LOG "ALLOW reason=host action=accept by=step dns=insecure "
                       "channel=plain authenticated=no"},
        {{"none: no trace"}, FROM = ALICE, .verdict = VERDICT_NONE, .step = CLIENT_NO_SERVICE,
                .decision = "accept",
                .log = "level=info " LOG "none action=accept by=step dns=insecure"},
        {{"quarantine"}, VERIFY("on_no = quarantine"), FROM = ALICE, .verdict = VERDICT_NO,
                .reason = REASON_UNSTAMPED, CACHED, .decision = "quarantine" FAIL,
                .log = "level=info " LOG "NO reason=unstamped action=quarantine by=step "
                       "dns=insecure channel=plain authenticated=no"},
        {{"mark"}, VERIFY("on_no = mark"), FROM = ALICE, .verdict = VERDICT_NO,
                .reason = REASON_UNSTAMPED, CACHED, .decision = "accept" FAIL,
                .log = "level=info " LOG "NO reason=unstamped action=accept by=step dns=insecure "
                       "channel=plain authenticated=no"},
        {{"monitor"}, VERIFY("mode = monitor"), FROM = ALICE, .verdict = VERDICT_NO,
                .reason = REASON_UNSTAMPED, CACHED, .decision = "accept" FAIL,
                .log = "level=info " LOG "NO reason=unstamped would=reject by=step dns=insecure "
                       "channel=plain authenticated=no"},
        {{"temperror"}, VERIFY("on_temperror = tempfail"), FROM = ALICE, FAILS(DNS),
                .decision = "tempfail 451 4.4.3 The DNS of example.org does not say whether that "
                            "domain uses Verimail; try again later, or tell its postmaster" RESULT
                            "temperror header.from=example.org",
                .log = "level=warning " LOG "temperror action=tempfail by=dns dns=insecure "
                       "error=\"an error (dns)\""},
        {{"temperror accepted"}, FROM = ALICE, FAILS(DNS),
                .decision = "accept" RESULT "temperror header.from=example.org",
                .log = "level=warning " LOG "temperror action=accept by=dns dns=insecure "
                       "error=\"an error (dns)\""},
        {{"temperror that monitor accepts"}, VERIFY("mode = monitor on_temperror = tempfail"),
                FROM = ALICE, FAILS(BUDGET),
                .decision = "accept" RESULT "temperror header.from=example.org",
                .log = "level=warning " LOG "temperror would=tempfail by=step dns=insecure "
                       "error=\"an error (step)\""},
        {{"the same stamp twice"}, FROM = "Verimail: alice@example.org UEFZTE9BRA\n" STAMPED,
                .verdict = VERDICT_YES, .reason = REASON_STAMPED, CACHED, .decision = "accept" PASS,
                .log = "level=info " LOG "YES reason=stamped action=accept by=step dns=insecure "
                       "channel=plain authenticated=no"},
        {{"two stamps of the author"}, FROM = "Verimail: alice@example.org UEFZTE9BRB\n" STAMPED,
                .verdict = VERDICT_YES, .reason = REASON_UNSTAMPED, CACHED,
                .decision = "accept" PASS,
                .log = "level=info " LOG "YES reason=unstamped action=accept stamps=2 by=step "
                       "dns=insecure channel=plain authenticated=no"},
};

TEST_EACH(verdict, verdicts)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 1);
}

#define NO_AUTHOR(word, by)                                                                        \
    "level=info event=verified queue=4Fz9 ip=198.51.100.3 class=inbound author=- "                 \
    "verdict=permerror "                                                                           \
    "reason=" word " by=" by " meant=example.org action="

static const struct fixture_session authorless[] = {
        {{"no From"}, FROM = "Subject: x\n",
                .decision = "reject 550 5.7.1 This message has no From field (Verimail); give it "
                            "one From field with one address" RESULT "permerror reason=\"no-from\"",
                .log = NO_AUTHOR("no-from", "ours") "reject"},
        {{"two of them, marked"}, VERIFY("on_permerror = mark"), FROM = ALICE ALICE,
                .decision = "accept" RESULT "permerror reason=\"several-froms\"",
                .log = NO_AUTHOR("several-froms", "service") "accept"},
        {{"From with a space before its colon"}, VERIFY("on_permerror = mark"),
                FROM = "From : alice@example.org\n",
                .decision = "accept" RESULT "permerror reason=\"spaced\"",
                .log = NO_AUTHOR("spaced", "service") "accept"},
        {{"From of two addresses"}, VERIFY("on_permerror = mark"),
                FROM = "From: alice@example.org, bob@example.org\n",
                .decision = "accept" RESULT "permerror reason=\"from\"",
                .log = NO_AUTHOR("from", "service") "accept"},
};

TEST_EACH(nobody_is_asked_about_a_message_without_an_author, authorless)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 0);
}

#define FORGED "Authentication-Results: mx.example.net; verimail=pass\n"
#define GENUINE "Authentication-Results: mx.example.com; verimail=pass\n"
#define YES .verdict = VERDICT_YES, .reason = REASON_STAMPED, CACHED
#define YES_LOG "level=info " LOG "YES reason=stamped action=accept"
#define BY_NONE " by=step dns=insecure"
#define BY BY_NONE " channel=plain authenticated=no"
#define EIGHT(field) field field field field field field field field

static const struct fixture_session forgeries[] = {
        {{"none"}, FROM = GENUINE ALICE, YES, .decision = "accept" PASS, .log = YES_LOG BY},
        {{"one"}, FROM = FORGED ALICE, YES, .decision = "accept\n-Authentication-Results 1" PASS,
                .log = YES_LOG " forged_results=1" BY},
        {{"some, by their numbers"},
                FROM = GENUINE FORGED ALICE "X: y\n" GENUINE "authentication-results: \n"
                                            "\tMX.example.net/1; verimail = pass\n" GENUINE,
                YES, .decision = "accept\n-Authentication-Results 2,4" PASS,
                .log = YES_LOG " forged_results=2" BY},
        {{"a space before the colon"}, VERIFY("on_permerror = mark"),
                FROM = "Authentication-Results : mx.example.com; verimail=pass\n" ALICE,
                .decision =
                        "accept\n-Authentication-Results 1" RESULT "permerror reason=\"spaced\"",
                .log = NO_AUTHOR("spaced", "service") "accept forged_results=1"},
        {{"of a message that is rejected"}, FROM = FORGED ALICE, .verdict = VERDICT_NO,
                .reason = REASON_FORGED, CACHED,
                .decision = YOURS "\n-Authentication-Results 1" FAIL,
                .log = "level=info " LOG "NO reason=forged action=reject forged_results=1" BY},
        {{"of a message without an author"}, VERIFY("on_permerror = reject"), FROM = FORGED,
                .decision = "accept\n-Authentication-Results 1",
                .log = "level=info event=verified queue=4Fz9 ip=198.51.100.3 class=inbound "
                       "author=- "
                       "verdict=none reason=no-from by=none action=accept forged_results=1"},
};

TEST_EACH(forged_results_are_removed, forgeries)
{
    fixture_session_check(row);
}

/* More than 2000 fields are no valid header section, and what is behind them is forged too. */
TEST(forged_results_without_end)
{
    struct fixture_policy fixture = fixture_policy_make(VERIFY("on_permerror = mark"), NULL);
    struct session *session = session_init(&fixture.policy, fake_client_get(), NULL, NULL);

    assert_non_null(session);
    assert_true(session_mail(session, &(struct mail_command){0}));
    for (unsigned i = 0; i < MESSAGE_FIELDS_MAX + 10; i++)
        session_field(session, "Authentication-Results", " mx.example.net; verimail=pass");
    session_header_end(session);
    const struct decision_removal *removal = &session_end(session, NULL)->removals[0];
    assert_int_equal(removal->count, MESSAGE_FIELDS_MAX);
    assert_int_equal(removal->at[MESSAGE_FIELDS_MAX - 1], MESSAGE_FIELDS_MAX);
    assert_int_equal(removal->rest, MESSAGE_FIELDS_MAX + 1);
    assert_int_equal(removal->last, MESSAGE_FIELDS_MAX + 10);
    session_free(&session);
    fixture_policy_end(&fixture);
}

#define ASKED(payload, rcpt, ip)                                                                   \
    .decision = "accept", .verdict = VERDICT_NONE, .step = CLIENT_NO_SERVICE,                      \
    .question = "alice@example.org payload=" payload " rcpt=" rcpt " digest=43 ip=" ip,            \
    .log = "level=info event=verified queue=4Fz9 ip=" ip                                           \
           " class=inbound author=alice@example.org verdict=none action=accept" BY_NONE

static const struct fixture_session questions[] = {
        {{"a stamp"}, FROM = STAMPED, ASKED("UEFZTE9BRA", "b.example", "198.51.100.3")},
        {{"no stamp"}, FROM = ALICE, ASKED("-", "b.example", "198.51.100.3")},
        {{"a stamp of another user"}, FROM = "Verimail: bob@example.org UEFZTE9BRA\n" ALICE,
                ASKED("-", "b.example", "198.51.100.3")},
        {{"several recipients"}, FROM = ALICE, .rcpts = "<a@b.example> <c@d.example> <e@b.example>",
                ASKED("-", "b.example,d.example", "198.51.100.3")},
        {{"a local recipient"}, FROM = ALICE, .rcpts = "<postmaster>",
                ASKED("-", "*", "198.51.100.3")},
        {{"no recipient"}, FROM = ALICE, .rcpts = "", ASKED("-", "", "198.51.100.3")},
        {{"IPv6"}, .ip = "2001:db8::1", .fields = ALICE, ASKED("-", "b.example", "2001:db8::1")},
        {{"IPv4 in IPv6"}, .ip = "::ffff:198.51.100.3", .fields = ALICE,
                ASKED("-", "b.example", "198.51.100.3")},
};

TEST_EACH(question, questions)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 1);
}

static const struct fixture_session without_ip[] = {
        {{"send_ip = no"}, VERIFY("send_ip = no"), FROM = ALICE,
                .question = "alice@example.org payload=- rcpt=b.example digest=43 ip=",
                .verdict = VERDICT_NONE, .decision = "accept",
                .log = "level=info " LOG "none action=accept" BY},
        {{"the mail server does not say"}, .fields = ALICE,
                .question = "alice@example.org payload=- rcpt=b.example digest=43 ip=",
                .verdict = VERDICT_NONE, .decision = "accept",
                .log = "level=info event=verified queue=4Fz9 ip=- class=inbound "
                       "author=alice@example.org "
                       "verdict=none action=accept" BY},
};

TEST_EACH(question_without_ip, without_ip)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 1);
}

/* Without a section `verify` nothing is asked, removed or logged. */
static const struct fixture_session unverified[] = {
        {{"from elsewhere"}, FIXTURE_STAMP FIXTURE_MILTER(""), FROM = FORGED ALICE,
                .decision = "accept"},
};

TEST_EACH(no_section_verify, unverified)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 0);
}

#define MARK "X-Our-Gateway: 0123456789abcdef"

/* A stranger's mark is removed and gives him nothing. */
static const struct fixture_session marked[] = {
        {{"a mark"}, FIXTURE_BOTH FIXTURE_MILTER("relayed_mark = \"" MARK "\""),
                FROM = "Received: x\n" MARK "\n" ALICE, .verdict = VERDICT_NO,
                .reason = REASON_UNSTAMPED, CACHED, .decision = YOURS "\n-X-Our-Gateway 1+" FAIL,
                .log = "level=info " LOG "NO reason=unstamped action=reject" BY},
};

TEST_EACH(a_mark_from_outside, marked)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 1);
}

#define LOGIN .mail = {.auth_type = "PLAIN", .login = "eve"}
#define LOGIN_LOG                                                                                  \
    "level=info event=verified queue=4Fz9 ip=198.51.100.3 class=authenticated login=eve author="
#define BOTH(milter) FIXTURE_BOTH FIXTURE_MILTER(milter)

/* A login gives no right to another domain's name. */
static const struct fixture_session foreign[] = {
        {{"forged"}, BOTH(""), FROM = "From: bob@example.net\n", LOGIN, .verdict = VERDICT_NO,
                .reason = REASON_UNSTAMPED, CACHED,
                .decision = "reject 550 5.7.1 example.net says that it did not send this message "
                            "(Verimail); if it is yours, send it through that domain's own mail "
                            "server\n+Authentication-Results: mx.example.net; verimail=fail "
                            "header.from=example.net",
                .log = LOGIN_LOG "bob@example.net verdict=NO reason=unstamped action=reject" BY},
        {{"stamped there"}, BOTH(""),
                FROM = FORGED "From: bob@example.net\nVerimail: bob@example.net UEFZTE9BRA\n",
                LOGIN, YES,
                .question = "bob@example.net payload=UEFZTE9BRA rcpt=b.example digest=43 "
                            "ip=198.51.100.3",
                .decision = "accept\n-Authentication-Results 1\n+Authentication-Results: "
                            "mx.example.net; verimail=pass header.from=bob@example.net",
                .log = LOGIN_LOG "bob@example.net verdict=YES reason=stamped action=accept "
                                 "forged_results=1" BY},
        {{"of a domain without a service"}, BOTH(""), FROM = "From: bob@example.net\n", LOGIN,
                .verdict = VERDICT_NONE, .step = CLIENT_NO_SERVICE, .decision = "accept",
                .log = LOGIN_LOG "bob@example.net verdict=none action=accept" BY_NONE},
        {{"a host that stamps nothing"}, FIXTURE_VERIFY("") FIXTURE_MILTER(""), FROM = ALICE, LOGIN,
                .verdict = VERDICT_NONE, .step = CLIENT_NO_SERVICE, .decision = "accept",
                .log = LOGIN_LOG "alice@example.org verdict=none action=accept" BY_NONE},
};

TEST_EACH(a_login_is_verified_in_foreign_names, foreign)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 1);
}

/* What `on_foreign_from = accept` lets through is verified like any other mail. */
static const struct fixture_session uncertain[] = {
        {{"two authors"}, BOTH("on_foreign_from = accept"), FROM = ALICE ALICE, LOGIN,
                .decision = "reject 550 5.7.1 This message has more than one From field "
                            "(Verimail); give it one From field with one address"
                            "\n+Authentication-Results: mx.example.net; verimail=permerror "
                            "reason=\"several-froms\"",
                .log = LOGIN_LOG
                "- verdict=permerror reason=several-froms by=ours meant=example.org action=reject"},
};

TEST_EACH(a_login_without_a_certain_author, uncertain)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 0);
}
