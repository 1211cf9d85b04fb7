// SPDX-License-Identifier: ISC
#include "filter/backscatter.h"

#include "fixture_session.h"

/* What becomes of a bounce. */

#define DAEMON "From:MAILER-DAEMON@mx.b.example\n"
#define TYPE "Content-Type:multipart/report; boundary=b\n"
#define OPTION(value) FIXTURE_STAMP FIXTURE_VERIFY("on_backscatter = " value) FIXTURE_MILTER("")
#define RETURNED(header)                                                                           \
    "--b\n\nSorry.\n--b\nContent-Type: message/rfc822\n\n" header "\nx\n--b--\n"
#define ALICE "From: Alice <alice@example.org>\n"
#define STAMP "Verimail: alice@example.org UEFZTE9BRA\n"
#define STAMPED RETURNED(STAMP ALICE)
#define UNSTAMPED RETURNED(ALICE)
#define BOUNCE(to)                                                                                 \
    .ip = "198.51.100.3", .mail = {.sender = "<>"}, .rcpts = (to), .fields = DAEMON TYPE,          \
    .verdict = VERDICT_NONE, .step = CLIENT_NO_SERVICE
#define TO_ALICE BOUNCE("<alice@example.org>")
#define LATER(of) .has_later = true, .later_verdict = VERDICT_##of, .later_step = CLIENT_ANSWERED
#define SILENT .has_later = true, .later_verdict = VERDICT_TEMPERROR, .later_step = CLIENT_NO_ANSWER
#define ASKED(payload) .question = "alice@example.org payload=" payload " rcpt= digest=0 ip="
#define LINE(event) event " queue=4Fz9 ip=198.51.100.3 class=inbound author="
#define VERIFIED "level=info " LINE("event=verified") "MAILER-DAEMON@mx.b.example verdict=none"
#define PASSED VERIFIED " action=accept by=step dns=insecure"
#define BOUNCED(verdict, action)                                                                   \
    LINE("event=bounce")                                                                           \
    "MAILER-DAEMON@mx.b.example returned=alice@example.org verdict=" verdict " " action            \
    " by=step dns=insecure channel=plain authenticated=no"
#define OURS(verdict) "level=info " BOUNCED(verdict, "action=accept")
#define MARK "\n+Authentication-Results: mx.example.net; verimail=fail reason=\"backscatter\""

