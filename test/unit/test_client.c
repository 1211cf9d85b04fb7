// SPDX-License-Identifier: ISC
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/circuit_breaker.h"
#include "fixture_client.h"
#include "unit.h"

#define SLOW_REPLY "NO forged\r\n" /* an octet each 20 ms */
#define SLOW_REPLY_MS (20 * (sizeof SLOW_REPLY - 1))

TEST(a_question_and_its_answer)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *service =
            fake_service_start("127.0.0.2", FAKE_SERVICE_IN_OCTETS, "ALLOW redirected\r\n");
    char received[FAKE_SERVICE_QUESTION_MAX];

    fake_dns_service("a.test", service);
    const struct question about = {
            .payload = text_of("AbC-_9"),
            .rcpt = text_of("x.test,y.test"),
            .digest = text_of("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            .ip = text_of("192.0.2.1"),
    };
    const struct client_outcome got = fixture_client_ask_with(&here, "Alice@a.test", &about);
    fake_service_last(service, received);
    assert_string_equal(received,
            "Alice@a.test AbC-_9 rcpt=x.test,y.test "
            "digest=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ip=192.0.2.1\r\n");
    assert_int_equal(got.verdict, VERDICT_ALLOW);
    assert_int_equal(got.reason, REASON_REDIRECTED);
    assert_int_equal(got.step, CLIENT_ANSWERED);
    assert_true(got.secure && got.attempt.connected && got.attempt.which == 0);
    assert_true(text_equal((struct text){got.line, got.line_len}, text_of(received)));
    (void)fixture_client_ask(&here, "Alice@a.test", "-");
    fake_service_last(service, received);
    assert_string_equal(received, "Alice@a.test -\r\n");
    fake_service_stop(&service);
    fixture_client_end(&here);
}

TEST(no_line_for_it)
{
    struct fixture_client here = fixture_client_begin();
    char payload[5000];

    memset(payload, 'x', sizeof payload);
    payload[sizeof payload - 1] = '\0';
    fixture_client_expect(&here, "alice@a.test", payload, VERDICT_TEMPERROR, CLIENT_FAILURE);
    fixture_client_expect(&here, "alice@a.test", "two words", VERDICT_TEMPERROR, CLIENT_FAILURE);
    fixture_client_end(&here);
}

/* At endpoints that are given, without discovery. */
TEST(asked_at)
{
    static const struct {
        enum fake_service_manner manner;
        const char *reply;
        enum verdict verdict;
        enum client_step step;
    } table[] = {
            {FAKE_SERVICE_AT_ONCE, "YES stamped\r\n", VERDICT_YES, CLIENT_ANSWERED},
            {FAKE_SERVICE_AT_ONCE, "hello\r\n", VERDICT_TEMPERROR, CLIENT_NO_ANSWER},
            {FAKE_SERVICE_NOBODY, "", VERDICT_TEMPERROR, CLIENT_NO_ANSWER},
    };
    struct question question = {.payload = text_of("p"), .bare = true};

    assert_true(address_parse(text_of("alice"), text_of("a.test"), &question.user));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fake_service *service =
                fake_service_start("127.0.0.2", table[i].manner, table[i].reply);
        const struct endpoint endpoint = fake_service_endpoint(service);
        struct client_outcome got;
        client_ask_at(&endpoint, 1, &question, mono_ms() + FIXTURE_CLIENT_LONG, &got);
        assert_int_equal(got.verdict, table[i].verdict);
        assert_int_equal(got.step, table[i].step);
        assert_true(text_equal((struct text){got.line, got.line_len}, text_of("alice p\r\n")));
        fake_service_stop(&service);
    }
}

/* Anybody on the path could say YES to what has no stamp. It is neither believed nor kept. */
TEST(yes_without_a_stamp)
{
    static const char *const replies[] = {"YES\r\n", "YES stamped\r\n", "YES x ttl=60\r\n"};

    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct fixture_client here = fixture_client_begin();
        struct fake_service *service =
                fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, replies[i]);
        fake_dns_service("a.test", service);
        fixture_client_expect(&here, "a@a.test", "-", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
        fixture_client_expect(&here, "a@a.test", "-", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
        fixture_client_expect(&here, "a@a.test", "p", VERDICT_YES, CLIENT_ANSWERED);
        fake_service_stop(&service);
        fixture_client_end(&here);
    }
}

