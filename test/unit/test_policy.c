// SPDX-License-Identifier: ISC
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "filter/policy.h"
#include "unit.h"

#define HOST_KEY "host-secret:O8KFhtlsmTVUOJsjTJRpzcj3YcJ5uZQBBlV61H8bACNa8rdk"
#define SERVICE_KEY "service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv"
#define STAMP                                                                                      \
    "stamp { host = mail.example.org\nkey = \"/k\"\nservice_key = \"" SERVICE_KEY "\"\n"           \
    "domains = {example.org} }\n"
#define VERIFY "verify { authserv_id = mx.example.net }\n"
#define MILTER "milter { socket = \"unix:/s\" }\n"
#define MILTER_TABLE "milter { socket = \"unix:/s\"\nlogins = \"/l\" }\n"

/* Each part in an allocation of exactly its size; NULL: there is none. */
static struct bundle material_of(const char *config, const char *key, const char *logins)
{
    struct bundle material = {
            .path = strdup("f"),
            .config = strdup(config),
            .config_len = strlen(config),
            .logins = logins != NULL ? strdup(logins) : NULL,
            .logins_len = logins != NULL ? strlen(logins) : 0,
    };

    assert_non_null(material.path);
    assert_non_null(material.config);
    if (key != NULL) {
        material.key_len = strlen(key);
        material.key = sodium_malloc(material.key_len);
        assert_non_null(material.key);
        memcpy(material.key, key, material.key_len);
    }
    return material;
}

