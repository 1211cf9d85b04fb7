// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answering.h"
#include "base/clock.h"
#include "client/breaker.h"
#include "client/client.h"
#include "protocol/question.h"

#define LONG 60000 /* milliseconds: no test waits for so long */
#define SHORT 200

/* The DNS is played: what it says of a domain. Written before there are threads. */
struct named {
    const char *domain;
    struct discovery_answer answer;
    uint64_t leaves; /* milliseconds of the time that there is; 0: all */
};

static struct named names[40];
static size_t names_count;

void discovery_find(struct discovery *discovery, struct text domain, uint64_t deadline,
        struct discovery_answer *answer_r)
{
    assert_null(discovery);
    *answer_r = (struct discovery_answer){.result = DISCOVERY_ERROR, .cause = "no such test"};
    for (size_t i = 0; i < names_count; i++) {
        if (!text_equal(domain, text_of(names[i].domain)))
            continue;
        *answer_r = names[i].answer;
        while (names[i].leaves > 0 && clock_milliseconds() + names[i].leaves < deadline)
            usleep(1000);
    }
}

static struct named *name(const char *domain, enum discovery_result result)
{
    struct named *named = &names[names_count++];

    *named = (struct named){.domain = domain, .answer = {.result = result, .secure = true}};
    return named;
}

static void add_server(struct named *named, struct endpoint endpoint)
{
    struct discovery_server *server = &named->answer.servers[named->answer.count++];

    server->endpoint = endpoint;
    strcpy(server->target, "service.test");
}

static struct named *name_at(const char *domain, const struct answering *service)
{
    struct named *named = name(domain, DISCOVERY_FOUND);

    add_server(named, answering_endpoint(service));
    return named;
}

/* A client, and who may be asked: loopback. */
struct here {
    struct client *client;
    struct network loopback;
    struct client_policy policy;
};

static struct here begin(void)
{
    struct here here = {.client = client_init(NULL)};

    names_count = 0;
    assert_non_null(here.client);
    assert_true(network_parse("127.0.0.0/8", &here.loopback));
    here.policy = (struct client_policy){.timeout = LONG,
            .budget_per_domain = CLIENT_BUDGET_PER_DOMAIN,
            .budget_per_address = CLIENT_BUDGET_PER_ADDRESS};
    return here;
}

static struct client_outcome ask_with(
        const struct here *here, const char *user, const struct client_question *about)
{
    struct client_question question = *about;
    struct client_policy policy = here->policy;
    struct client_outcome outcome;
    struct address author;

    policy.reach.networks = &here->loopback;
    policy.reach.networks_count = 1;
    if (!address_parse(text_of(user), text_of(""), &author))
        abort();
    question.author = &author;
    client_ask(here->client, &policy, &question, &outcome);
    return outcome;
}

static struct client_outcome ask(const struct here *here, const char *user, const char *payload)
{
    return ask_with(here, user, &(struct client_question){.payload = text_of(payload)});
}

static void expect(const struct here *here, const char *user, const char *payload,
        enum verdict verdict, enum client_step step)
{
    const struct client_outcome got = ask(here, user, payload);

    if (got.verdict != verdict || got.step != step) {
        print_error("%s %s: got %s by %s, want %s by %s\n", user, payload,
                verdict_name(got.verdict), client_step_word(got.step), verdict_name(verdict),
                client_step_word(step));
        fail();
    }
}

static void end(struct here *here)
{
    client_free(&here->client);
    client_free(&here->client);
}

