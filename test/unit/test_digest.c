// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "exact.h"
#include "protocol/digest.h"
#include "protocol/message.h"
#include "unit.h"
#include "vectors.h"

#define RECORDS_MAX 200

struct digested {
    struct digest *digest;
    enum digest_result result;
};

static void take_field(void *context, const struct field *field)
{
    struct digested *digested = context;

    digested->result = digest_field(digested->digest, field);
}

static void take_header_end(void *context)
{
    (void)context;
}

static void take_body(void *context, struct text piece)
{
    const struct digested *digested = context;
    const struct text copy = exact_copy(piece);

    digest_body(digested->digest, copy);
    exact_free(copy);
}

/* One word: "ok", or why there is no digest. */
static const char *digest_message(struct text message, size_t chunk, char text_r[DIGEST_TEXT + 1])
{
    static const char *const words[] = {
            [DIGEST_OK] = "ok",
            [DIGEST_LONG_LINE] = "long-line",
            [DIGEST_BARE_CR] = "bare-cr",
            [DIGEST_SPACED] = "spaced",
            [DIGEST_TOO_LARGE] = "too-large",
            [DIGEST_ORDER] = "order",
            [DIGEST_MEMORY] = "memory",
    };
    static const struct message_events events = {take_field, take_header_end, take_body};
    struct digested digested = {digest_init(), DIGEST_OK};
    struct message *m = message_init(&events, &digested);

    assert_non_null(digested.digest);
    assert_non_null(m);
    for (size_t i = 0; i < message.len; i += chunk) {
        const size_t len = message.len - i < chunk ? message.len - i : chunk;
        (void)!message_feed(m, (struct text){message.at + i, len});
    }
    const enum message_result result = message_end(m);
    digest_final(digested.digest, text_r);
    message_free(&m);
    digest_free(&digested.digest);
    assert_null(digested.digest);
    assert_true(result == MESSAGE_OK || result == MESSAGE_NOT_FIELD);
    return result == MESSAGE_OK ? words[digested.result] : "not-field";
}

static void check_digest(const struct vectors *v, size_t chunk)
{
    const bool is_none = vectors_has(v, "none");
    const struct text want = vectors_get(v, is_none ? "none" : "digest");
    char digest[DIGEST_TEXT + 1];
    const char *word = digest_message(vectors_get(v, "message"), chunk, digest);
    const char *got = is_none ? word : digest;

    assert_int_equal(digest_is_text(want), !is_none);
    if (!text_equal(text_of(got), want) || (strcmp(word, "ok") == 0) == is_none) {
        print_error("digests.txt:%u by %zu: got %s (%s), want %.*s\n", vectors_line(v), chunk, got,
                word, (int)want.len, want.at);
        fail();
    }
}

TEST(vector_digests)
{
    struct vectors *v = vectors_open("digests.txt");

    while (vectors_next(v)) {
        const size_t len = vectors_get(v, "message").len;
        for (size_t chunk = 1; chunk <= len + 1; chunk++)
            check_digest(v, chunk);
    }
    vectors_free(&v);
}

