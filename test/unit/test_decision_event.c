// SPDX-License-Identifier: ISC
#include "fixture_session.h"

/* What the record says of a message. */

#define ALICE "From: Alice <alice@example.org>\n"
#define NAMED ALICE "Message-ID: <1.a@example.org>\n"
#define PAYLOAD "AQIDBAUGBwgJAAECAwQFBgcICQoLDA0ODxAREhMUFRYXUEFZTE9BRA"
#define STAMPED "Verimail: alice@example.org " PAYLOAD "\n" NAMED
#define CLASSIC                                                                                    \
    "Verimail: alice@example.org "                                                                 \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccdd\n" NAMED
#define FROM .ip = "198.51.100.3", .fields
#define LOGIN .mail = {.auth_type = "PLAIN", .login = "alice@example.org"}, .ip = "192.0.2.8"
#define VERIFY(options) .config = FIXTURE_VERIFY(options) FIXTURE_MILTER("")
#define FAILS(error) .verdict = VERDICT_TEMPERROR, .step = CLIENT_##error
#define SERVICE "203.0.113.5:26"
#define WHO "|4Fz9|1.a@example.org|alice@example.org|example.org||198.51.100.3|b.example|"
#define LOOKUP "_verimail._tcp.example.org"

static const struct fixture_session verified[] = {
        {{"yes"}, FROM = STAMPED, .verdict = VERDICT_YES, .reason = REASON_STAMPED,
                .step = CLIENT_ANSWERED, .server = SERVICE,
                .record = "in|passed||YES|stamped" WHO SERVICE "|service|0|plain|0|" LOOKUP "|STAMP"},
        {{"no"}, FROM = NAMED, .verdict = VERDICT_NO, .reason = REASON_UNSTAMPED,
                .step = CLIENT_ANSWERED, .server = SERVICE,
                .record = "in|rejected||NO|unstamped" WHO SERVICE "|service|0|plain|0|" LOOKUP "|"},
        {{"a peer"}, FROM = NAMED, .verdict = VERDICT_NO, .reason = REASON_UNSTAMPED,
                .step = CLIENT_ANSWERED, .is_peer = true, .server = SERVICE,
                .record = "in|rejected||NO|unstamped" WHO SERVICE "|peer|0|plain|0||"},
        {{"a peer that does not answer"}, FROM = NAMED, FAILS(NO_ANSWER), .is_peer = true,
                .server = SERVICE, .record = "in|deferred||temperror|step" WHO SERVICE "||0||0||"},
        {{"no from the cache"}, FROM = NAMED, .verdict = VERDICT_NO, .reason = REASON_UNSTAMPED,
                .step = CLIENT_CACHED, .record = "in|rejected||NO|unstamped" WHO "|cache|0|plain|0||"},
        {{"monitor"}, VERIFY("mode = monitor"), FROM = NAMED, .verdict = VERDICT_NO,
                .reason = REASON_UNSTAMPED, .step = CLIENT_CACHED,
                .record = "in|passed|rejected|NO|unstamped" WHO "|cache|0|plain|0||"},
        {{"monitor and quarantine"}, VERIFY("mode = monitor on_no = quarantine"), FROM = NAMED,
                .verdict = VERDICT_NO, .reason = REASON_UNSTAMPED, .step = CLIENT_CACHED,
                .record = "in|passed|quarantined|NO|unstamped" WHO "|cache|0|plain|0||"},
        {{"monitor and mark"}, VERIFY("mode = monitor on_no = mark"), FROM = NAMED,
                .verdict = VERDICT_NO, .reason = REASON_UNSTAMPED, .step = CLIENT_CACHED,
                .record = "in|passed|marked|NO|unstamped" WHO "|cache|0|plain|0||"},
        {{"monitor and yes"}, VERIFY("mode = monitor"), FROM = STAMPED, .verdict = VERDICT_YES,
                .reason = REASON_STAMPED, .step = CLIENT_ANSWERED, .server = SERVICE,
                .record = "in|passed|passed|YES|stamped" WHO SERVICE "|service|0|plain|0|" LOOKUP "|STAMP"},
        {{"mark"}, VERIFY("on_no = mark"), FROM = NAMED, .verdict = VERDICT_NO,
                .reason = REASON_FORGED, .step = CLIENT_CACHED,
                .record = "in|marked||NO|forged" WHO "|cache|0|plain|0||"},
        {{"quarantine"}, VERIFY("on_no = quarantine"), FROM = NAMED, .verdict = VERDICT_NO,
                .reason = REASON_FORGED, .step = CLIENT_CACHED,
                .record = "in|quarantined||NO|forged" WHO "|cache|0|plain|0||"},
        {{"a payload of 2013"}, FROM = CLASSIC, .verdict = VERDICT_ALLOW, .reason = REASON_CLASSIC,
                .step = CLIENT_ANSWERED, .server = SERVICE,
                .record = "in|passed||ALLOW|classic" WHO SERVICE "|service|0|plain|0|" LOOKUP "|"},
        {{"none"}, FROM = NAMED, .verdict = VERDICT_NONE, .step = CLIENT_NO_SERVICE,
                .record = "in|passed||none|" WHO "||0||0|" LOOKUP "|"},
        {{"no answer"}, FROM = NAMED, FAILS(NO_ANSWER), .server = SERVICE,
                .record = "in|passed||temperror|step" WHO SERVICE "||0||0|" LOOKUP "|"},
        {{"left alone"}, FROM = NAMED, FAILS(RESTING), .server = SERVICE,
                .record = "in|passed||temperror|step" WHO SERVICE "||0||0|" LOOKUP "|"},
        {{"the DNS fails"}, VERIFY("on_temperror = tempfail"), FROM = NAMED, FAILS(DNS),
                .record = "in|deferred||temperror|dns" WHO "||0||0|" LOOKUP "|"},
        {{"no room"}, FROM = NAMED, FAILS(SHORTAGE),
                .record = "in|deferred||temperror|step" WHO "||0||0||"},
        {{"budget"}, FROM = NAMED, FAILS(BUDGET),
                .record = "in|deferred||temperror|step" WHO "||0||0||"},
        {{"nothing is known"}, .fields = ALICE, .rcpts = "", .verdict = VERDICT_NO,
                .reason = REASON_UNSTAMPED, .step = CLIENT_CACHED,
                .record = "in|rejected||NO|unstamped|4Fz9||alice@example.org|example.org||||"
                          "|cache|0|plain|0||"},
        {{"neither verified nor stamped"}, .config = FIXTURE_STAMP FIXTURE_MILTER(""), FROM = NAMED,
                .record = ""},
};