static void a_question_and_its_answer(void **state)
{
    struct here here = begin();
    struct answering *service =
            answering_start("127.0.0.2", ANSWERING_IN_OCTETS, "ALLOW redirected\r\n");
    char question[ANSWERING_QUESTION_MAX];

    (void)state;
    name_at("a.test", service);
    const struct client_question about = {
            .payload = text_of("AbC-_9"),
            .rcpt = text_of("x.test,y.test"),
            .digest = text_of("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            .ip = text_of("192.0.2.1"),
    };
    const struct client_outcome got = ask_with(&here, "Alice@a.test", &about);
    answering_last(service, question);
    assert_string_equal(question,
            "Alice@a.test AbC-_9 rcpt=x.test,y.test "
            "digest=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ip=192.0.2.1\r\n");
    assert_int_equal(got.verdict, VERDICT_ALLOW);
    assert_int_equal(got.reason, REASON_REDIRECTED);
    assert_int_equal(got.step, CLIENT_ANSWERED);
    assert_true(got.secure && got.asking.connected && got.asking.which == 0);
    (void)ask(&here, "Alice@a.test", "");
    answering_last(service, question);
    assert_string_equal(question, "Alice@a.test -\r\n");
    answering_stop(&service);
    end(&here);
}

static void many_recipients(void **state)
{
    struct here here = begin();
    struct answering *service = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "YES stamped\r\n");
    char rcpt[QUESTION_RCPT_MAX + 100];
    char question[ANSWERING_QUESTION_MAX];

    (void)state;
    name_at("a.test", service);
    for (size_t i = 0; i < sizeof rcpt; i++)
        rcpt[i] = "a.test,"[i % 7];
    const struct client_question about = {
            .payload = text_of("p"), .rcpt = {rcpt, sizeof rcpt - sizeof rcpt % 7 - 1}};
    assert_int_equal(ask_with(&here, "alice@a.test", &about).step, CLIENT_ANSWERED);
    answering_last(service, question);
    assert_string_equal(question, "alice@a.test p rcpt=*\r\n");
    answering_stop(&service);
    end(&here);
}

static void no_line_for_it(void **state)
{
    struct here here = begin();
    char payload[5000];

    (void)state;
    memset(payload, 'x', sizeof payload);
    payload[sizeof payload - 1] = '\0';
    expect(&here, "alice@a.test", payload, VERDICT_TEMPERROR, CLIENT_FAILURE);
    expect(&here, "alice@a.test", "two words", VERDICT_TEMPERROR, CLIENT_FAILURE);
    end(&here);
}

static void nobody_to_ask(void **state)
{
    struct here here = begin();
    char text[200];
    struct endpoint inside;

    (void)state;
    here.policy.budget_per_domain = 1; /* each is given back */
    name("none.test", DISCOVERY_NONE);
    strcpy(name("broken.test", DISCOVERY_ERROR)->answer.cause, "the name server is out");
    struct named *forbidden = name("inside.test", DISCOVERY_FOUND);
    assert_true(endpoint_parse("10.0.0.1:26", &inside));
    add_server(forbidden, inside);
    assert_true(endpoint_parse("127.0.0.1:25", &inside));
    add_server(forbidden, inside);
    for (unsigned i = 0; i < 3; i++) {
        expect(&here, "a@none.test", "", VERDICT_NONE, CLIENT_NO_SERVICE);
        expect(&here, "a@broken.test", "", VERDICT_TEMPERROR, CLIENT_DNS);
        expect(&here, "a@inside.test", "", VERDICT_TEMPERROR, CLIENT_FORBIDDEN);
    }
    struct client_outcome got = ask(&here, "a@broken.test", "");
    client_outcome_text(&got, text, sizeof text);
    assert_string_equal(text, "the DNS: the name server is out");
    got = ask(&here, "a@inside.test", "");
    assert_int_equal(got.reached[0], REACH_NETWORK);
    assert_int_equal(got.reached[1], REACH_PORT);
    client_outcome_text(&got, text, sizeof text);
    assert_string_equal(
            text, "the service must not be asked: its address is not one of the public Internet");
    end(&here);
}

