// SPDX-License-Identifier: ISC
#include <string.h>

#include "client/breaker.h"
#include "played.h"
#include "protocol/question.h"
#include "unit.h"

TEST(a_question_and_its_answer)
{
    struct played here = played_begin();
    struct answering *service =
            answering_start("127.0.0.2", ANSWERING_IN_OCTETS, "ALLOW redirected\r\n");
    char question[ANSWERING_QUESTION_MAX];

    played_name_at("a.test", service);
    const struct client_question about = {
            .payload = text_of("AbC-_9"),
            .rcpt = text_of("x.test,y.test"),
            .digest = text_of("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            .ip = text_of("192.0.2.1"),
    };
    const struct client_outcome got = played_ask_with(&here, "Alice@a.test", &about);
    answering_last(service, question);
    assert_string_equal(question,
            "Alice@a.test AbC-_9 rcpt=x.test,y.test "
            "digest=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ip=192.0.2.1\r\n");
    assert_int_equal(got.verdict, VERDICT_ALLOW);
    assert_int_equal(got.reason, REASON_REDIRECTED);
    assert_int_equal(got.step, CLIENT_ANSWERED);
    assert_true(got.secure && got.asking.connected && got.asking.which == 0);
    (void)played_ask(&here, "Alice@a.test", "");
    answering_last(service, question);
    assert_string_equal(question, "Alice@a.test -\r\n");
    answering_stop(&service);
    played_end(&here);
}

TEST(many_recipients)
{
    struct played here = played_begin();
    struct answering *service = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "YES stamped\r\n");
    char rcpt[QUESTION_RCPT_MAX + 100];
    char question[ANSWERING_QUESTION_MAX];

    played_name_at("a.test", service);
    for (size_t i = 0; i < sizeof rcpt; i++)
        rcpt[i] = "a.test,"[i % 7];
    const struct client_question about = {
            .payload = text_of("p"), .rcpt = {rcpt, sizeof rcpt - sizeof rcpt % 7 - 1}};
    assert_int_equal(played_ask_with(&here, "alice@a.test", &about).step, CLIENT_ANSWERED);
    answering_last(service, question);
    assert_string_equal(question, "alice@a.test p rcpt=*\r\n");
    answering_stop(&service);
    played_end(&here);
}

TEST(no_line_for_it)
{
    struct played here = played_begin();
    char payload[5000];

    memset(payload, 'x', sizeof payload);
    payload[sizeof payload - 1] = '\0';
    played_expect(&here, "alice@a.test", payload, VERDICT_TEMPERROR, CLIENT_FAILURE);
    played_expect(&here, "alice@a.test", "two words", VERDICT_TEMPERROR, CLIENT_FAILURE);
    played_end(&here);
}

TEST(nobody_to_ask)
{
    struct played here = played_begin();
    char text[200];
    struct endpoint inside;

    here.policy.budget_per_domain = 1; /* each is given back */
    played_name("none.test", DISCOVERY_NONE);
    strcpy(played_name("broken.test", DISCOVERY_ERROR)->answer.cause, "the name server is out");
    struct played_name *forbidden = played_name("inside.test", DISCOVERY_FOUND);
    assert_true(endpoint_parse("10.0.0.1:26", &inside));
    played_add_server(forbidden, inside);
    assert_true(endpoint_parse("127.0.0.1:25", &inside));
    played_add_server(forbidden, inside);
    for (unsigned i = 0; i < 3; i++) {
        played_expect(&here, "a@none.test", "", VERDICT_NONE, CLIENT_NO_SERVICE);
        played_expect(&here, "a@broken.test", "", VERDICT_TEMPERROR, CLIENT_DNS);
        played_expect(&here, "a@inside.test", "", VERDICT_TEMPERROR, CLIENT_FORBIDDEN);
    }
    struct client_outcome got = played_ask(&here, "a@broken.test", "");
    client_outcome_text(&got, text, sizeof text);
    assert_string_equal(text, "the DNS: the name server is out");
    got = played_ask(&here, "a@inside.test", "");
    assert_int_equal(got.reached[0], REACH_NETWORK);
    assert_int_equal(got.reached[1], REACH_PORT);
    client_outcome_text(&got, text, sizeof text);
    assert_string_equal(
            text, "the service must not be asked: its address is not one of the public Internet");
    played_end(&here);
}