#define BOUNCE(options)                                                                            \
    .config = FIXTURE_STAMP FIXTURE_VERIFY("on_backscatter = " options) FIXTURE_MILTER(""),        \
    .ip = "198.51.100.3", .mail = {.sender = "<>"}, .rcpts = "<alice@example.org>",                \
    .fields = "From: MAILER-DAEMON@b.example\nMessage-ID: <5@b.example>\n"                         \
              "Content-Type: multipart/report; boundary=b\n",                                      \
    .body = "--b\n\nSorry.\n--b\nContent-Type: message/rfc822\n\n" ALICE "\nx\n--b--\n",           \
    .verdict = VERDICT_NONE, .step = CLIENT_NO_SERVICE, .has_later = true
#define BOUNCED "|4Fz9|5@b.example|alice@example.org|example.org||198.51.100.3|example.org|"

static const struct fixture_session bounced[] = {
        {{"marked"}, BOUNCE("mark"), .later_verdict = VERDICT_NO, .later_step = CLIENT_CACHED,
                .record = "in|marked||NO|backscatter" BOUNCED "|cache|0|plain|0||"},
        {{"rejected"}, BOUNCE("reject"), .later_verdict = VERDICT_NO, .later_step = CLIENT_CACHED,
                .record = "in|rejected||NO|backscatter" BOUNCED "|cache|0|plain|0||"},
        {{"monitor"}, BOUNCE("reject mode = monitor"), .later_verdict = VERDICT_NO,
                .later_step = CLIENT_CACHED,
                .record = "in|passed|rejected|NO|backscatter" BOUNCED "|cache|0|plain|0||"},
        {{"deferred"}, BOUNCE("reject"), .later_verdict = VERDICT_TEMPERROR,
                .later_step = CLIENT_NO_ANSWER,
                .record = "in|deferred||temperror|backscatter" BOUNCED "||0||0||"},
        {{"ours"}, BOUNCE("reject"), .later_verdict = VERDICT_YES, .later_step = CLIENT_CACHED,
                .record = "in|passed||none||4Fz9|5@b.example|MAILER-DAEMON@b.example|b.example||"
                          "198.51.100.3|example.org|||0||0|_verimail._tcp.b.example|"},
};

static const struct fixture_session sent[] = {
        {{"stamped"}, LOGIN, .fields = NAMED,
                .record = "out|stamped||||4Fz9|1.a@example.org|alice@example.org|example.org|"
                          "alice@example.org|192.0.2.8|b.example|||0||0||STAMP"},
        {{"not one of ours"}, .config = FIXTURE_STAMP FIXTURE_MILTER(""), LOGIN,
                .fields = "From: bob@example.net\nMessage-ID: 2@example.net\n",
                .record = "out|passed|||not-ours|4Fz9|2@example.net|bob@example.net|example.net|"
                          "alice@example.org|192.0.2.8|b.example|||0||0||"},
        {{"another one's"}, LOGIN,
                .fields = "From: bob@example.org\nMessage-ID:\n <3@example.org>\n",
                .record = "out|rejected|||foreign-from|4Fz9|3@example.org|bob@example.org|"
                          "example.org|alice@example.org|192.0.2.8|b.example|||0||0||"},
        {{"no author"}, LOGIN, .fields = "Message-ID: <4@example.org>\n",
                .record = "out|rejected|||no-from|4Fz9|4@example.org|||alice@example.org|192.0.2.8|"
                          "b.example|||0||0||"},
};

TEST_EACH(verified_mail, verified)
{
    fixture_session_check(row);
}

TEST_EACH(sent_mail, sent)
{
    fixture_session_check(row);
}

TEST_EACH(bounced_mail, bounced)
{
    fixture_session_check(row);
}
