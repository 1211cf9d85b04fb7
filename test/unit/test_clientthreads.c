// SPDX-License-Identifier: ISC
#include <pthread.h>
#include <stdint.h>

#include "client/circuit_breaker.h"
#include "fixture_client.h"
#include "unit.h"

#define THREADS 8
#define ROUNDS 50

/* What a thread looks at is static: it goes on when an assertion of the test fails. */
struct asker {
    const struct fixture_client *here;
    const char *user;
    struct client_outcome outcome;
    pthread_t thread;
};

static void *ask_once(void *context)
{
    struct asker *asker = context;

    asker->outcome = fixture_client_ask(asker->here, asker->user, "p");
    return NULL;
}

static void start(
        struct asker *askers, size_t count, const struct fixture_client *here, const char *user)
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

TEST(more_than_one_address_takes)
{
    static struct asker askers[2 * CIRCUIT_BREAKER_CONNECTIONS];
    static struct fixture_client here;
    struct fake_service *busy =
            fake_service_start("127.0.0.2", FAKE_SERVICE_WHEN_RELEASED, "YES stamped\r\n");

    here = fixture_client_begin();
    fake_dns_service("busy.test", busy);
    start(askers, CIRCUIT_BREAKER_CONNECTIONS, &here, "a@busy.test");
    fake_service_wait_for(busy, CIRCUIT_BREAKER_CONNECTIONS);
    /* A thread that does not get a connection in time. */
    struct fixture_client hasty = here;
    hasty.policy.timeout = FIXTURE_CLIENT_SHORT;
    fixture_client_expect(&hasty, "a@busy.test", "p", VERDICT_TEMPERROR, CLIENT_SHORTAGE);
    /* Threads that do. */
    start(askers + CIRCUIT_BREAKER_CONNECTIONS, CIRCUIT_BREAKER_CONNECTIONS, &here, "b@busy.test");
    fake_service_release(busy);
    finish(askers, 2 * CIRCUIT_BREAKER_CONNECTIONS, VERDICT_YES);
    fake_service_stop(&busy);
    fixture_client_end(&here);
}

/* A stranger's slow service stands before ours in the stranger's DNS. */
TEST(a_tarpit_holds_nothing_of_others)
{
    static struct asker askers[CIRCUIT_BREAKER_CONNECTIONS];
    static struct fixture_client here;
    struct fake_service *tarpit =
            fake_service_start("127.0.0.2", FAKE_SERVICE_WHEN_RELEASED, "YES stamped\r\n");
    struct fake_service *ours =
            fake_service_start("127.0.0.3", FAKE_SERVICE_AT_ONCE, "YES stamped\r\n");

    here = fixture_client_begin();
    fake_dns_add_server(fake_dns_service("stranger.test", tarpit), fake_service_endpoint(ours));
    fake_dns_service("ours.test", ours);
    start(askers, CIRCUIT_BREAKER_CONNECTIONS, &here, "a@stranger.test");
    fake_service_wait_for(tarpit, CIRCUIT_BREAKER_CONNECTIONS);
    fixture_client_expect(&here, "a@ours.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    fake_service_release(tarpit);
    finish(askers, CIRCUIT_BREAKER_CONNECTIONS, VERDICT_YES);
    fake_service_stop(&tarpit);
    fake_service_stop(&ours);
    fixture_client_end(&here);
}

static void *ask_all_kinds(void *context)
{
    static const struct {
        const char *user;
        const char *payload;
        enum verdict want;
    } table[] = {
            {"a@yes.test", "p", VERDICT_YES},
            {"a@no.test", "-", VERDICT_NO},
            {"b@no.test", "p", VERDICT_NO},
            {"a@none.test", "p", VERDICT_NONE},
            {"a@broken.test", "-", VERDICT_TEMPERROR},
            {"a@dead.test", "p", VERDICT_TEMPERROR},
            {"a@both.test", "p", VERDICT_YES},
    };
    uintptr_t wrong = 0;

    for (size_t i = 0; i < ROUNDS * (sizeof table / sizeof *table); i++) {
        const size_t n = i % (sizeof table / sizeof *table);
        const struct client_outcome got =
                fixture_client_ask(context, table[n].user, table[n].payload);
        wrong += got.verdict != table[n].want;
    }
    return (void *)wrong;
}

TEST(all_at_once)
{
    static struct fixture_client here;
    pthread_t threads[THREADS];
    struct fake_service *yes =
            fake_service_start("127.0.0.2", FAKE_SERVICE_AT_ONCE, "YES stamped\r\n");
    struct fake_service *no =
            fake_service_start("127.0.0.3", FAKE_SERVICE_AT_ONCE, "NO unstamped ttl=60\r\n");
    struct fake_service *dead = fake_service_start("127.0.0.4", FAKE_SERVICE_NOBODY, "");

    here = fixture_client_begin();
    fake_dns_service("yes.test", yes);
    fake_dns_service("no.test", no);
    fake_dns_name("none.test", DISCOVERY_NONE);
    fake_dns_service("dead.test", dead);
    fake_dns_add_server(fake_dns_service("both.test", dead), fake_service_endpoint(yes));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_all_kinds, &here), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    /* Nothing is left behind: all places are free. */
    for (unsigned i = 0; i < 2 * CIRCUIT_BREAKER_CONNECTIONS; i++)
        fixture_client_expect(&here, "a@yes.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    fake_service_stop(&yes);
    fake_service_stop(&no);
    fake_service_stop(&dead);
    fixture_client_end(&here);
}