/* The octets that the file says go into the hash have the digest that it says. */
TEST(vector_forms)
{
    struct vectors *v = vectors_open("digests.txt");
    size_t checked = 0;

    while (vectors_next(v)) {
        unsigned char octets[DIGEST_OCTETS];
        char got[DIGEST_TEXT + 1];
        if (!vectors_has(v, "hashed"))
            continue;
        const struct text form = vectors_get(v, "hashed");
        const struct text want = vectors_get(v, "digest");
        crypto_generichash(
                octets, sizeof octets, (const unsigned char *)form.at, form.len, NULL, 0);
        sodium_bin2base64(
                got, sizeof got, octets, sizeof octets, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        if (!text_equal(text_of(got), want)) {
            print_error("digests.txt:%u: got %s\n", vectors_line(v), got);
            fail();
        }
        checked++;
    }
    vectors_free(&v);
    assert_true(checked > 0);
}

/* `like` and `unlike` hold, and the file has both. */
TEST(vector_pairs)
{
    struct vectors *v = vectors_open("digests.txt");
    struct {
        char name[64];
        char digest[64];
    } record[RECORDS_MAX];
    size_t records = 0;
    size_t pairs[2] = {0, 0};

    for (; vectors_next(v); records++) {
        assert_true(records < RECORDS_MAX);
        const struct text name = vectors_get(v, "name");
        if (vectors_has(v, "none"))
            continue;
        const struct text digest = vectors_get(v, "digest");
        snprintf(record[records].name, sizeof record->name, "%.*s", (int)name.len, name.at);
        snprintf(record[records].digest, sizeof record->digest, "%.*s", (int)digest.len, digest.at);
        const bool like = vectors_has(v, "like");
        if (!like && !vectors_has(v, "unlike"))
            continue;
        const struct text other = vectors_get(v, like ? "like" : "unlike");
        size_t i = 0;
        while (i < records && !text_equal(text_of(record[i].name), other))
            i++;
        assert_true(i < records);
        if (text_equal(text_of(record[i].digest), digest) != like) {
            print_error("digests.txt:%u: %.*s does not hold\n", vectors_line(v), (int)other.len,
                    other.at);
            fail();
        }
        pairs[like]++;
    }
    vectors_free(&v);
    assert_true(pairs[false] > 0 && pairs[true] > 0);
}

static void digest_body_only(const char *const *chunks, char text_r[DIGEST_TEXT + 1])
{
    struct digest *d = digest_init();

    assert_non_null(d);
    for (; *chunks != NULL; chunks++)
        digest_body(d, text_of(*chunks));
    digest_final(d, text_r);
    digest_free(&d);
}

/* Beyond what waits in one stretch: many empty lines, long runs, empty chunks. */
TEST(bodies_in_pieces)
{
    static const struct {
        const char *a[8];
        const char *b[8];
    } table[] = {
            {{"x\r", "\n", "y"}, {"x\ny"}},
            {{"x\r", "", "\n", "", "y"}, {"x\r\ny\r\n"}},
            {{"x", " ", "\t", " ", "y"}, {"x y"}},
            {{"x", " ", "\r", "\n", " ", "y"}, {"x\n y"}},
            {{"x \r", "\r\n"}, {"x \r", "\r", "\n"}},
            {{"x\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\ny"},
                    {"x\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", "\n\n\n\n\n\n\n\n", "\ny"}},
            {{"x\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"}, {"x"}},
            {{"", "\n", ""}, {NULL}},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char a[DIGEST_TEXT + 1];
        char b[DIGEST_TEXT + 1];
        digest_body_only(table[i].a, a);
        digest_body_only(table[i].b, b);
        if (strcmp(a, b) != 0) {
            print_error("%zu: %s and %s\n", i, a, b);
            fail();
        }
    }
}

TEST(too_many_empty_lines_are_not_too_few)
{
    char lines[40] = "x";
    const char *chunks[] = {lines, "y", NULL};
    char before[DIGEST_TEXT + 1] = "";

    for (size_t n = 1; n + 1 < sizeof lines; n++) {
        char now[DIGEST_TEXT + 1];
        lines[n] = '\n';
        digest_body_only(chunks, now);
        assert_string_not_equal(now, before);
        memcpy(before, now, sizeof now);
    }
}

/* A value of `len` octets, in lines that are not too long. */
static char *make_long_value(size_t len)
{
    char *value = malloc(len);

    assert_non_null(value);
    memset(value, 'x', len);
    for (size_t i = DIGEST_LINE_MAX / 2; i + 1 < len; i += DIGEST_LINE_MAX / 2)
        memcpy(value + i, "\n ", 2);
    return value;
}

static enum digest_result give(struct digest *d, const char *name, const char *value, size_t len)
{
    const struct field field = field_of(text_of(name), (struct text){value, len});

    return digest_field(d, &field);
}

/* The field that reaches the limit is taken, one octet more is not, and then there is no digest. */
TEST(kept_fields_at_their_limit)
{
    const size_t len = MESSAGE_HEADER_MAX - strlen("subject") - strlen("to") - strlen("a@b.c");
    char *big = make_long_value(len + 1);

    for (size_t extra = 0; extra <= 1; extra++) {
        const enum digest_result want = extra == 0 ? DIGEST_OK : DIGEST_TOO_LARGE;
        struct digest *d = digest_init();
        char got[DIGEST_TEXT + 1];
        assert_non_null(d);
        assert_int_equal(give(d, "To", "a@b.c", 5), DIGEST_OK);
        assert_int_equal(give(d, "Received", big, len + 1), DIGEST_OK);
        assert_int_equal(give(d, "Subject", big, len + extra), want);
        assert_int_equal(give(d, "Received", "", 0), want);
        assert_int_equal(give(d, "Cc", "", 0), DIGEST_TOO_LARGE);
        assert_int_equal(give(d, "Subject", "a\rb", 3), DIGEST_TOO_LARGE);
        digest_body(d, text_of("x"));
        digest_final(d, got);
        assert_string_equal(got, "");
        digest_free(&d);
        digest_free(&d);
    }
    free(big);
}

/* A field that is over the limit alone. */
TEST(a_field_over_the_limit)
{
    char *big = make_long_value(MESSAGE_HEADER_MAX + 1);
    struct digest *d = digest_init();

    assert_non_null(d);
    assert_int_equal(give(d, "Subject", big, MESSAGE_HEADER_MAX + 1), DIGEST_TOO_LARGE);
    assert_int_equal(give(d, "To", "a@b.c", 5), DIGEST_TOO_LARGE);
    digest_free(&d);
    free(big);
}

TEST(field_behind_the_body_is_refused)
{
    struct digest *d = digest_init();

    assert_non_null(d);
    digest_body(d, text_of("x"));
    assert_int_equal(give(d, "To", "a@b.c", 5), DIGEST_ORDER);
    digest_free(&d);
}

/* Each field that counts, added to a message that has none, gives another digest. */
TEST(every_field_counts)
{
    char before[DIGEST_TEXT + 1] = "";

    for (unsigned i = FIELD_OTHER; i < FIELD_DIGESTED_END; i++) {
        struct digest *d = digest_init();
        char now[DIGEST_TEXT + 1];
        assert_non_null(d);
        if (i != FIELD_OTHER)
            assert_int_equal(give(d, field_name_text((enum field_name)i), "", 0), DIGEST_OK);
        digest_final(d, now);
        assert_string_not_equal(now, before);
        if (i == FIELD_OTHER)
            memcpy(before, now, sizeof now);
        digest_free(&d);
    }
}

/* Line ends do not count, and a CR that is none does. */
TEST(the_longest_line_of_a_body)
{
    static const struct {
        const char *chunks[8];
        uint64_t want;
    } table[] = {
            {{NULL}, 0},
            {{"\r\n", "\n"}, 0},
            {{"abc"}, 3},
            {{"ab\r\nabc\r\na\r\n"}, 3},
            {{"ab \t\r", "\na"}, 4},
            {{"ab\r", "\r\na"}, 3},
            {{"a", "b", " ", "c\r"}, 5},
            {{"abc\nabcd"}, 4},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct digest *d = digest_init();
        char text[DIGEST_TEXT + 1];
        assert_non_null(d);
        for (const char *const *chunk = table[i].chunks; *chunk != NULL; chunk++)
            digest_body(d, text_of(*chunk));
        digest_final(d, text);
        if (digest_longest_body_line(d) != table[i].want) {
            print_error("row %zu: got %ju, want %ju\n", i, (uintmax_t)digest_longest_body_line(d),
                    (uintmax_t)table[i].want);
            fail();
        }
        digest_free(&d);
    }
}

TEST(text_form_is_strict)
{
    static const struct {
        const char *text;
        bool ok;
    } table[] = {
            {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", true},
            {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false},
            {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false},
            {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false},
            {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", false}, /* stray bits */
            {"-_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", true},
            {"+/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false},
            {"-", false},
            {"", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text in = exact_copy(text_of(table[i].text));
        if (digest_is_text(in) != table[i].ok) {
            print_error("\"%s\": want %d\n", table[i].text, table[i].ok);
            fail();
        }
        exact_free(in);
    }
}