static const struct fixture_session judged[] = {
        {{"ours"}, TO_ALICE, .body = STAMPED, LATER(YES), ASKED("UEFZTE9BRA"), .decision = "accept",
                .log = PASSED, .later_log = OURS("YES")},
        {{"ours that was kept long"}, TO_ALICE, .body = STAMPED, LATER(ALLOW), .decision = "accept",
                .log = PASSED, .later_log = OURS("ALLOW")},
        {{"a stamp that does not open"}, TO_ALICE, .body = STAMPED, LATER(NO), ASKED("UEFZTE9BRA"),
                .decision = "accept" MARK, .log = PASSED,
                .later_log = "level=info " BOUNCED("NO", "reason=backscatter action=accept")},
        {{"no stamp"}, TO_ALICE, .body = UNSTAMPED, LATER(NO), ASKED("-"),
                .decision = "accept" MARK, .log = PASSED,
                .later_log = "level=info " BOUNCED("NO", "reason=backscatter action=accept")},
        {{"no stamp of a user who also sends from elsewhere"}, TO_ALICE, .body = UNSTAMPED,
                LATER(ALLOW), ASKED("-"), .decision = "accept", .log = PASSED,
                .later_log = OURS("ALLOW")},
        {{"the domain has no service"}, TO_ALICE, .body = UNSTAMPED, LATER(NONE),
                .decision = "accept", .log = PASSED, .later_log = OURS("none")},
        {{"marked beside its author's result"}, .ip = "198.51.100.3", .mail = {.sender = "<>"},
                .rcpts = "<alice@example.org>", .fields = DAEMON TYPE, .body = UNSTAMPED,
                .verdict = VERDICT_YES, .reason = REASON_STAMPED, .step = CLIENT_CACHED, LATER(NO),
                .decision = "accept\n+Authentication-Results: mx.example.net; verimail=pass "
                            "header.from=MAILER-DAEMON@mx.b.example" MARK,
                .log = "level=info " LINE("event=verified") "MAILER-DAEMON@mx.b.example "
                                                            "verdict=YES reason=stamped "
                                                            "action=accept by=step dns=insecure "
                                                            "channel=plain authenticated=no",
                .later_log = "level=info " BOUNCED("NO", "reason=backscatter action=accept")},
        {{"rejected"}, OPTION("reject"), TO_ALICE, .body = UNSTAMPED, LATER(NO),
                .decision = "reject 550 5.7.1 example.org did not send the message that is "
                            "returned here (Verimail); do not return mail to a sender that you "
                            "have not verified" MARK,
                .log = PASSED,
                .later_log = "level=info " BOUNCED("NO", "reason=backscatter action=reject")},
        {{"ours while others are rejected"}, OPTION("reject"), TO_ALICE, .body = STAMPED,
                LATER(YES), .decision = "accept", .log = PASSED, .later_log = OURS("YES")},
        {{"monitor"},
                FIXTURE_STAMP FIXTURE_VERIFY("on_backscatter = reject mode = monitor")
                        FIXTURE_MILTER(""),
                TO_ALICE, .body = UNSTAMPED, LATER(NO), .decision = "accept" MARK,
                .log = VERIFIED " would=accept by=step dns=insecure",
                .later_log = "level=info " BOUNCED("NO", "reason=backscatter would=reject")},
        {{"a silent service"}, TO_ALICE, .body = UNSTAMPED, SILENT, .decision = "accept",
                .log = PASSED,
                .later_log = "level=warning " BOUNCED(
                        "temperror", "action=accept") " error=\"an error (step)\""},
        {{"a silent service while others are rejected"}, OPTION("reject"), TO_ALICE,
                .body = STAMPED, SILENT,
                .decision = "tempfail 451 4.7.1 Whether example.org sent the message that is "
                            "returned here is not known now (Verimail); try again later",
                .log = PASSED,
                .later_log = "level=warning " BOUNCED(
                        "temperror", "action=tempfail") " error=\"an error (step)\""},
        {{"to another user of ours"}, BOUNCE("<list+alice=b.example@example.com>"),
                .body = UNSTAMPED, LATER(NO), .decision = "accept" MARK, .log = PASSED},
        {{"to several"}, BOUNCE("<x@b.example> <alice@example.org>"), .body = UNSTAMPED, LATER(NO),
                .decision = "accept" MARK, .log = PASSED},
        {{"to a local name"}, BOUNCE("<alice>"), .body = UNSTAMPED, LATER(NO),
                .decision = "accept" MARK, .log = PASSED},
        {{"of a program on this host"}, BOUNCE("<root@mail.example.org>"),
                .body = RETURNED("From: root@mail.example.org\n"), LATER(NO),
                .question = "root@mail.example.org payload=- rcpt= digest=0 ip=",
                .decision = "accept" MARK, .log = PASSED},
        {{"in the text"}, .ip = "198.51.100.3", .mail = {.sender = "<>"},
                .rcpts = "<alice@example.org>", .fields = DAEMON, .verdict = VERDICT_NONE,
                .step = CLIENT_NO_SERVICE,
                .body = "Sorry.\n\n" STAMP ALICE "Message-ID: <x@y>\n\nx\n", LATER(YES),
                ASKED("UEFZTE9BRA"), .decision = "accept", .log = PASSED, .later_log = OURS("YES")},
};

TEST_EACH(a_bounce_that_is_judged, judged)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 2);
    assert_in_range(fake_client.timeout, 1, CLIENT_TIMEOUT);
}

