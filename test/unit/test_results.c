// SPDX-License-Identifier: ISC
#include <string.h>

#include "exact.h"
#include "protocol/digest.h"
#include "protocol/results.h"
#include "unit.h"

#define ID "mx.example.org"

TEST(written)
{
    static const struct {
        enum verdict verdict;
        const char *reason;
        const char *author; /* NULL: none */
        const char *want;
    } table[] = {
            {VERDICT_YES, "", "alice@example.org",
                    ID "; verimail=pass\n header.from=alice@example.org"},
            {VERDICT_YES, "", "a@b.c", ID "; verimail=pass header.from=a@b.c"},
            {VERDICT_NO, "", "alice@example.org", ID "; verimail=fail header.from=example.org"},
            {VERDICT_ALLOW, "redirected", "alice@example.org",
                    ID "; verimail=neutral reason=\"redirected\"\n header.from=example.org"},
            {VERDICT_TEMPERROR, "", "alice@example.org",
                    ID "; verimail=temperror\n header.from=example.org"},
            {VERDICT_PERMERROR, "from", NULL, ID "; verimail=permerror reason=\"from\""},
            /* local parts that are no dot-atom */
            {VERDICT_YES, "", "a%20b@b.c", ID "; verimail=pass header.from=a%20b@b.c"},
            {VERDICT_YES, "", "a..b@b.c", ID "; verimail=pass header.from=\"a..b\"@b.c"},
            {VERDICT_YES, "", "a\"b@b.c", ID "; verimail=pass header.from=\"a\\\"b\"@b.c"},
            {VERDICT_YES, "", "a\\b@b.c", ID "; verimail=pass header.from=\"a\\\\b\"@b.c"},
            {VERDICT_YES, "", "a(b@b.c", ID "; verimail=pass header.from=\"a(b\"@b.c"},
            {VERDICT_YES, "", "a=b@b.c", ID "; verimail=pass header.from=\"a=b\"@b.c"},
            {VERDICT_YES, "", "a;b@b.c", ID "; verimail=pass header.from=\"a;b\"@b.c"},
            {VERDICT_YES, "", "AZ[@b.c", ID "; verimail=pass header.from=\"AZ[\"@b.c"},
            {VERDICT_YES, "", "a{z|}~@b.c", ID "; verimail=pass header.from=a{z|}~@b.c"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char buffer[RESULTS_VALUE_MAX];
        struct writer w = writer_of(buffer, sizeof buffer);
        struct address author;
        struct results results = {.verdict = table[i].verdict, .reason = text_of(table[i].reason)};
        if (table[i].author != NULL) {
            assert_true(address_parse(text_of(table[i].author), text_of(""), &author));
            results.author = &author;
        }
        assert_true(results_format(text_of(ID), &results, "\n", &w));
        if (!text_equal(writer_text(&w), text_of(table[i].want))) {
            print_error("got %.*s\nwant %s\n", (int)writer_text(&w).len, buffer, table[i].want);
            fail();
        }
    }
}

TEST(none_writes_nothing)
{
    char buffer[RESULTS_VALUE_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    const struct results results = {.verdict = VERDICT_NONE};

    assert_false(results_format(text_of(ID), &results, "\n", &w));
}

/* At each size: what fits is whole. */
TEST(no_room)
{
    const struct results results = {.verdict = VERDICT_PERMERROR, .reason = {"from", 4}};
    const size_t whole = sizeof ID "; verimail=permerror reason=\"from\"" - 1;

    for (size_t size = 0; size <= whole; size++) {
        char *buffer = malloc(size > 0 ? size : 1);
        struct writer w = writer_of(buffer, size);
        assert_int_equal(results_format(text_of(ID), &results, "\n", &w), size == whole);
        free(buffer);
    }
}

static bool is_forged(struct text name, struct text value, struct text id)
{
    const struct field field = field_of(name, value);

    return results_is_forged(&field, id);
}

TEST(forged)
{
    const struct text name = text_of(RESULTS_NAME);
    const struct text spaced = text_of(RESULTS_NAME " ");
    static const struct {
        const char *value;
        bool want;
    } table[] = {
            {ID "; verimail=pass", true},
            {" MX.EXAMPLE.ORG; VERIMAIL=PASS", true},
            {"(x) " ID " (y); (z) verimail (a) = (b) pass", true},
            {"\"" ID "\"; verimail=pass", true},
            {"\"mx\\.example.org\"; verimail=pass", true},
            {ID " 1; verimail=pass", true},
            {ID "/1; verimail=pass", true},
            {ID ".; verimail=pass", true},
            {ID "; verimail/1=pass", true},
            {ID "; verimail / 1 = pass", true},
            {ID "; none; verimail=pass", true},
            {ID "; spf=pass; verimail=fail", true},
            {ID ";\r\n\tverimail=pass", true},
            {ID "; verimail=pass header.from=\"a;b\"@c.d", true},
            {ID "; dkim=pass (verimail=pass)", true},
            {ID "; dkim=pass reason=\"verimail = pass\"", true},
            /* more behind the id */
            {"\"" ID "/JOB1\"; verimail=pass", true},
            {ID "/JOB1; verimail=pass", true},
            {"\"" ID " 1\"; verimail=pass", true},
            {"\" " ID "\"; verimail=pass", true},
            {"\"" ID ";x\"; verimail=pass", true},
            {"\"" ID "./JOB1\"; verimail=pass", true},
            {"\"" ID "\\/x\"; verimail=pass", true},
            {"\"" ID ".elsewhere.org/JOB1\"; verimail=pass", false},
            {"\"" ID "x/JOB1\"; verimail=pass", false},
            {"\"mx.elsewhere.org/" ID "\"; verimail=pass", false},
            {ID "; dkim=pass reason=\"verimail=pass\"", true},
            /* the word, divided */
            {ID "; veri(x)mail=pass", true},
            {ID "; veri((x\\))(y))mail=pass", true},
            {ID "; veri\r\n mail=pass", true},
            {ID "; \"verimail\"=pass", true},
            {ID "; veri\"mail\"=pass", true},
            {ID "; veri\xe2\x80\x8bmail=pass", true},
            {ID "; veri\\mail=pass", true},
            {ID "; (veri\"mail\"=pass", true},
            {ID "; dkim=pass header.d=veri.mail.org", false},
            {ID "; dkim=pass (very mail)", false},
            {"mx.elsewhere.org; dkim=pass (veri (x) mail)", false},
            /* what does not parse, and has the word */
            {"verimail", true},
            {"verimail=pass", true},
            {ID " verimail=pass", true},
            {ID "; verimail", true},
            {ID "; verimail=", true},
            {"mx.elsewhere.org; verimail=pass (", true},
            {"mx.elsewhere.org; verimail=\"pass", true},
            {"mx.elsewhere.org (; verimail=pass", true},
            {"mx.elsewhere.org x; verimail=pass", true},
            {"mx.elsewhere.org; verimail=pass\x01", true},
            {"mx.elsewhere.org; verimail=pass \xc3\xa9", true},
            {"; verimail=pass", true},
            {"mx.elsewhere.org; verimail=pass;", true},
            {"mx.elsewhere.org verimail", true},
            /* what some readers decode or cut */
            {"=?utf-8?Q?mx.example.org;_=76erimail=3Dpass?=", true},
            {"=?utf-8?Q?mx.example.org?=; spf=pass", true},
            {"mx.elsewhere.org; spf=pass\rAuthentication-Results: x", true},
            {"mx.elsewhere.org\r", true},
            {ID "; =?utf-8?Q?verimail=3Dpass?=", true},
            {ID "; spf=pass (=?utf-8?Q?x?=)", true},
            {ID "; spf=pass reason=\"=?utf-8?Q?;_=76erimail=3Dpass?=\"", true},
            {"\"" ID "\"; spf=pass (=?utf-8?Q?x?=)", true},
            {ID "/JOB1; spf=pass (=?utf-8?Q?x?=)", true},
            {"nonsense ( =?utf-8?Q?x?=", true},
            {ID "; spf=pass\r", true},
            /* others' */
            {"mx.elsewhere.org; spf=pass (=?x?=)", false},
            {ID ".elsewhere.org; spf=pass (=?x?=)", false},
            {ID "; spf=pass (= ? and ?=)", false},
            {"mx.elsewhere.org;\r\n spf=pass", false},
            {"mx.elsewhere.org; verimail=pass header.from=a@b.c", false},
            {"mx.elsewhere.org 1; verimail=pass", false},
            {ID ".elsewhere.org; verimail=pass", false},
            {"x" ID "; verimail=pass", false},
            {ID "; spf=pass smtp.mailfrom=@b.c", false},
            {"mx.elsewhere.org; verimail=pass header.from=a=b/c?d@b.c", false},
            {ID "; dkim=pass header.d=verimail.org", false},
            {ID "; dkim=pass header.i=verimail@b.c (the word verimail)", false},
            {"nonsense (", false},
            /* comments and quoted strings */
            {ID " (a\t(b\r\n \\) c)); verimail=pass", true},
            {"mx.elsewhere.org (verimail \\", true},
            {"mx.elsewhere.org (verimail \x7f); spf=pass", true},
            {"mx.elsewhere.org (verimail \x01); spf=pass", true},
            {"mx.elsewhere.org; spf=\"verimail\x01\"", true},
            {"mx.elsewhere.org; spf=pass reason=\"verimail\\", true},
            {"mx.elsewhere.org; spf=pass reason=\"verimail\x7f\"", true},
            {"mx.elsewhere.org; verimail=pass\x7f", true},
            {ID "; verimail=pass ; spf=pass", true},
            {ID "; verimail=pass; none", true},
            {"mx.elsewhere.org; verimail=pass; none=pass", false},
            {"mx.elsewhere.org; none (verimail)", false},
            {"\"\"; verimail=pass", false},
            {"", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text value = exact_copy(text_of(table[i].value));
        const bool got = is_forged(name, value, text_of(ID));
        exact_free(value);
        if (got != table[i].want) {
            print_error("%s: got %d, want %d\n", table[i].value, got, table[i].want);
            fail();
        }
    }
    assert_true(is_forged(spaced, text_of("mx.elsewhere.org; verimail=pass"), text_of(ID)));
    assert_false(is_forged(spaced, text_of("mx.elsewhere.org; spf=pass"), text_of(ID)));
}

/* No name that can be ours is so long. */
TEST(long_ids_are_others)
{
    char buffer[DOMAIN_MAX + 32];

    for (size_t len = DOMAIN_MAX; len <= DOMAIN_MAX + 4; len++) {
        struct writer w = writer_of(buffer, sizeof buffer);
        while (writer_text(&w).len < len)
            writer_char(&w, 'a');
        const struct text id = writer_text(&w);
        writer_string(&w, "; verimail=pass");
        const struct text value = exact_copy(writer_text(&w));
        assert_int_equal(is_forged(text_of(RESULTS_NAME), value, id), len <= DOMAIN_MAX + 2);
        exact_free(value);
    }
}

/* A mail server behind us would cut it, and bring our id to its front. */
TEST(long_lines)
{
    char buffer[DIGEST_LINE_MAX + 1];

    for (size_t len = DIGEST_LINE_MAX; len <= DIGEST_LINE_MAX + 1; len++) {
        struct writer w = writer_of(buffer, sizeof buffer);
        writer_string(&w, " (");
        while (sizeof RESULTS_NAME + writer_text(&w).len + strlen(") mx.elsewhere.org") < len)
            writer_char(&w, 'a');
        writer_string(&w, ") mx.elsewhere.org");
        assert_int_equal(is_forged(text_of(RESULTS_NAME), writer_text(&w), text_of(ID)),
                len > DIGEST_LINE_MAX);
    }
}

TEST(a_reason_that_is_too_long)
{
    static char reason[3 * ADDRESS_MAX];
    char buffer[4 * ADDRESS_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    memset(reason, 'a', sizeof reason);
    const struct results results = {
            .verdict = VERDICT_PERMERROR, .reason = {reason, sizeof reason}};
    assert_false(results_format(text_of(ID), &results, "\n", &w));
}
