// SPDX-License-Identifier: ISC
#include "exact.h"
#include "protocol/receiving.h"
#include "unit.h"
#include "vectors.h"

/* A row that failed: what was read, what came of it and what should have. */
static void differ(const struct vectors *v, struct text in, long got, long want)
{
    print_error("receiving.txt:%u: \"%.*s\": got %ld, want %ld\n", vectors_line(v), (int)in.len,
            in.at, got, want);
    fail();
}

static bool says_yes(const struct vectors *v, const char *name)
{
    const struct text value = vectors_get(v, name);

    assert_true(text_equal(value, text_of("yes")) || text_equal(value, text_of("no")));
    return text_equal(value, text_of("yes"));
}

static void check_valid(const struct vectors *v)
{
    const bool want = says_yes(v, "valid");
    const struct text in = exact_copy(vectors_get(v, "receiving"));
    const bool got = receiving_is_valid(in);

    if (got != want)
        differ(v, in, got, want);
    exact_free(in);
}

static void check_recipients(const struct vectors *v)
{
    uint64_t want;
    const struct text in = exact_copy(vectors_get(v, "receiving"));
    const struct text domain = exact_copy(vectors_get(v, "domain"));

    assert_true(text_decimal(vectors_get(v, "recipients"), RECEIVING_RECIPIENTS_MAX, &want));
    const uint32_t got = receiving_recipients(in, domain);
    if (got != want)
        differ(v, domain, (long)got, (long)want);
    exact_free(domain);
    exact_free(in);
}

static void check_covers(const struct vectors *v)
{
    const bool want = says_yes(v, "covers");
    const struct text in = exact_copy(vectors_get(v, "receiving"));
    const struct text rcpt = exact_copy(vectors_get(v, "rcpt"));
    const bool got = receiving_covers(in, rcpt);

    if (got != want)
        differ(v, rcpt, got, want);
    exact_free(rcpt);
    exact_free(in);
}

static void check_added(const struct vectors *v)
{
    struct receiving *receiving = receiving_init();
    struct reader r = reader_of(vectors_get(v, "added"));
    const struct text want = vectors_get(v, "receiving");
    char buffer[RECEIVING_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    assert_non_null(receiving);
    while (r.rest.len > 0) {
        struct reader entry = reader_of(reader_field(&r, ' '));
        const struct text domain = exact_copy(reader_until(&entry, ':'));
        uint64_t recipients = 0;
        assert_true(text_decimal(reader_rest(&entry), UINT32_MAX, &recipients));
        assert_true(receiving_add(receiving, domain, (uint32_t)recipients));
        exact_free(domain);
    }
    assert_true(receiving_format(receiving, &w));
    if (!text_equal(writer_text(&w), want)) {
        print_error("receiving.txt:%u: got \"%.*s\", want \"%.*s\"\n", vectors_line(v),
                (int)writer_text(&w).len, buffer, (int)want.len, want.at);
        fail();
    }
    assert_true(receiving_is_valid(want));
    receiving_free(&receiving);
    assert_null(receiving);
}

TEST(vectors_hold)
{
    static const struct {
        const char *name;
        void (*check)(const struct vectors *v);
    } kinds[] = {
            {"valid", check_valid},
            {"recipients", check_recipients},
            {"covers", check_covers},
            {"added", check_added},
    };
    unsigned counts[sizeof kinds / sizeof *kinds] = {0};
    struct vectors *v = vectors_open("receiving.txt");

    while (vectors_next(v)) {
        size_t kind = 0;
        while (!vectors_has(v, kinds[kind].name) && kind + 1 < sizeof kinds / sizeof *kinds)
            kind++;
        kinds[kind].check(v);
        counts[kind]++;
    }
    vectors_free(&v);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        assert_true(counts[i] > 10);
}

TEST(next_takes_entry_after_entry)
{
    struct reader r = reader_of(text_of("example.net:3,a:1000000"));
    struct text domain;
    uint32_t recipients;

    assert_true(receiving_next(&r, &domain, &recipients));
    assert_true(text_equal(domain, text_of("example.net")));
    assert_int_equal(recipients, 3);
    assert_true(receiving_next(&r, &domain, &recipients));
    assert_true(text_equal(domain, text_of("a")));
    assert_int_equal(recipients, 1000000);
    assert_false(receiving_next(&r, &domain, &recipients));
    assert_false(r.failed);
    assert_false(receiving_next(&r, &domain, &recipients));
}

TEST(next_stops_at_a_fault)
{
    static const char *const faults[] = {"a:0,b:1", "a,b:1", "a:,b:1", "a:1000001,b:1", ":,b:1"};

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct reader r = reader_of(text_of(faults[i]));
        struct text domain;
        uint32_t recipients;
        for (int again = 0; again < 2; again++) {
            if (receiving_next(&r, &domain, &recipients) || !r.failed)
                fail_msg("%s: goes on", faults[i]);
        }
    }
}

TEST(refused_additions_add_nothing)
{
    static const struct {
        const char *domain;
        uint32_t recipients;
    } refused[] = {
            {"example.net", 0},
            {"*", 0},
            {"example.net", RECEIVING_RECIPIENTS_MAX},
            {"*", RECEIVING_RECIPIENTS_MAX},
            {"b", UINT32_MAX},
    };
    struct receiving *receiving = receiving_init();
    char buffer[RECEIVING_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    assert_non_null(receiving);
    assert_false(receiving_format(receiving, &w));
    assert_int_equal(writer_text(&w).len, 0);
    assert_true(receiving_add(receiving, text_of("example.net"), 2));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (receiving_add(receiving, text_of(refused[i].domain), refused[i].recipients)) {
            print_error("\"%s\" %u was taken\n", refused[i].domain, refused[i].recipients);
            fail();
        }
    }
    assert_true(receiving_format(receiving, &w));
    assert_true(text_equal(writer_text(&w), text_of("example.net:2")));
    receiving_free(&receiving);
    receiving_free(&receiving);
}

TEST(the_last_recipient_counts)
{
    struct receiving *receiving = receiving_init();

    assert_non_null(receiving);
    assert_true(receiving_add(receiving, text_of("a"), RECEIVING_RECIPIENTS_MAX - 1));
    assert_false(receiving_add(receiving, text_of("b"), 2));
    assert_true(receiving_add(receiving, text_of("b"), 1));
    assert_false(receiving_add(receiving, text_of("b"), 1));
    receiving_free(&receiving);
}

TEST(format_needs_its_room)
{
    struct receiving *receiving = receiving_init();
    char buffer[13];
    struct writer w = writer_of(buffer, sizeof buffer - 1);

    assert_non_null(receiving);
    assert_true(receiving_add(receiving, text_of("example.net"), 2));
    assert_false(receiving_format(receiving, &w));
    w = writer_of(buffer, sizeof buffer);
    assert_true(receiving_format(receiving, &w));
    receiving_free(&receiving);
}