TEST(what_is_remembered)
{
    static const struct {
        const char *reply;
        const char *payload;
        const char *user; /* who asks again */
        const char *payload_again;
        enum client_step want;
    } table[] = {
            {"NO unstamped ttl=60\r\n", "", "alice@a.test", "", CLIENT_CACHED},
            {"ALLOW unstamped ttl=60\r\n", "", "ALICE@a.test", "-", CLIENT_CACHED},
            {"NO unstamped ttl=60\r\n", "-", "alice@a.test", "", CLIENT_CACHED},
            {"NO unstamped ttl=60\r\n", "", "bob@a.test", "", CLIENT_ANSWERED},
            {"NO unstamped ttl=60\r\n", "", "alice@b.test", "", CLIENT_ANSWERED},
            {"NO unstamped ttl=60 scope=domain\r\n", "", "bob@a.test", "", CLIENT_CACHED},
            {"NO unstamped ttl=60 scope=domain\r\n", "", "bob@b.test", "", CLIENT_ANSWERED},
            {"NO unstamped ttl=60 scope=domain\r\n", "", "bob@a.test", "p", CLIENT_ANSWERED},
            {"NO refused ttl=60\r\n", "p", "alice@a.test", "p", CLIENT_ANSWERED},
            {"NO refused ttl=60\r\n", "p", "alice@a.test", "", CLIENT_ANSWERED},
            {"NO unstamped\r\n", "", "alice@a.test", "", CLIENT_ANSWERED},
            {"YES stamped ttl=60\r\n", "", "alice@a.test", "", CLIENT_ANSWERED},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct played here = played_begin();
        struct answering *service = answering_start("127.0.0.2", ANSWERING_AT_ONCE, table[i].reply);
        played_name_at("a.test", service);
        played_name_at("b.test", service);
        const struct client_outcome first = played_ask(&here, "alice@a.test", table[i].payload);
        played_names[0].answer.secure = false; /* the answer keeps what was */
        const struct client_outcome again =
                played_ask(&here, table[i].user, table[i].payload_again);
        if (first.step != CLIENT_ANSWERED || again.step != table[i].want ||
                again.verdict != first.verdict || again.reason != first.reason) {
            print_error("row %zu: got %s, then %s, want %s\n", i, client_step_word(first.step),
                    client_step_word(again.step), client_step_word(table[i].want));
            fail();
        }
        if (again.step == CLIENT_CACHED)
            assert_true(again.secure && !again.asking.connected);
        assert_int_equal(answering_questions(service), again.step == CLIENT_CACHED ? 1 : 2);
        answering_stop(&service);
        played_end(&here);
    }
}

