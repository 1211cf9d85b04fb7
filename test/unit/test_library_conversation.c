// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture_library.h"
#include "unit.h"

#define DOMAINS_MAX 512 /* in one record */

/* libverimail's questions and answers, by verimail.h alone. */

/* Takes `domain,domain...` apart, in place; NULL is none. */
static size_t split(char *list, const char *domains_r[DOMAINS_MAX])
{
    size_t count = 0;
    char *rest = list;

    for (char *domain; rest != NULL && (domain = strsep(&rest, ",")) != NULL;) {
        assert_true(count < DOMAINS_MAX);
        domains_r[count++] = domain;
    }
    return count;
}

static void check_question(const struct vectors *v)
{
    const char *domains[DOMAINS_MAX];
    char *user = word(v, "user");
    char *payload = word(v, "payload");
    char *rcpt = word(v, "rcpt");
    char *digest = word(v, "digest");
    char *ip = word(v, "ip");
    char line[VERIMAIL_QUESTION_SIZE];
    size_t len;

    const size_t count = split(rcpt, domains);
    const enum verimail_result result =
            verimail_question(user, strcmp(payload, "-") == 0 ? NULL : payload, domains, count,
                    digest, ip, line, sizeof line, &len);
    if (result != VERIMAIL_OK || !is(vectors_get(v, "formatted"), line) || len != strlen(line)) {
        print_error("questions.txt:%u: %s: got %s\n", vectors_line(v), verimail_result_text(result),
                line);
        fail();
    }
    free(user);
    free(payload);
    free(rcpt);
    free(digest);
    free(ip);
}

TEST(vector_questions)
{
    struct vectors *v = vectors_open("questions.txt");
    size_t checked = 0;

    while (vectors_next(v)) {
        if (!vectors_has(v, "formatted"))
            continue;
        check_question(v);
        checked++;
    }
    vectors_free(&v);
    assert_true(checked > 5);
}

TEST(questions_that_are_none)
{
    static const char user[] = "a@b.cd";
    static char payload_most[901];
    static char payload_over[902];
    static const struct {
        const char *user, *payload, *rcpt, *digest, *ip;
        enum verimail_result want;
    } table[] = {
            {user, "AbC", "example.net", some_digest, "192.0.2.1", VERIMAIL_OK},
            {user, NULL, NULL, NULL, NULL, VERIMAIL_OK},
            {user, payload_most, NULL, NULL, NULL, VERIMAIL_OK},
            {"", "AbC", "example.net", some_digest, "192.0.2.1", VERIMAIL_USER},
            {"alice", "AbC", "example.net", some_digest, "192.0.2.1", VERIMAIL_USER},
            {"a@b.cd\r\nb@b.cd", "AbC", "example.net", some_digest, "192.0.2.1", VERIMAIL_USER},
            {user, "", "example.net", some_digest, "192.0.2.1", VERIMAIL_PAYLOAD},
            {user, "Ab C", "example.net", some_digest, "192.0.2.1", VERIMAIL_PAYLOAD},
            {user, "AbC=", "example.net", some_digest, "192.0.2.1", VERIMAIL_PAYLOAD},
            {user, payload_over, "example.net", some_digest, "192.0.2.1", VERIMAIL_PAYLOAD},
            {user, "AbC", "", some_digest, "192.0.2.1", VERIMAIL_RCPT},
            {user, "AbC", "example.net,example.com", some_digest, "192.0.2.1", VERIMAIL_RCPT},
            {user, "AbC", "leg_it.example", some_digest, "192.0.2.1", VERIMAIL_RCPT},
            {user, "AbC", "[192.0.2.1]", some_digest, "192.0.2.1", VERIMAIL_RCPT},
            {user, "AbC", "example.net", "", "192.0.2.1", VERIMAIL_DIGEST},
            {user, "AbC", "example.net", "-", "192.0.2.1", VERIMAIL_DIGEST},
            {user, "AbC", "example.net", "192.0.2.1", some_digest, VERIMAIL_DIGEST},
            {user, "AbC", "example.net", some_digest, "", VERIMAIL_IP},
            {user, "AbC", "example.net", some_digest, "192.0.2", VERIMAIL_IP},
            {user, "AbC", "example.net", some_digest, "[2001:db8::1]", VERIMAIL_IP},
            {user, "AbC", "example.net", some_digest, "192.0.2.1 x=1", VERIMAIL_IP},
    };

    memset(payload_most, 'x', sizeof payload_most - 1);
    memset(payload_over, 'x', sizeof payload_over - 1);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char line[VERIMAIL_QUESTION_SIZE] = "x";
        size_t len = 1;
        const enum verimail_result got = verimail_question(table[i].user, table[i].payload,
                &table[i].rcpt, table[i].rcpt != NULL, table[i].digest, table[i].ip, line,
                sizeof line, &len);
        if (got != table[i].want) {
            print_error("%zu: got \"%s\", want \"%s\"\n", i, verimail_result_text(got),
                    verimail_result_text(table[i].want));
            fail();
        }
        assert_int_equal(len, strlen(line));
        assert_int_equal(len == 0, got != VERIMAIL_OK);
    }
}

