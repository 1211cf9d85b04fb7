// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "exact.h"
#include "fixture_service.h"
#include "unit.h"
#include "vectors.h"
#include "verimaild/query.h"

static struct fixture_service fixture;
static char sealed[PAYLOAD_TEXT_MAX + 1]; /* for alice@example.org, issued at FIXTURE_SERVICE_NOW */
static char classic[2 * CLASSIC_OCTETS_MAX + 1]; /* by localhost */

/* The whole way of a line; `%p` in it is the sealed payload, `%c` the classic one. */
static void ask(const char *line, uint64_t now, struct query *query_r, char answer_r[ANSWER_MAX])
{
    char whole[8192] = "";

    for (const char *at = line; *at != '\0'; at++) {
        const size_t len = strlen(whole);
        const bool special = at[0] == '%' && (at[1] == 'p' || at[1] == 'c');
        const char *put = !special ? at : at[1] == 'p' ? sealed : classic;
        snprintf(whole + len, sizeof whole - len, special ? "%s" : "%.1s", put);
        at += special;
    }
    const struct text exact = exact_copy(text_of(whole));
    struct writer w = writer_of(answer_r, ANSWER_MAX - 1);
    memset(query_r, 0xa5, sizeof *query_r); /* nothing is taken for set that is not */
    fixture_service_judge(&fixture, exact, now, query_r);
    assert_true(query_answer(query_r, &w));
    *w.at = '\0';
    exact_free(exact);
}

BEFORE_ALL()
{
    const struct folder folder = folder_make();
    struct vectors *vectors = vectors_open("classic.txt");

    assert_true(sodium_init() >= 0);
    while (vectors_next(vectors) && !vectors_has(vectors, "key"))
        continue;
    const struct text pem = vectors_get(vectors, "key");
    folder_write(&folder, "classic.key", pem.at, pem.len, 0600);
    while (vectors_next(vectors) && !vectors_has(vectors, "host"))
        continue;
    const struct text payload = vectors_get(vectors, "payload");
    assert_true(payload.len < sizeof classic);
    memcpy(classic, payload.at, payload.len);
    vectors_free(&vectors);
    fixture = fixture_service_open_in(folder, "",
            "domain example.org { default = true hosts = {" FIXTURE_SERVICE_HOST
            ", localhost} lifetime = 1d\n"
            " classic_key = \"$/classic.key\" user alice { } user bob { allow_unauthorized = yes } "
            "}\n"
            "domain example.net { user alice { } }\n");
    assert_string_equal(problems_text(fixture.conf.problems), "");
    fixture_service_seal("alice@example.org", FIXTURE_SERVICE_NOW, sealed);
}

AFTER_ALL()
{
    fixture_service_close(&fixture);
}

