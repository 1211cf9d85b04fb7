// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <string.h>

#include "config/config.h"
#include "exact.h"
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

struct made {
    struct problems *problems;
    struct config *config;
    struct policy policy;
    bool ok;
};

static struct text copy_or_none(const char *content)
{
    return content != NULL ? exact_copy(text_of(content)) : (struct text){NULL, 0};
}

/* The files are in memory of exactly their size. Problems are added to those of `said`, a line. */
static struct made make(const char *config, const char *key, const char *logins, const char *said)
{
    struct made made = {.problems = problems_init("f")};
    const struct policy_files files = {copy_or_none(key), "/k", copy_or_none(logins)};

    assert_non_null(made.problems);
    if (said != NULL)
        problems_add(made.problems, 0, said, NULL, NULL);
    made.config = config_read_text(config, strlen(config), made.problems);
    if (made.config == NULL)
        print_error("%s", problems_text(made.problems));
    assert_non_null(made.config);
    made.ok = policy_init(made.config, made.config->milter, &files, made.problems, &made.policy);
    if (key != NULL)
        exact_free(files.key);
    if (logins != NULL)
        exact_free(files.logins);
    return made;
}

static void made_free(struct made *made)
{
    policy_clear(&made->policy);
    config_free(&made->config);
    problems_free(&made->problems);
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
            {VERIFY "milter { socket = \"unix:/s\"\nstamp_relayed = {\"lists\", \"::1\", MSA} }",
                    NULL, NULL, false, true, 2, 1},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct made made = make(table[i].config, table[i].key, table[i].logins, NULL);
        if (!made.ok)
            print_error("row %zu: %s", i, problems_text(made.problems));
        assert_true(made.ok);
        assert_int_equal(problems_count(made.problems), 0);
        assert_ptr_equal(made.policy.config, made.config);
        assert_int_equal(made.policy.stamper != NULL, table[i].stamps);
        assert_int_equal(made.policy.verifier != NULL, table[i].verifies);
        assert_non_null(made.policy.logins);
        assert_int_equal(made.policy.trusted.count, table[i].trusted);
        assert_int_equal(made.policy.relayed.count, table[i].relayed);
        made_free(&made);
        assert_null(made.policy.logins);
        policy_clear(&made.policy);
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
        size_t count; /* of problems */
        const char *want;
    } table[] = {
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
        struct made made = make(table[i].config, table[i].key, table[i].logins, NULL);
        const char *got = problems_text(made.problems);
        assert_false(made.ok);
        if (strstr(got, table[i].want) == NULL || problems_count(made.problems) != table[i].count) {
            print_error(
                    "row %zu: got: %swant %zu with: %s\n", i, got, table[i].count, table[i].want);
            fail();
        }
        keys_are_not_shown(got, table[i].key);
        made_free(&made);
    }
}

/* Who read the files has said which one was not there. That is not said again, but all else that
 * is wrong is. */
TEST(what_is_missing_was_said)
{
    static const struct {
        const char *config, *key, *logins;
        size_t count; /* of problems, with the one that was there before */
    } table[] = {
            {STAMP MILTER, NULL, NULL, 1},
            {STAMP MILTER_TABLE, NULL, "bob\n", 2},
            {STAMP MILTER_TABLE, HOST_KEY, NULL, 1},
            {STAMP MILTER_TABLE, NULL, NULL, 1},
            {STAMP MILTER_TABLE, SERVICE_KEY, NULL, 2},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct made made = make(table[i].config, table[i].key, table[i].logins, "a file");
        assert_false(made.ok);
        if (problems_count(made.problems) != table[i].count) {
            print_error(
                    "row %zu: want %zu, got: %s", i, table[i].count, problems_text(made.problems));
            fail();
        }
        made_free(&made);
    }
}