TEST(budget_of_a_domain)
{
    struct played here = played_begin();
    struct answering *no = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "NO forged\r\n");
    struct answering *yes = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "YES stamped\r\n");

    here.policy.budget_per_domain = 2;
    here.policy.budget_per_address = 3; /* both are at one */
    played_name_at("no.test", no);
    played_name_at("yes.test", yes);
    for (unsigned i = 0; i < 2; i++)
        played_expect(&here, "a@no.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    played_expect(&here, "b@no.test", "q", VERDICT_TEMPERROR, CLIENT_BUDGET);
    assert_int_equal(answering_questions(no), 2);
    /* Stamped and unstamped mail apart. */
    for (unsigned i = 0; i < 2; i++)
        played_expect(&here, "a@no.test", "", VERDICT_NO, CLIENT_ANSWERED);
    played_expect(&here, "a@no.test", "", VERDICT_TEMPERROR, CLIENT_BUDGET);
    for (unsigned i = 0; i < 10; i++)
        played_expect(&here, "a@yes.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    answering_stop(&no);
    answering_stop(&yes);
    played_end(&here);
}

/* Many domains that name one machine; its ports do not matter. */
TEST(budget_of_a_machine)
{
    struct played here = played_begin();
    struct answering *one = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "NO forged\r\n");
    struct answering *other = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "NO forged\r\n");
    struct answering *elsewhere =
            answering_start("127.0.0.3", ANSWERING_AT_ONCE, "YES stamped\r\n");

    here.policy.budget_per_domain = 1;
    here.policy.budget_per_address = 3;
    played_name_at("a.test", one);
    played_add_server(
            played_name_at("b.test", one), answering_endpoint(other)); /* the other is not tried */
    played_name_at("c.test", other);
    played_name_at("d.test", one);
    played_add_server(played_name_at("e.test", one), answering_endpoint(elsewhere));
    played_expect(&here, "u@a.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    played_expect(&here, "u@b.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    played_expect(&here, "u@c.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    /* Nor does it hold places. */
    for (unsigned i = 0; i <= BREAKER_CONNECTIONS; i++)
        played_expect(&here, "u@d.test", "p", VERDICT_TEMPERROR, CLIENT_BUDGET);
    played_expect(&here, "u@d.test", "", VERDICT_NO, CLIENT_ANSWERED);
    assert_int_equal(answering_questions(one) + answering_questions(other), 4);
    const struct client_outcome got = played_ask(&here, "u@e.test", "p");
    assert_int_equal(got.verdict, VERDICT_YES);
    assert_int_equal(got.asking.which, 1); /* of the discovery's servers */
    /* The domain's was given back: it is the machine's that is spent. */
    here.policy.budget_per_address = 300;
    played_expect(&here, "u@d.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    played_expect(&here, "u@d.test", "p", VERDICT_TEMPERROR, CLIENT_BUDGET);
    answering_stop(&one);
    answering_stop(&other);
    answering_stop(&elsewhere);
    played_end(&here);
}

TEST(who_refuses_is_left_alone)
{
    struct played here = played_begin();
    struct answering *dead = answering_start("127.0.0.2", ANSWERING_NOBODY, "");
    struct answering *alive = answering_start("127.0.0.3", ANSWERING_AT_ONCE, "YES stamped\r\n");

    played_name_at("dead.test", dead);
    played_add_server(played_name_at("both.test", dead), answering_endpoint(alive));
    for (unsigned i = 0; i < BREAKER_FAILURES; i++)
        played_expect(&here, "a@dead.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    played_expect(&here, "a@dead.test", "p", VERDICT_TEMPERROR, CLIENT_RESTING);
    const struct client_outcome got = played_ask(&here, "a@both.test", "p");
    assert_int_equal(got.verdict, VERDICT_YES);
    assert_int_equal(got.asking.which, 1);
    assert_int_equal(got.asking.attempts[0].fate, ASKING_SPOKE); /* the dead one was left out */
    answering_stop(&dead);
    answering_stop(&alive);
    played_end(&here);
}

TEST(who_is_silent_is_left_alone)
{
    struct played here = played_begin();
    struct answering *silent = answering_start("127.0.0.2", ANSWERING_WHEN_RELEASED, "YES\r\n");

    here.policy.timeout = PLAYED_SHORT;
    played_name_at("silent.test", silent);
    for (unsigned i = 0; i < BREAKER_FAILURES; i++)
        played_expect(&here, "a@silent.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    /* On a busy machine some of them may have had no time. */
    while (played_ask(&here, "a@silent.test", "p").step != CLIENT_RESTING)
        assert_true(answering_questions(silent) < 20);
    answering_stop(&silent);
    played_end(&here);
}

/* A stranger's slow name servers leave no time for the service, which is not theirs. */
TEST(who_had_no_time_is_not_blamed)
{
    struct played here = played_begin();
    struct answering *silent = answering_start("127.0.0.2", ANSWERING_WHEN_RELEASED, "YES\r\n");

    here.policy.timeout = PLAYED_SHORT;
    played_name_at("slow.test", silent)->leaves = PLAYED_SHORT / 4;
    for (unsigned i = 0; i < 2 * BREAKER_FAILURES; i++)
        played_expect(&here, "a@slow.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    answering_stop(&silent);
    played_end(&here);
}

TEST(who_closes_is_not_blamed)
{
    struct played here = played_begin();
    struct answering *closing = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "");
    struct answering *garbled = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "220 hello\r\n");

    played_name_at("closing.test", closing);
    played_name_at("garbled.test", garbled);
    for (unsigned i = 0; i < 2 * BREAKER_FAILURES; i++) {
        played_expect(&here, "a@closing.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
        played_expect(&here, "a@garbled.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    }
    answering_stop(&closing);
    answering_stop(&garbled);
    played_end(&here);
}