TEST(lines_get_their_answer)
{
    static const struct {
        const char *line;
        int after; /* seconds since the payload was issued */
        const char *want;
    } table[] = {
            {"alice@example.org %p\r\n", 0, "YES\r\n"},
            {"alice@example.org %p", 0, "YES\r\n"},
            {"alice %p\n", 0, "YES\r\n"},
            {"ALICE@EXAMPLE.ORG %p x=y\n", 0, "YES stamped\r\n"},
            {"bob@example.org %p x=y\n", 0, "NO forged\r\n"},
            {"alice@example.net %p x=y\n", 0, "NO forged\r\n"},
            {"alice@example.org %p0 x=y\n", 0, "NO forged\r\n"},
            {"alice@example.org abcdef x=y\n", 0, "NO forged\r\n"},
            {"alice@example.org %p x=y\n", 86400, "YES stamped\r\n"},
            {"alice@example.org %p x=y\n", 86401, "ALLOW expired\r\n"},
            {"alice@example.org %p x=y\n", -300, "YES stamped\r\n"},
            {"alice@example.org %p x=y\n", -301, "ALLOW expired\r\n"},
            {"alice@example.org %p rcpt=*\n", 0, "YES stamped\r\n"},
            {"alice@example.org - x=y\n", 0, "NO unstamped ttl=300\r\n"},
            {"bob@example.org - x=y\n", 0, "ALLOW unstamped ttl=300\r\n"},
            {"bob@example.org -\n", 0, "ALLOW\r\n"},
            {"a@sub.example.org - x=y\n", 0, "NO refused ttl=300 scope=domain\r\n"},
            {"MAILER-DAEMON@mail.example.org - x=y\n", 0, "NO unstamped ttl=300\r\n"},
            {"a@example.com - x=y\n", 0, "NO refused"},
            {"alice@example.org %c\n", 0, "YES\r\n"},
            {"alice@example.org %c x=y\n", 0, "ALLOW classic\r\n"},
            {"alice@example.net %c x=y\n", 0, "NO forged\r\n"},
            {"", 0, "NO\r\n"},
            {"\n", 0, "NO\r\n"},
            {"alice@example.org\n", 0, "NO\r\n"},
            {"alice@example.org  -\n", 0, "NO\r\n"},
            {"alice@example.org - x\n", 0, "NO\r\n"},
            {"alice@example.org - x=y x=y\n", 0, "NO\r\n"},
            {"*@example.org - x=y\n", 0, "NO\r\n"},
            {"alice@example.org - x=y\nmore", 0, "NO\r\n"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct query query;
        char got[ANSWER_MAX];
        ask(table[i].line, (uint64_t)(FIXTURE_SERVICE_NOW + table[i].after), &query, got);
        const size_t len = strlen(table[i].want);
        const bool whole = table[i].want[len - 1] == '\n';
        if (whole ? strcmp(got, table[i].want) != 0 : strncmp(got, table[i].want, len) != 0) {
            print_error("%s: got %s, want %s\n", table[i].line, got, table[i].want);
            fail();
        }
    }
}

TEST(what_is_known_on_the_way)
{
    static const struct {
        const char *line;
        bool well_formed;
        enum payload_state payload_state;
        enum payload_result payload_result;
        bool is_classic;
        const char *host;
    } table[] = {
            {"x\n", false, PAYLOAD_STATE_ABSENT, PAYLOAD_OK, false, ""},
            {"alice -\n", true, PAYLOAD_STATE_ABSENT, PAYLOAD_OK, false, ""},
            {"alice %p\n", true, PAYLOAD_STATE_SEALED, PAYLOAD_OK, false, FIXTURE_SERVICE_HOST},
            {"bob %p\n", true, PAYLOAD_STATE_SEALED, PAYLOAD_OK, false, FIXTURE_SERVICE_HOST},
            {"alice xx\n", true, PAYLOAD_STATE_UNOPENED, PAYLOAD_NOT_SEALED, false, ""},
            {"alice %c\n", true, PAYLOAD_STATE_CLASSIC, PAYLOAD_OK, true, "localhost"},
            {"a@example.net %c\n", true, PAYLOAD_STATE_UNOPENED, PAYLOAD_NOT_SEALED, false, ""},
            {"a@sub.example.org %c\n", true, PAYLOAD_STATE_UNOPENED, PAYLOAD_NOT_SEALED, false, ""},
            {"alice %c0\n", true, PAYLOAD_STATE_UNOPENED, PAYLOAD_NOT_SEALED, false, ""},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct query query;
        char answer[ANSWER_MAX];
        ask(table[i].line, FIXTURE_SERVICE_NOW, &query, answer);
        if (query.well_formed != table[i].well_formed ||
                query.judge.payload_state != table[i].payload_state ||
                query.payload_result != table[i].payload_result ||
                (query.classic_key != NULL) != table[i].is_classic ||
                !text_equal(query_host(&query), text_of(table[i].host))) {
            print_error("%s: got %d %d %d %d\n", table[i].line, query.well_formed,
                    query.judge.payload_state, query.payload_result, query.classic_key != NULL);
            fail();
        }
    }
}

/* The form of a payload of 2013, which does not open. */
TEST(classic_that_does_not_open)
{
    struct query query;
    char answer[ANSWER_MAX];
    const char kept = classic[0];

    classic[0] = kept == '1' ? '2' : '1';
    ask("alice@example.org %c x=y\n", FIXTURE_SERVICE_NOW, &query, answer);
    classic[0] = kept;
    assert_non_null(query.classic_key);
    assert_int_equal(query.judge.payload_state, PAYLOAD_STATE_UNOPENED);
    assert_int_equal(query_host(&query).len, 0);
    assert_string_equal(answer, "NO forged\r\n");
}

/* The line's length at its edge, with a name nobody knows. */
TEST(longest_lines)
{
    for (size_t len = QUESTION_MAX - 1; len <= QUESTION_MAX + 1; len++) {
        char line[QUESTION_MAX + 2];
        struct query query;
        char answer[ANSWER_MAX];
        memset(line, 'y', sizeof line);
        memcpy(line, "bob - x=", 8);
        line[len - 1] = '\n';
        line[len] = '\0';
        ask(line, FIXTURE_SERVICE_NOW, &query, answer);
        assert_string_equal(answer, len <= QUESTION_MAX ? "ALLOW unstamped ttl=300\r\n" : "NO\r\n");
    }
}