static void what_is_remembered(void **state)
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

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct here here = begin();
        struct answering *service = answering_start("127.0.0.2", ANSWERING_AT_ONCE, table[i].reply);
        name_at("a.test", service);
        name_at("b.test", service);
        const struct client_outcome first = ask(&here, "alice@a.test", table[i].payload);
        names[0].answer.secure = false; /* the answer keeps what was */
        const struct client_outcome again = ask(&here, table[i].user, table[i].payload_again);
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
        end(&here);
    }
}

static void budget_of_a_domain(void **state)
{
    struct here here = begin();
    struct answering *no = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "NO forged\r\n");
    struct answering *yes = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "YES stamped\r\n");

    (void)state;
    here.policy.budget_per_domain = 2;
    here.policy.budget_per_address = 3; /* both are at one */
    name_at("no.test", no);
    name_at("yes.test", yes);
    for (unsigned i = 0; i < 2; i++)
        expect(&here, "a@no.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    expect(&here, "b@no.test", "q", VERDICT_TEMPERROR, CLIENT_BUDGET);
    assert_int_equal(answering_questions(no), 2);
    /* Stamped and unstamped mail apart. */
    for (unsigned i = 0; i < 2; i++)
        expect(&here, "a@no.test", "", VERDICT_NO, CLIENT_ANSWERED);
    expect(&here, "a@no.test", "", VERDICT_TEMPERROR, CLIENT_BUDGET);
    for (unsigned i = 0; i < 10; i++)
        expect(&here, "a@yes.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    answering_stop(&no);
    answering_stop(&yes);
    end(&here);
}

/* Many domains that name one machine; its ports do not matter. */
static void budget_of_a_machine(void **state)
{
    struct here here = begin();
    struct answering *one = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "NO forged\r\n");
    struct answering *other = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "NO forged\r\n");
    struct answering *elsewhere =
            answering_start("127.0.0.3", ANSWERING_AT_ONCE, "YES stamped\r\n");

    (void)state;
    here.policy.budget_per_domain = 1;
    here.policy.budget_per_address = 3;
    name_at("a.test", one);
    add_server(name_at("b.test", one), answering_endpoint(other)); /* the other is not tried */
    name_at("c.test", other);
    name_at("d.test", one);
    add_server(name_at("e.test", one), answering_endpoint(elsewhere));
    expect(&here, "u@a.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    expect(&here, "u@b.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    expect(&here, "u@c.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    /* Nor does it hold places. */
    for (unsigned i = 0; i <= BREAKER_CONNECTIONS; i++)
        expect(&here, "u@d.test", "p", VERDICT_TEMPERROR, CLIENT_BUDGET);
    expect(&here, "u@d.test", "", VERDICT_NO, CLIENT_ANSWERED);
    assert_int_equal(answering_questions(one) + answering_questions(other), 4);
    const struct client_outcome got = ask(&here, "u@e.test", "p");
    assert_int_equal(got.verdict, VERDICT_YES);
    assert_int_equal(got.asking.which, 1); /* of the discovery's servers */
    /* The domain's was given back: it is the machine's that is spent. */
    here.policy.budget_per_address = 300;
    expect(&here, "u@d.test", "p", VERDICT_NO, CLIENT_ANSWERED);
    expect(&here, "u@d.test", "p", VERDICT_TEMPERROR, CLIENT_BUDGET);
    answering_stop(&one);
    answering_stop(&other);
    answering_stop(&elsewhere);
    end(&here);
}

static void who_refuses_is_left_alone(void **state)
{
    struct here here = begin();
    struct answering *dead = answering_start("127.0.0.2", ANSWERING_NOBODY, "");
    struct answering *alive = answering_start("127.0.0.3", ANSWERING_AT_ONCE, "YES stamped\r\n");

    (void)state;
    name_at("dead.test", dead);
    add_server(name_at("both.test", dead), answering_endpoint(alive));
    for (unsigned i = 0; i < BREAKER_FAILURES; i++)
        expect(&here, "a@dead.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    expect(&here, "a@dead.test", "p", VERDICT_TEMPERROR, CLIENT_RESTING);
    const struct client_outcome got = ask(&here, "a@both.test", "p");
    assert_int_equal(got.verdict, VERDICT_YES);
    assert_int_equal(got.asking.which, 1);
    assert_int_equal(got.asking.attempts[0].fate, ASKING_SPOKE); /* the dead one was left out */
    answering_stop(&dead);
    answering_stop(&alive);
    end(&here);
}

static void who_is_silent_is_left_alone(void **state)
{
    struct here here = begin();
    struct answering *silent = answering_start("127.0.0.2", ANSWERING_WHEN_RELEASED, "YES\r\n");

    (void)state;
    here.policy.timeout = SHORT;
    name_at("silent.test", silent);
    for (unsigned i = 0; i < BREAKER_FAILURES; i++)
        expect(&here, "a@silent.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    /* On a busy machine some of them may have had no time. */
    while (ask(&here, "a@silent.test", "p").step != CLIENT_RESTING)
        assert_true(answering_questions(silent) < 20);
    answering_stop(&silent);
    end(&here);
}

/* A stranger's slow name servers leave no time for the service, which is not theirs. */
static void who_had_no_time_is_not_blamed(void **state)
{
    struct here here = begin();
    struct answering *silent = answering_start("127.0.0.2", ANSWERING_WHEN_RELEASED, "YES\r\n");

    (void)state;
    here.policy.timeout = SHORT;
    name_at("slow.test", silent)->leaves = SHORT / 4;
    for (unsigned i = 0; i < 2 * BREAKER_FAILURES; i++)
        expect(&here, "a@slow.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    answering_stop(&silent);
    end(&here);
}

static void who_closes_is_not_blamed(void **state)
{
    struct here here = begin();
    struct answering *closing = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "");
    struct answering *garbled = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "220 hello\r\n");

    (void)state;
    name_at("closing.test", closing);
    name_at("garbled.test", garbled);
    for (unsigned i = 0; i < 2 * BREAKER_FAILURES; i++) {
        expect(&here, "a@closing.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
        expect(&here, "a@garbled.test", "p", VERDICT_TEMPERROR, CLIENT_NO_ANSWER);
    }
    answering_stop(&closing);
    answering_stop(&garbled);
    end(&here);
}

/* Threads */

struct asker {
    const struct here *here;
    const char *user;
    struct client_outcome outcome;
    pthread_t thread;
};

static void *ask_once(void *context)
{
    struct asker *asker = context;

    asker->outcome = ask(asker->here, asker->user, "p");
    return NULL;
}

static void start(struct asker *askers, size_t count, const struct here *here, const char *user)
{
    for (size_t i = 0; i < count; i++) {
        askers[i] = (struct asker){.here = here, .user = user};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_once, &askers[i]), 0);
    }
}

static void finish(struct asker *askers, size_t count, enum verdict want)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        assert_int_equal(askers[i].outcome.verdict, want);
    }
}