TEST(nobody_to_ask)
{
    struct fixture_client here = fixture_client_begin();
    char text[200];
    struct endpoint inside;

    here.policy.budget_per_domain = 1; /* each is given back */
    fake_dns_name("none.test", DISCOVERY_NONE);
    strcpy(fake_dns_name("broken.test", DISCOVERY_ERROR)->answer.cause, "the name server is out");
    struct fake_dns_name *forbidden = fake_dns_name("inside.test", DISCOVERY_FOUND);
    assert_true(endpoint_parse("10.0.0.1:26", &inside));
    fake_dns_add_server(forbidden, inside);
    assert_true(endpoint_parse("127.0.0.1:25", &inside));
    fake_dns_add_server(forbidden, inside);
    for (unsigned i = 0; i < 3; i++) {
        fixture_client_expect(&here, "a@none.test", "-", VERDICT_NONE, CLIENT_NO_SERVICE);
        fixture_client_expect(&here, "a@broken.test", "-", VERDICT_TEMPERROR, CLIENT_DNS);
        fixture_client_expect(&here, "a@inside.test", "-", VERDICT_TEMPERROR, CLIENT_FORBIDDEN);
    }
    struct client_outcome got = fixture_client_ask(&here, "a@broken.test", "-");
    client_outcome_text(&got, text, sizeof text);
    assert_string_equal(text, "the DNS: the name server is out");
    got = fixture_client_ask(&here, "a@inside.test", "-");
    assert_int_equal(got.acl_results[0], TARGET_ACL_NETWORK);
    assert_int_equal(got.acl_results[1], TARGET_ACL_PORT);
    client_outcome_text(&got, text, sizeof text);
    assert_string_equal(text,
            "the service must not be asked: its address is not one of the public Internet, and "
            "not in allow_networks");
    fixture_client_end(&here);
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
            {"NO unstamped ttl=60\r\n", "-", "alice@a.test", "-", CLIENT_CACHED},
            {"ALLOW unstamped ttl=60\r\n", "-", "ALICE@a.test", "-", CLIENT_CACHED},
            {"NO unstamped ttl=60\r\n", "-", "bob@a.test", "-", CLIENT_ANSWERED},
            {"NO unstamped ttl=60\r\n", "-", "alice@b.test", "-", CLIENT_ANSWERED},
            {"NO unstamped ttl=60 scope=domain\r\n", "-", "bob@a.test", "-", CLIENT_CACHED},
            {"NO unstamped ttl=60 scope=domain\r\n", "-", "bob@b.test", "-", CLIENT_ANSWERED},
            {"NO unstamped ttl=60 scope=domain\r\n", "-", "bob@a.test", "p", CLIENT_ANSWERED},
            {"NO refused ttl=60\r\n", "p", "alice@a.test", "p", CLIENT_ANSWERED},
            {"NO refused ttl=60\r\n", "p", "alice@a.test", "-", CLIENT_ANSWERED},
            {"NO unstamped\r\n", "-", "alice@a.test", "-", CLIENT_ANSWERED},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fixture_client here = fixture_client_begin();
        struct fake_service *service =
                fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, table[i].reply);
        fake_dns_service("a.test", service);
        fake_dns_service("b.test", service);
        const struct client_outcome first =
                fixture_client_ask(&here, "alice@a.test", table[i].payload);
        fake_dns_names[0].answer.secure = false; /* the answer keeps what was */
        const struct client_outcome again =
                fixture_client_ask(&here, table[i].user, table[i].payload_again);
        if (first.step != CLIENT_ANSWERED || again.step != table[i].want ||
                again.verdict != first.verdict || again.reason != first.reason) {
            print_error("row %zu: got %s, then %s, want %s\n", i, client_step_word(first.step),
                    client_step_word(again.step), client_step_word(table[i].want));
            fail();
        }
        if (again.step == CLIENT_CACHED)
            assert_true(again.secure && !again.attempt.connected);
        assert_int_equal(fake_service_questions(service), again.step == CLIENT_CACHED ? 1 : 2);
        fake_service_stop(&service);
        fixture_client_end(&here);
    }
}

