// SPDX-License-Identifier: ISC
#include <netinet/in.h>

#include "fixture_session.h"

/* The messages of one connection, one after the other. */

#define ALICE "From: alice@example.org\nDate: x\nMessage-ID: <1@a>\n"
#define STAMP "accept\n+Verimail: alice@example.org"
#define EVE "From: eve@example.net\n"

static struct fixture_policy policy;
static struct session *session;

BEFORE_EACH()
{
    static const struct sockaddr_in loopback = {
            .sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f};

    fake_client = (struct fake_client){.outcome.verdict = VERDICT_NONE};
    policy = fixture_policy_make(FIXTURE_BOTH FIXTURE_MILTER(""), NULL);
    session = session_init(
            &policy.policy, fake_client_get(), "localhost", (const struct sockaddr *)&loopback);
    assert_non_null(session);
}

AFTER_EACH()
{
    session_free(&session);
    session_free(&session);
    fixture_policy_end(&policy);
}

static void assert_decision(const char *want)
{
    assert_string_equal(fixture_session_decision(session_end(session, "4Fz9")), want);
}

static void report(const char *fields)
{
    fixture_session_report(session, &(struct fixture_session){.fields = fields});
}

TEST(one_message_after_another)
{
    report(ALICE);
    assert_decision(STAMP);
    report(EVE);
    assert_decision("accept");
    report(ALICE "Verimail: alice@example.com UEFZTE9BRA\n");
    assert_decision("accept\n-Verimail 1\n+Verimail: alice@example.org");
    report(ALICE);
    assert_decision(STAMP);
}

TEST(an_aborted_message_leaves_nothing)
{
    report(ALICE "From: bob@example.org\nReceived: x\n");
    session_abort(session);
    assert_decision("accept");
    report(ALICE);
    assert_decision(STAMP);
}

/* MAIL without an end before it: the message that was under way is forgotten. */
TEST(a_message_that_never_ended_leaves_nothing)
{
    report(ALICE "From: bob@example.org\nReceived: x\n");
    report(ALICE);
    assert_decision(STAMP);
}

TEST(a_message_is_decided_once)
{
    report(ALICE);
    assert_decision(STAMP);
    assert_decision("accept");
}

TEST(calls_without_a_message_do_nothing)
{
    session_recipient(session, "<bob@b.example>");
    session_field(session, "From", " alice@example.org");
    session_header_end(session);
    assert_false(session_wants_body(session));
    session_body(session, "x", 1);
    session_abort(session);
    assert_decision("accept");
}

static const struct {
    struct unit_row row;
    const char *config;
    bool is_local;
    const char *fields;
    bool has_client;
    bool is_known; /* the outcome, without a digest */
    bool want;
} bodies[] = {
        {{"submission"}, FIXTURE_BOTH FIXTURE_MILTER(""), true, ALICE, true, false, true},
        {{"submission, no key"}, FIXTURE_VERIFY("") FIXTURE_MILTER(""), true, ALICE, true, false,
                false},
        {{"relayed"}, FIXTURE_BOTH FIXTURE_MILTER(""), true, "Received: x\n" ALICE, true, false,
                false},
        {{"stamp_relayed"}, FIXTURE_BOTH FIXTURE_MILTER("stamp_relayed = {\"127.0.0.1\"}"), true,
                "Received: x\n" ALICE, true, false, true},
        {{"inbound"}, FIXTURE_BOTH FIXTURE_MILTER(""), false, ALICE, true, false, true},
        {{"inbound, no client"}, FIXTURE_BOTH FIXTURE_MILTER(""), false, ALICE, false, false,
                false},
        {{"inbound, not verified"}, FIXTURE_STAMP FIXTURE_MILTER(""), false, ALICE, true, false,
                false},
        {{"inbound, a service"}, FIXTURE_VERIFY("") FIXTURE_MILTER(""), false, ALICE, true, false,
                true},
        {{"inbound, no service"}, FIXTURE_VERIFY("") FIXTURE_MILTER(""), false, ALICE, true, true,
                false},
        {{"inbound, no author"}, FIXTURE_VERIFY("") FIXTURE_MILTER(""), false, "To: a@b.example\n",
                true, false, false},
        {{"submission, another author"}, FIXTURE_BOTH FIXTURE_MILTER(""), true,
                "From: eve@other.example\n", true, false, false},
        {{"submission, nothing begun"}, FIXTURE_BOTH FIXTURE_MILTER(""), true, ALICE, true, true,
                true},
};

TEST_EACH(wants_body, bodies)
{
    static const struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f};
    static const struct sockaddr other = {.sa_family = AF_UNIX};
    struct fixture_policy with = fixture_policy_make(row->config, NULL);
    struct session *own = session_init(&with.policy, row->has_client ? fake_client_get() : NULL,
            "a.example", row->is_local ? (const struct sockaddr *)&v4 : &other);

    assert_non_null(own);
    fixture_session_report(own, &(struct fixture_session){.fields = row->fields});
    fake_client.needs_no_digest = row->is_known;
    assert_int_equal(session_wants_body(own), row->want);
    session_free(&own);
    assert_int_equal(fake_client.begun, 0);
    fixture_policy_end(&with);
}