static void more_than_one_address_takes(void **state)
{
    static struct asker askers[2 * BREAKER_CONNECTIONS];
    struct here here = begin();
    struct answering *busy =
            answering_start("127.0.0.2", ANSWERING_WHEN_RELEASED, "YES stamped\r\n");

    (void)state;
    name_at("busy.test", busy);
    start(askers, BREAKER_CONNECTIONS, &here, "a@busy.test");
    answering_wait_for(busy, BREAKER_CONNECTIONS);
    /* Who does not get his turn in time. */
    struct here hasty = here;
    hasty.policy.timeout = SHORT;
    expect(&hasty, "a@busy.test", "p", VERDICT_TEMPERROR, CLIENT_RESTING);
    /* Who does. */
    start(askers + BREAKER_CONNECTIONS, BREAKER_CONNECTIONS, &here, "b@busy.test");
    answering_release(busy);
    finish(askers, 2 * BREAKER_CONNECTIONS, VERDICT_YES);
    answering_stop(&busy);
    end(&here);
}

/* A stranger's slow service stands before ours in the stranger's DNS. */
static void a_tarpit_holds_nothing_of_others(void **state)
{
    static struct asker askers[BREAKER_CONNECTIONS];
    struct here here = begin();
    struct answering *tarpit =
            answering_start("127.0.0.2", ANSWERING_WHEN_RELEASED, "YES stamped\r\n");
    struct answering *ours = answering_start("127.0.0.3", ANSWERING_AT_ONCE, "YES stamped\r\n");

    (void)state;
    add_server(name_at("stranger.test", tarpit), answering_endpoint(ours));
    name_at("ours.test", ours);
    start(askers, BREAKER_CONNECTIONS, &here, "a@stranger.test");
    answering_wait_for(tarpit, BREAKER_CONNECTIONS);
    expect(&here, "a@ours.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    answering_release(tarpit);
    finish(askers, BREAKER_CONNECTIONS, VERDICT_YES);
    answering_stop(&tarpit);
    answering_stop(&ours);
    end(&here);
}

#define THREADS 8
#define ROUNDS 50

static void *ask_all_kinds(void *context)
{
    static const struct {
        const char *user;
        const char *payload;
        enum verdict want;
    } table[] = {
            {"a@yes.test", "p", VERDICT_YES},
            {"a@no.test", "", VERDICT_NO},
            {"b@no.test", "p", VERDICT_NO},
            {"a@none.test", "p", VERDICT_NONE},
            {"a@broken.test", "", VERDICT_TEMPERROR},
            {"a@dead.test", "p", VERDICT_TEMPERROR},
            {"a@both.test", "p", VERDICT_YES},
    };
    size_t *wrong = calloc(1, sizeof *wrong);

    for (size_t i = 0; i < ROUNDS * (sizeof table / sizeof *table); i++) {
        const size_t n = i % (sizeof table / sizeof *table);
        const struct client_outcome got = ask(context, table[n].user, table[n].payload);
        *wrong += got.verdict != table[n].want;
    }
    return wrong;
}

static void all_at_once(void **state)
{
    struct here here = begin();
    pthread_t threads[THREADS];
    struct answering *yes = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "YES stamped\r\n");
    struct answering *no =
            answering_start("127.0.0.3", ANSWERING_AT_ONCE, "NO unstamped ttl=60\r\n");
    struct answering *dead = answering_start("127.0.0.4", ANSWERING_NOBODY, "");

    (void)state;
    name_at("yes.test", yes);
    name_at("no.test", no);
    name("none.test", DISCOVERY_NONE);
    name_at("dead.test", dead);
    add_server(name_at("both.test", dead), answering_endpoint(yes));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_all_kinds, &here), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_int_equal(*(size_t *)wrong, 0);
        free(wrong);
    }
    /* Nothing is left behind: all places are free. */
    for (unsigned i = 0; i < 2 * BREAKER_CONNECTIONS; i++)
        expect(&here, "a@yes.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    answering_stop(&yes);
    answering_stop(&no);
    answering_stop(&dead);
    end(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_question_and_its_answer),
            cmocka_unit_test(many_recipients),
            cmocka_unit_test(no_line_for_it),
            cmocka_unit_test(nobody_to_ask),
            cmocka_unit_test(what_is_remembered),
            cmocka_unit_test(budget_of_a_domain),
            cmocka_unit_test(budget_of_a_machine),
            cmocka_unit_test(who_refuses_is_left_alone),
            cmocka_unit_test(who_is_silent_is_left_alone),
            cmocka_unit_test(who_had_no_time_is_not_blamed),
            cmocka_unit_test(who_closes_is_not_blamed),
            cmocka_unit_test(more_than_one_address_takes),
            cmocka_unit_test(a_tarpit_holds_nothing_of_others),
            cmocka_unit_test(all_at_once),
    };

    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