static struct snapshot *snapshot_of(
        const char *config, const char *key, const char *logins, struct problems *problems)
{
    struct bundle material = material_of(config, key, logins);
    struct snapshot *snapshot = snapshot_init(&material, problems);

    bundle_clear(&material);
    return snapshot;
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(good_ones)
{
    static const struct {
        const char *config, *key, *logins;
        bool stamps, verifies;
        size_t trusted, relayed;
    } table[] = {
            {VERIFY MILTER, NULL, NULL, false, true, 2, 0},
            {STAMP MILTER, HOST_KEY "\n", NULL, true, false, 2, 0},
            {STAMP VERIFY MILTER, "# a key\n" HOST_KEY, NULL, true, true, 2, 0},
            {STAMP VERIFY MILTER_TABLE, HOST_KEY, "alice alice@example.org\n", true, true, 2, 0},
            {VERIFY MILTER_TABLE, NULL, "", false, true, 2, 0},
            {VERIFY "milter { socket = \"unix:/s\" trusted_networks = {}\n"
                    "stamp_relayed = {\"192.0.2.0/24\", \"2001:db8::/32\", \"::1\"} logins = any }",
                    NULL, NULL, false, true, 0, 3},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct problems *problems = problems_init("f");
        struct snapshot *s = snapshot_of(table[i].config, table[i].key, table[i].logins, problems);
        if (s == NULL)
            print_error("row %zu: %s", i, problems_text(problems));
        assert_non_null(s);
        assert_int_equal(problems_count(problems), 0);
        assert_int_equal(s->stamper != NULL, table[i].stamps);
        assert_int_equal(s->verifier != NULL, table[i].verifies);
        assert_ptr_equal(s->milter, s->config->milter);
        assert_non_null(s->logins);
        assert_int_equal(s->trusted.count, table[i].trusted);
        assert_int_equal(s->relayed.count, table[i].relayed);
        snapshot_release(&s);
        assert_null(s);
        snapshot_release(&s);
        problems_free(&problems);
    }
}

/* Of what lies in the wrong file, not an octet is shown. */
static void keys_are_not_shown(const char *problems, const char *key)
{
    if (key != NULL && strlen(key) > 20 && strstr(problems, key + strlen(key) - 20) != NULL) {
        print_error("the key is in: %s", problems);
        fail();
    }
}

TEST(bad_ones)
{
    static const struct {
        const char *config, *key, *logins;
        size_t count; /* of problems; 0: as many as there are */
        const char *want;
    } table[] = {
            {"", NULL, NULL, 1, "f: no section: milter: expected milter { ... }\n"},
            {STAMP, HOST_KEY, NULL, 1, "f: no section: milter: "},
            {"milter {", NULL, NULL, 0, "f:"},
            {"milter { socket = nonsense }", NULL, NULL, 2, "f:1: bad socket: nonsense: "},
            {STAMP MILTER, "", NULL, 1, "f:2: unusable host key (is not the text of a key): /k: "},
            {STAMP MILTER, "\n\n# nothing\n", NULL, 1, "f:2: unusable host key ("},
            {STAMP MILTER, SERVICE_KEY, NULL, 1, "f:2: unusable host key (is a key of another "},
            {STAMP MILTER, HOST_KEY "x", NULL, 1, "f:2: unusable host key ("},
            {STAMP MILTER, HOST_KEY "\n" HOST_KEY "\n", NULL, 1, "(has more than one key): /k: "},
            {STAMP MILTER, "host-secret:O8KFhtlsmTVUOJsjTJRpzcj3YcJ5uZQBBlV61H8bACNa8rdj", NULL, 1,
                    "f:2: unusable host key (is mistyped: its check does not fit): /k: "},
            {VERIFY MILTER_TABLE, NULL, "alice alice@example.org\nbob\n", 1, "/l:2: "},
            {VERIFY MILTER_TABLE, NULL, "alice @\nbob\n", 2, "/l:1: "},
            /* All in one go. */
            {STAMP VERIFY MILTER_TABLE, SERVICE_KEY, "bob\n", 2, "/l:1: "},
            {STAMP VERIFY MILTER_TABLE, SERVICE_KEY, "bob\n", 2, "f:2: unusable host key ("},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct problems *problems = problems_init("f");
        struct snapshot *s = snapshot_of(table[i].config, table[i].key, table[i].logins, problems);
        const char *got = problems_text(problems);
        assert_null(s);
        if (strstr(got, table[i].want) == NULL || problems_count(problems) == 0 ||
                (table[i].count > 0 && problems_count(problems) != table[i].count)) {
            print_error(
                    "row %zu: got: %swant %zu with: %s\n", i, got, table[i].count, table[i].want);
            fail();
        }
        keys_are_not_shown(got, table[i].key);
        problems_free(&problems);
    }
}

/* Whoever read the files has said that one of them was not there: it is not said again, but what
 * else is wrong is. */
TEST(what_is_missing_was_said)
{
    struct problems *problems = problems_init("f");

    problems_add(problems, 2, "unusable host key", "/k", NULL);
    assert_null(snapshot_of(STAMP MILTER_TABLE, NULL, "bob\n", problems));
    assert_int_equal(problems_count(problems), 2);
    assert_null(snapshot_of(STAMP MILTER_TABLE, HOST_KEY, NULL, problems));
    assert_int_equal(problems_count(problems), 2);
    problems_free(&problems);
    /* And if nobody has, nothing comes of it all the same. */
    problems = problems_init("f");
    assert_null(snapshot_of(STAMP MILTER, NULL, NULL, problems));
    assert_int_equal(problems_count(problems), 1);
    problems_free(&problems);
}

#define THREADS 4
#define ROUNDS 10000

static void *hold_and_release(void *context)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct snapshot *mine = snapshot_hold(context);
        if (mine->logins == NULL)
            abort();
        snapshot_release(&mine);
    }
    struct snapshot *last = context;
    snapshot_release(&last);
    return NULL;
}

/* The last to let go frees it, whoever that is; the sanitizers see both mistakes. */
TEST(many_hold_it)
{
    struct problems *problems = problems_init("f");
    struct snapshot *snapshot = snapshot_of(STAMP VERIFY MILTER, HOST_KEY, NULL, problems);
    pthread_t threads[THREADS];

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