static const struct fixture_session unjudged[] = {
        {{"switched off"}, OPTION("accept"), TO_ALICE, .body = UNSTAMPED, .decision = "accept",
                .log = PASSED},
        {{"a sender"}, .ip = "198.51.100.3", .mail = {.sender = "<x@b.example>"},
                .rcpts = "<alice@example.org>", .fields = DAEMON TYPE, .body = UNSTAMPED,
                .verdict = VERDICT_NONE, .step = CLIENT_NO_SERVICE, .decision = "accept",
                .log = PASSED},
        {{"the mail server does not say"}, .ip = "198.51.100.3", .rcpts = "<alice@example.org>",
                .fields = DAEMON TYPE, .body = UNSTAMPED, .verdict = VERDICT_NONE,
                .step = CLIENT_NO_SERVICE, .decision = "accept", .log = PASSED},
        {{"to nobody of ours"}, BOUNCE("<x@b.example> <y@c.example>"), .body = UNSTAMPED,
                .decision = "accept", .log = PASSED},
        {{"a message of nobody of ours"}, TO_ALICE, .body = RETURNED("From: x@b.example\n"),
                .decision = "accept", .log = PASSED},
        {{"a message of a domain below ours"}, TO_ALICE,
                .body = RETURNED("From: x@sub.example.org\n"), .decision = "accept", .log = PASSED},
        {{"a message without a certain author"}, TO_ALICE, .body = RETURNED(ALICE ALICE),
                .decision = "accept", .log = PASSED},
        {{"nothing returned"}, TO_ALICE, .body = "--b\n\nOn holiday.\n--b--\n",
                .decision = "accept", .log = PASSED},
        {{"no body"}, TO_ALICE, .decision = "accept", .log = PASSED},
        {{"refused already"}, .ip = "198.51.100.3", .mail = {.sender = "<>"},
                .rcpts = "<alice@example.org>", .fields = DAEMON TYPE, .body = UNSTAMPED,
                .verdict = VERDICT_NO, .reason = REASON_FORGED, .step = CLIENT_CACHED,
                .decision = "reject 550 5.7.1 mx.b.example says that it did not send this message "
                            "(Verimail); if it is yours, send it through that domain's own mail "
                            "server\n+Authentication-Results: mx.example.net; verimail=fail "
                            "header.from=mx.b.example",
                .log = "level=info " LINE(
                        "event=verified") "MAILER-DAEMON@mx.b.example verdict=NO "
                                          "reason=forged action=reject by=step "
                                          "dns=insecure channel=plain authenticated=no"},
};

TEST_EACH(a_bounce_that_is_not_judged, unjudged)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 1);
}

/* Mail of our own hosts is not from elsewhere. */
static const struct fixture_session trusted[] = {
        {{"relayed"}, .ip = "127.0.0.1", .mail = {.sender = "<>"}, .rcpts = "<alice@example.org>",
                .fields = "Received:x\n" DAEMON TYPE, .body = UNSTAMPED, .decision = "accept",
                .log = "level=info event=not-stamped queue=4Fz9 ip=127.0.0.1 class=relayed "
                       "author=MAILER-DAEMON@mx.b.example reason=not-ours action=accept"},
};

TEST_EACH(a_bounce_from_here, trusted)
{
    fixture_session_check(row);
    assert_int_equal(fake_client.asked, 0);
}

/* The time that the first question took is gone. */
TEST(a_question_has_the_time_that_is_left)
{
    struct fixture_policy fixture = fixture_policy_make(OPTION("mark"), NULL);
    const struct field type = field_of(text_of("Content-Type"), text_of("message/rfc822"));
    struct returned *returned = returned_init();
    struct backscatter backscatter;

    assert_non_null(returned);
    fake_client = (struct fake_client){.outcome.verdict = VERDICT_YES};
    returned_field(returned, &type);
    returned_header_end(returned);
    returned_body(returned, text_of(ALICE));
    assert_true(backscatter_judge(fixture.policy.verifier, fake_client_get(), returned, 17,
            text_of("198.51.100.3"), "\n", &backscatter));
    assert_int_equal(fake_client.timeout, 17);
    assert_string_equal(backscatter.author->text, "alice@example.org");
    assert_string_equal(backscatter.field, "");
    returned_free(&returned);
    fixture_policy_end(&fixture);
}
