// SPDX-License-Identifier: ISC
#include <pthread.h>
#include <stdlib.h>

#include "client/breaker.h"
#include "played.h"
#include "unit.h"

#define THREADS 8
#define ROUNDS 50

struct asker {
    const struct played *here;
    const char *user;
    struct client_outcome outcome;
    pthread_t thread;
};

static void *ask_once(void *context)
{
    struct asker *asker = context;

    asker->outcome = played_ask(asker->here, asker->user, "p");
    return NULL;
}

static void start(struct asker *askers, size_t count, const struct played *here, const char *user)
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
    static struct asker askers[2 * BREAKER_CONNECTIONS];
    struct played here = played_begin();
    struct answering *busy =
            answering_start("127.0.0.2", ANSWERING_WHEN_RELEASED, "YES stamped\r\n");

    played_name_at("busy.test", busy);
    start(askers, BREAKER_CONNECTIONS, &here, "a@busy.test");
    answering_wait_for(busy, BREAKER_CONNECTIONS);
    /* Who does not get his turn in time. */
    struct played hasty = here;
    hasty.policy.timeout = PLAYED_SHORT;
    played_expect(&hasty, "a@busy.test", "p", VERDICT_TEMPERROR, CLIENT_RESTING);
    /* Who does. */
    start(askers + BREAKER_CONNECTIONS, BREAKER_CONNECTIONS, &here, "b@busy.test");
    answering_release(busy);
    finish(askers, 2 * BREAKER_CONNECTIONS, VERDICT_YES);
    answering_stop(&busy);
    played_end(&here);
}

/* A stranger's slow service stands before ours in the stranger's DNS. */
TEST(a_tarpit_holds_nothing_of_others)
{
    static struct asker askers[BREAKER_CONNECTIONS];
    struct played here = played_begin();
    struct answering *tarpit =
            answering_start("127.0.0.2", ANSWERING_WHEN_RELEASED, "YES stamped\r\n");
    struct answering *ours = answering_start("127.0.0.3", ANSWERING_AT_ONCE, "YES stamped\r\n");

    played_add_server(played_name_at("stranger.test", tarpit), answering_endpoint(ours));
    played_name_at("ours.test", ours);
    start(askers, BREAKER_CONNECTIONS, &here, "a@stranger.test");
    answering_wait_for(tarpit, BREAKER_CONNECTIONS);
    played_expect(&here, "a@ours.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    answering_release(tarpit);
    finish(askers, BREAKER_CONNECTIONS, VERDICT_YES);
    answering_stop(&tarpit);
    answering_stop(&ours);
    played_end(&here);
}

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
        const struct client_outcome got = played_ask(context, table[n].user, table[n].payload);
        *wrong += got.verdict != table[n].want;
    }
    return wrong;
}

TEST(all_at_once)
{
    struct played here = played_begin();
    pthread_t threads[THREADS];
    struct answering *yes = answering_start("127.0.0.2", ANSWERING_AT_ONCE, "YES stamped\r\n");
    struct answering *no =
            answering_start("127.0.0.3", ANSWERING_AT_ONCE, "NO unstamped ttl=60\r\n");
    struct answering *dead = answering_start("127.0.0.4", ANSWERING_NOBODY, "");

    played_name_at("yes.test", yes);
    played_name_at("no.test", no);
    played_name("none.test", DISCOVERY_NONE);
    played_name_at("dead.test", dead);
    played_add_server(played_name_at("both.test", dead), answering_endpoint(yes));
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
        played_expect(&here, "a@yes.test", "p", VERDICT_YES, CLIENT_ANSWERED);
    answering_stop(&yes);
    answering_stop(&no);
    answering_stop(&dead);
    played_end(&here);
}