TEST(receiving_domains_in_any_form)
{
    static const struct {
        const char *domains[4];
        size_t count;
        const char *want;
    } table[] = {
            {{"example.net"}, 1, " rcpt=example.net"},
            {{"EXAMPLE.net", "example.com", "example.NET"}, 3, " rcpt=example.net,example.com"},
            {{"b\xc3\xbc"
              "cher.example",
                     "xn--bcher-kva.example"},
                    2, " rcpt=xn--bcher-kva.example"},
            {{"net", "example.net", "example.net"}, 3, " rcpt=net,example.net"},
            {{"*"}, 1, " rcpt=*"},
            {{"*", "example.net"}, 2, " rcpt=*"},
            {{"example.net", "*", "*"}, 3, " rcpt=*"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char line[VERIMAIL_QUESTION_SIZE];
        char want[128];
        size_t len;
        snprintf(want, sizeof want, "a@b.cd -%s\r\n", table[i].want);
        assert_int_equal(verimail_question("a@b.cd", NULL, table[i].domains, table[i].count, NULL,
                                 NULL, line, sizeof line, &len),
                VERIMAIL_OK);
        assert_string_equal(line, want);
    }
}

/* 2048 octets of rcpt are sent, 2049 become `*`: 31 domains of 63 octets and their commas make
 * 1984, the last one has the other 64 or 65. One that is no domain is still found behind that. */
TEST(too_many_receiving_domains)
{
    static char names[34][80];
    const char *domains[34];
    char line[VERIMAIL_QUESTION_SIZE];
    size_t len;

    for (size_t i = 0; i < 34; i++) {
        snprintf(names[i], sizeof names[i], "%060zu.xy", i);
        domains[i] = names[i];
    }
    for (size_t over = 0; over < 2; over++) {
        snprintf(names[31], sizeof names[31], "%058d.xy.x%s", 31, over ? "yz" : "y");
        assert_int_equal(strlen(names[31]), 64 + over);
        assert_int_equal(
                verimail_question("a@b.cd", NULL, domains, 32, NULL, NULL, line, sizeof line, &len),
                VERIMAIL_OK);
        assert_int_equal(len, strlen("a@b.cd - rcpt=\r\n") + (over ? 1 : 2048));
    }
    assert_string_equal(line, "a@b.cd - rcpt=*\r\n");
    names[33][0] = '_';
    assert_int_equal(
            verimail_question("a@b.cd", NULL, domains, 34, NULL, NULL, line, sizeof line, &len),
            VERIMAIL_RCPT);
}

/* Everything as long as it may be: it fits into the room that the header promises. */
TEST(longest_question)
{
    char user[VERIMAIL_USER_SIZE] = "";
    char payload[VERIMAIL_PAYLOAD_SIZE] = "";
    char domain[32][64];
    const char *domains[32];
    char line[VERIMAIL_QUESTION_SIZE];
    size_t len;

    for (size_t i = 0; i < 64; i++)
        strcat(user, "%20");
    strcat(user, "@");
    memset(user + 193, 'x', 253);
    for (size_t i = 193 + 63; i < 193 + 253; i += 64)
        user[i] = '.';
    memset(payload, 'x', sizeof payload - 1);
    for (size_t i = 0; i < 32; i++) {
        snprintf(domain[i], sizeof domain[i], "%060zu.xy", i);
        domains[i] = domain[i];
    }
    assert_int_equal(strlen(user), VERIMAIL_USER_SIZE - 1);
    assert_int_equal(
            verimail_question(user, payload, domains, 32, some_digest,
                    "0000:0000:0000:0000:0000:ffff:192.168.100.228", line, sizeof line, &len),
            VERIMAIL_OK);
    assert_int_equal(len, strlen(line));
    assert_true(len > 446 + 900 + 2047 + 43 + 45);
    assert_true(len < VERIMAIL_QUESTION_SIZE);
}

TEST(vector_answers)
{
    struct vectors *v = vectors_open("answers.txt");

    while (vectors_next(v)) {
        enum verimail_verdict verdict = VERIMAIL_VERDICT_YES;
        enum verimail_reason reason = VERIMAIL_REASON_STAMPED;
        uint32_t ttl = 1;
        bool scope = true;
        const bool bad = vectors_has(v, "malformed");
        char *ttl_text = word(v, "ttl");
        const struct text line = exact_copy(vectors_get(v, "line"));
        const enum verimail_result result =
                verimail_answer(vectors_has(v, "unstamped") ? NULL : "P", line.at, line.len,
                        &verdict, &reason, &ttl, &scope);
        exact_free(line);
        const struct text none = {"", 0};
        if (result != (bad ? VERIMAIL_ANSWER : VERIMAIL_OK) ||
                !is(bad ? (struct text){"temperror", 9} : vectors_get(v, "verdict"),
                        verimail_verdict_name(verdict)) ||
                !is(vectors_has(v, "reason") ? vectors_get(v, "reason") : none,
                        verimail_reason_name(reason)) ||
                ttl != (ttl_text != NULL ? strtoul(ttl_text, NULL, 10) : 0) ||
                scope != vectors_has(v, "scope")) {
            print_error("answers.txt:%u: got %s, %s %s ttl=%u scope=%d\n", vectors_line(v),
                    verimail_result_text(result), verimail_verdict_name(verdict),
                    verimail_reason_name(reason), ttl, scope);
            fail();
        }
        free(ttl_text);
    }
    vectors_free(&v);
}

TEST(every_word_has_its_name)
{
    static const struct {
        enum verimail_verdict verdict;
        const char *name;
    } verdicts[] = {
            {VERIMAIL_VERDICT_TEMPERROR, "temperror"},
            {VERIMAIL_VERDICT_YES, "YES"},
            {VERIMAIL_VERDICT_ALLOW, "ALLOW"},
            {VERIMAIL_VERDICT_NO, "NO"},
            {VERIMAIL_VERDICT_NONE, "none"},
            {VERIMAIL_VERDICT_PERMERROR, "permerror"},
            {(enum verimail_verdict)6, ""},
    };
    static const char *const names[] = {"", "stamped", "redirected", "changed", "replayed",
            "expired", "uncounted", "classic", "unstamped", "host", "unserved", "testing", "forged",
            "refused", ""};

    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        assert_string_equal(verimail_verdict_name(verdicts[i].verdict), verdicts[i].name);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(verimail_reason_name((enum verimail_reason)i), names[i]);
}
