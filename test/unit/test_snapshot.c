// SPDX-License-Identifier: ISC
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "milter/snapshot.h"
#include "unit.h"

#define VERIFY "verify { authserv_id = mx.example.net }\n"
#define MILTER VERIFY "milter { socket = \"unix:/s\" }\n"
#define MILTER_TABLE VERIFY "milter { socket = \"unix:/s\"\nlogins = \"/l\" }\n"

static struct snapshot *snapshot_of(
        const char *config, const char *logins, struct problems *problems)
{
    struct bundle bundle = {
            .path = strdup("f"),
            .config = strdup(config),
            .config_len = strlen(config),
            .logins = logins != NULL ? strdup(logins) : NULL,
            .logins_len = logins != NULL ? strlen(logins) : 0,
    };

    assert_non_null(problems);
    assert_non_null(bundle.path);
    assert_non_null(bundle.config);
    struct snapshot *snapshot = snapshot_init(&bundle, problems);
    bundle_clear(&bundle);
    return snapshot;
}

TEST(bad_ones)
{
    static const struct {
        const char *config, *logins, *want;
    } table[] = {
            {"", NULL, "f: no section: milter: expected milter { ... }\n"},
            {VERIFY, NULL, "f: no section: milter: "},
            {"milter {", NULL, "f:"},
            {"milter { socket = nonsense }", NULL, "f:1: bad socket: nonsense: "},
            {MILTER_TABLE, "bob\n", "/l:1: "},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct problems *problems = problems_init("f");
        assert_non_null(problems);
        assert_null(snapshot_of(table[i].config, table[i].logins, problems));
        if (strstr(problems_text(problems), table[i].want) == NULL) {
            print_error("row %zu: got: %swant: %s\n", i, problems_text(problems), table[i].want);
            fail();
        }
        problems_free(&problems);
    }
}

#define THREADS 4
#define ROUNDS 10000

static void *hold_and_release(void *context)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct snapshot *mine = snapshot_hold(context);
        if (mine->policy.logins == NULL)
            abort();
        snapshot_release(&mine);
    }
    struct snapshot *last = context;
    snapshot_release(&last);
    return NULL;
}

/* The last one to release it frees it; the sanitizers see both mistakes. */
TEST(many_hold_it)
{
    struct problems *problems = problems_init("f");
    struct snapshot *snapshot = snapshot_of(MILTER, NULL, problems);
    pthread_t threads[THREADS];

    assert_non_null(problems);
    assert_non_null(snapshot);
    for (size_t i = 0; i < THREADS; i++) {
        struct snapshot *held = snapshot_hold(snapshot);
        assert_ptr_equal(held, snapshot);
        assert_int_equal(pthread_create(&threads[i], NULL, hold_and_release, held), 0);
    }
    snapshot_release(&snapshot);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    problems_free(&problems);
}