TEST(budget_of_a_domain)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *no =
            fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, "NO forged\r\n");
    struct fake_service *yes =
            fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, "YES stamped\r\n");

    here.policy.budget_per_domain = 2;
    here.policy.budget_per_address = 3; /* both are at one */
    fake_dns_service("no.test", no);
    fake_dns_service("yes.test", yes);
    for (unsigned i = 0; i < 2; i++)
        fixture_client_expect(&here, "a@no.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    fixture_client_expect(&here, "b@no.test", "q", VERDICT_TEMPERROR, CLIENT_BUDGET);
    assert_int_equal(fake_service_questions(no), 2);
    /* Stamped and unstamped mail apart. */
    for (unsigned i = 0; i < 2; i++)
        fixture_client_expect(&here, "a@no.test", "-", VERDICT_NO, CLIENT_ANSWERED);
    fixture_client_expect(&here, "a@no.test", "-", VERDICT_TEMPERROR, CLIENT_BUDGET);
    for (unsigned i = 0; i < 10; i++)
        fixture_client_expect(&here, "a@yes.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    fake_service_stop(&no);
    fake_service_stop(&yes);
    fixture_client_end(&here);
}

/* Many domains that name one machine; its ports do not matter. */
TEST(budget_of_a_machine)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *one =
            fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, "NO forged\r\n");
    struct fake_service *other =
            fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, "NO forged\r\n");
    struct fake_service *elsewhere =
            fake_service_start("127.0.0.3", FAKE_SERVICE_AT_ONCE, "YES stamped\r\n");

    here.policy.budget_per_domain = 1;
    here.policy.budget_per_address = 3;
    fake_dns_service("a.test", one);
    fake_dns_add_server(fake_dns_service("b.test", one),
            fake_service_endpoint(other)); /* the other is not tried */
    fake_dns_service("c.test", other);
    fake_dns_service("d.test", one);
    fake_dns_add_server(fake_dns_service("e.test", one), fake_service_endpoint(elsewhere));
    fixture_client_expect(&here, "u@a.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    fixture_client_expect(&here, "u@b.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    fixture_client_expect(&here, "u@c.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    /* Nor does it hold places. */
    for (unsigned i = 0; i <= CIRCUIT_BREAKER_CONNECTIONS; i++)
        fixture_client_expect(&here, "u@d.test", "p", VERDICT_TEMPERROR, CLIENT_BUDGET);
    fixture_client_expect(&here, "u@d.test", "-", VERDICT_NO, CLIENT_ANSWERED);
    assert_int_equal(fake_service_questions(one) + fake_service_questions(other), 4);
    const struct client_outcome got = fixture_client_ask(&here, "u@e.test", "p");
    assert_int_equal(got.verdict, VERDICT_YES);
    assert_int_equal(got.attempt.which, 1); /* of the discovery's servers */
    /* The domain's was given back: it is the machine's that is spent. */
    here.policy.budget_per_address = 300;
    fixture_client_expect(&here, "u@d.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    fixture_client_expect(&here, "u@d.test", "p", VERDICT_TEMPERROR, CLIENT_BUDGET);
    fake_service_stop(&one);
    fake_service_stop(&other);
    fake_service_stop(&elsewhere);
    fixture_client_end(&here);
}

/* A lack of our own is no error of the domain's: the message waits, whatever the policy says. */
TEST(our_own_room_runs_out)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *alive =
            fake_service_start("127.0.0.3", FAKE_SERVICE_AT_ONCE, "YES stamped\r\n");
    struct rlimit before;
    char text[200];

    strcpy(fake_dns_name("crowded.test", DISCOVERY_SHORTAGE)->answer.cause, "no place");
    fake_dns_service("alive.test", alive);
    fixture_client_expect(&here, "a@crowded.test", "p", VERDICT_TEMPERROR, CLIENT_SHORTAGE);
    struct client_outcome got = fixture_client_ask(&here, "a@crowded.test", "p");
    client_outcome_text(&got, text, sizeof text);
    assert_string_equal(text, "the DNS: no place");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    /* Those that are open stay of use: poll() takes no more than may be. */
    const int next = dup(STDIN_FILENO);
    assert_true(next > 0);
    close(next);
    const struct rlimit no_more = {(rlim_t)next, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &no_more), 0);
    got = fixture_client_ask(&here, "a@alive.test", "p");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(got.verdict, VERDICT_TEMPERROR);
    assert_int_equal(got.step, CLIENT_SHORTAGE);
    client_outcome_text(&got, text, sizeof text);
    assert_string_equal(text, "this machine has no room for a connection: Too many open files");
    fixture_client_expect(&here, "a@alive.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    fake_service_stop(&alive);
    fixture_client_end(&here);
}

TEST(steps_of_shortage)
{
    static const struct {
        enum client_step step;
        bool want;
    } table[] = {
            {CLIENT_ANSWERED, false},
            {CLIENT_DNS, false},
            {CLIENT_RESTING, false},
            {CLIENT_NO_ANSWER, false},
            {CLIENT_SHORTAGE, true},
            {CLIENT_BUDGET, true},
            {CLIENT_FAILURE, true},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(client_is_short(table[i].step), table[i].want);
}

/* Others' forgeries use up a domain's budget: mail goes on from where genuine mail came from. */
TEST(a_flood_does_not_hold_up_known_networks)
{
    static const char *const strangers[] = {"198.51.100.1", "198.51.101.1", "198.51.102.1",
            "198.51.103.1", "198.51.104.1", "198.51.105.1", "198.51.106.1", "198.51.107.1"};
    struct fixture_client here = fixture_client_begin();
    struct fake_service *service =
            fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, "YES stamped\r\n");
    struct fake_service *forged =
            fake_service_start("127.0.0.3", FAKE_SERVICE_AT_ONCE, "NO forged\r\n");

    here.policy.budget_per_domain = sizeof strangers / sizeof *strangers;
    struct fake_dns_name *named = fake_dns_service("a.test", service);
    here.ip = "192.0.2.1";
    fixture_client_expect(&here, "u@a.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    named->answer.servers[0].endpoint = fake_service_endpoint(forged);
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        here.ip = strangers[i];
        fixture_client_expect(&here, "u@a.test", "x", VERDICT_NO, CLIENT_ANSWERED);
        fixture_client_expect(&here, "u@a.test", "x", VERDICT_TEMPERROR, CLIENT_BUDGET);
    }
    named->answer.servers[0].endpoint = fake_service_endpoint(service);
    here.ip = "203.0.113.1";
    fixture_client_expect(&here, "u@a.test", "p", VERDICT_TEMPERROR, CLIENT_BUDGET);
    here.ip = "192.0.2.99";
    for (size_t i = 0; i < 20; i++)
        fixture_client_expect(&here, "u@a.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    fake_service_stop(&service);
    fake_service_stop(&forged);
    fixture_client_end(&here);
}

/* A stranger's SRV record names a closed port of somebody's machine. */
TEST(closed_ports_cost_the_domain_that_named_them)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *alive =
            fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, "NO forged\r\n");
    struct fake_service *closed[4];

    here.policy.budget_per_domain = 6;
    here.policy.budget_per_address = 3;
    struct fake_dns_name *evil = fake_dns_name("evil.test", DISCOVERY_FOUND);
    for (size_t i = 0; i < 4; i++) {
        closed[i] = fake_service_start("127.0.0.2", FAKE_SERVICE_NOBODY, "");
        fake_dns_add_server(evil, fake_service_endpoint(closed[i]));
    }
    fake_dns_service("victim.test", alive);
    for (unsigned i = 0; i < CIRCUIT_BREAKER_FAILURES; i++)
        fixture_client_expect(&here, "u@evil.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    for (unsigned i = 0; i < 3; i++)
        fixture_client_expect(&here, "u@victim.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    fixture_client_expect(&here, "u@victim.test", "p", VERDICT_TEMPERROR, CLIENT_BUDGET);
    fake_service_stop(&alive);
    for (size_t i = 0; i < 4; i++)
        fake_service_stop(&closed[i]);
    fixture_client_end(&here);
}

TEST(who_refuses_is_left_alone)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *dead = fake_service_start("127.0.0.2", FAKE_SERVICE_NOBODY, "");
    struct fake_service *alive =
            fake_service_start("127.0.0.3", FAKE_SERVICE_AT_ONCE, "YES stamped\r\n");

    fake_dns_service("dead.test", dead);
    fake_dns_add_server(fake_dns_service("both.test", dead), fake_service_endpoint(alive));
    for (unsigned i = 0; i < CIRCUIT_BREAKER_FAILURES; i++)
        fixture_client_expect(&here, "a@dead.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    fixture_client_expect(&here, "a@dead.test", "p", VERDICT_TEMPERROR, CLIENT_RESTING);
    const struct client_outcome got = fixture_client_ask(&here, "a@both.test", "p");
    assert_int_equal(got.verdict, VERDICT_YES);
    assert_int_equal(got.attempt.which, 1);
    assert_int_equal(got.attempt.addresses[0].state, ATTEMPT_SPOKE); /* the dead one was left out */
    fake_service_stop(&dead);
    fake_service_stop(&alive);
    fixture_client_end(&here);
}

TEST(who_is_silent_is_left_alone)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *silent =
            fake_service_start("127.0.0.2", FAKE_SERVICE_WHEN_RELEASED, "YES\r\n");

    here.policy.timeout = FIXTURE_CLIENT_SHORT;
    fake_dns_service("silent.test", silent);
    for (unsigned i = 0; i < CIRCUIT_BREAKER_FAILURES; i++)
        fixture_client_expect(&here, "a@silent.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    /* On a busy machine some of them may have had no time. */
    while (fixture_client_ask(&here, "a@silent.test", "p").step != CLIENT_RESTING)
        assert_true(fake_service_questions(silent) < 20);
    fake_service_stop(&silent);
    fixture_client_end(&here);
}

/* A stranger's slow name servers leave no time for the service, which is not theirs. */
TEST(who_had_no_time_is_not_blamed)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *silent =
            fake_service_start("127.0.0.2", FAKE_SERVICE_WHEN_RELEASED, "YES\r\n");

    here.policy.timeout = FIXTURE_CLIENT_SHORT;
    fake_dns_service("slow.test", silent)->leaves = FIXTURE_CLIENT_SHORT / 4;
    for (unsigned i = 0; i < 2 * CIRCUIT_BREAKER_FAILURES; i++)
        fixture_client_expect(&here, "a@slow.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    fake_service_stop(&silent);
    fixture_client_end(&here);
}

/* Answers that come just in time hold up everybody, too. */
TEST(who_is_slow_is_left_alone)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *slow = fake_service_start("127.0.0.2", FAKE_SERVICE_SLOWLY, SLOW_REPLY);

    here.policy.timeout = SLOW_REPLY_MS * 10 / 9;
    fake_dns_service("slow.test", slow);
    for (unsigned i = 0; i < CIRCUIT_BREAKER_FAILURES; i++)
        (void)fixture_client_ask(&here, "a@slow.test", "p");
    fixture_client_expect(&here, "a@slow.test", "p", VERDICT_TEMPERROR, CLIENT_RESTING);
    fake_service_stop(&slow);
    fixture_client_end(&here);
}

TEST(who_needs_most_of_its_time_is_not_slow)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *slow = fake_service_start("127.0.0.2", FAKE_SERVICE_SLOWLY, SLOW_REPLY);

    here.policy.timeout = SLOW_REPLY_MS * 100;
    fake_dns_service("slow.test", slow);
    for (unsigned i = 0; i <= CIRCUIT_BREAKER_FAILURES; i++)
        fixture_client_expect(&here, "a@slow.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    fake_service_stop(&slow);
    fixture_client_end(&here);
}

TEST(who_closes_is_not_blamed)
{
    struct fixture_client here = fixture_client_begin();
    struct fake_service *closing = fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, "");
    struct fake_service *garbled =
            fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, "220 hello\r\n");

    fake_dns_service("closing.test", closing);
    fake_dns_service("garbled.test", garbled);
    for (unsigned i = 0; i < 2 * CIRCUIT_BREAKER_FAILURES; i++) {
        fixture_client_expect(&here, "a@closing.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
        fixture_client_expect(&here, "a@garbled.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    }
    fake_service_stop(&closing);
    fake_service_stop(&garbled);
    fixture_client_end(&here);
}

TEST(the_first_of_several_that_has_a_service)
{
    static const struct {
        const char *domains;
        enum discovery_result want;
        size_t which;
    } rows[] = {
            {"", DISCOVERY_NONE, 99},
            {"none.test", DISCOVERY_NONE, 99},
            {"one.test", DISCOVERY_FOUND, 0},
            {"none.test two.test one.test", DISCOVERY_FOUND, 1},
            {"lost.test none.test", DISCOVERY_ERROR, 0},
            {"none.test lost.test short.test", DISCOVERY_SHORTAGE, 2},
            {"short.test lost.test", DISCOVERY_SHORTAGE, 0},
            {"short.test lost.test one.test", DISCOVERY_FOUND, 2},
            {"none.test none.test none.test none.test none.test none.test none.test one.test",
                    DISCOVERY_FOUND, 7},
            {"none.test none.test none.test lost.test none.test", DISCOVERY_ERROR, 3},
            {"lost.test none.test none.test none.test short.test", DISCOVERY_SHORTAGE, 4},
    };
    struct fixture_client here = fixture_client_begin();

    fake_dns_name("none.test", DISCOVERY_NONE);
    fake_dns_name("one.test", DISCOVERY_FOUND);
    fake_dns_name("two.test", DISCOVERY_FOUND);
    fake_dns_name("short.test", DISCOVERY_SHORTAGE);
    fake_dns_name("lost.test", DISCOVERY_ERROR);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text domains[8];
        size_t count = 0;
        size_t which = 99;
        struct reader r = reader_of(text_of(rows[i].domains));
        while (r.rest.len > 0)
            domains[count++] = reader_field(&r, ' ');
        assert_int_equal(client_find_service(here.client, &here.policy, domains, count,
                                 text_of("192.0.2.1"), &which),
                rows[i].want);
        assert_int_equal(which, rows[i].which);
    }
    fixture_client_end(&here);
}
