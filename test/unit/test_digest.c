// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "exact.h"
#include "protocol/digest.h"
#include "protocol/message.h"
#include "unit.h"
#include "vectors.h"

#define RECORDS_MAX 100

static void take_field(void *context, const struct field *field)
{
    assert_true(digest_field(context, field->known, field->value));
}

static void take_header_end(void *context)
{
    (void)context;
}

static void take_body(void *context, struct text piece)
{
    const struct text copy = exact_copy(piece);

    digest_body(context, copy);
    exact_free(copy);
}

static void digest_message(struct text message, size_t chunk, char text_r[DIGEST_TEXT + 1])
{
    static const struct message_events events = {take_field, take_header_end, take_body};
    struct digest *d = digest_init();
    struct message *m = message_init(&events, d);

    assert_non_null(d);
    assert_non_null(m);
    for (size_t i = 0; i < message.len; i += chunk) {
        const size_t len = message.len - i < chunk ? message.len - i : chunk;
        assert_int_equal(message_feed(m, (struct text){message.at + i, len}), MESSAGE_OK);
    }
    assert_int_equal(message_end(m), MESSAGE_OK);
    digest_final(d, text_r);
    message_free(&m);
    digest_free(&d);
    assert_null(d);
}

TEST(vector_digests)
{
    struct vectors *v = vectors_open("digests.txt");

    while (vectors_next(v)) {
        const struct text message = vectors_get(v, "message");
        const struct text want = vectors_get(v, "digest");
        assert_true(digest_is_text(want));
        for (size_t chunk = 1; chunk <= message.len + 1; chunk++) {
            char got[DIGEST_TEXT + 1];
            digest_message(message, chunk, got);
            if (!text_equal(text_of(got), want)) {
                print_error("digests.txt:%u by %zu: got %s, want %.*s\n", vectors_line(v), chunk,
                        got, (int)want.len, want.at);
                fail();
            }
        }
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

/* The field that reaches the limit is taken, one octet more is not, and then there is no digest. */
TEST(kept_fields_at_their_limit)
{
    const size_t len = MESSAGE_HEADER_MAX - strlen("subject") - strlen("to") - strlen("a@b.c");
    char *big = malloc(len + 1);

    assert_non_null(big);
    memset(big, 'x', len + 1);
    for (size_t extra = 0; extra <= 1; extra++) {
        struct digest *d = digest_init();
        char got[DIGEST_TEXT + 1];
        assert_non_null(d);
        assert_true(digest_field(d, FIELD_TO, text_of("a@b.c")));
        assert_true(digest_field(d, FIELD_RECEIVED, (struct text){big, len + 1}));
        assert_int_equal(
                digest_field(d, FIELD_SUBJECT, (struct text){big, len + extra}), extra == 0);
        assert_int_equal(digest_field(d, FIELD_RECEIVED, text_of("")), extra == 0);
        assert_false(digest_field(d, FIELD_CC, text_of("")));
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
    char *big = malloc(MESSAGE_HEADER_MAX + 1);
    struct digest *d = digest_init();

    assert_non_null(big);
    assert_non_null(d);
    memset(big, 'x', MESSAGE_HEADER_MAX + 1);
    assert_false(digest_field(d, FIELD_SUBJECT, (struct text){big, MESSAGE_HEADER_MAX + 1}));
    assert_false(digest_field(d, FIELD_TO, text_of("a@b.c")));
    digest_free(&d);
    free(big);
}

TEST(field_behind_the_body_is_refused)
{
    struct digest *d = digest_init();

    assert_non_null(d);
    digest_body(d, text_of("x"));
    assert_false(digest_field(d, FIELD_TO, text_of("a@b.c")));
    digest_free(&d);
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
