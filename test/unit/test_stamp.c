// SPDX-License-Identifier: ISC
#include <string.h>

#include "exact.h"
#include "protocol/field.h"
#include "protocol/stamp.h"
#include "unit.h"
#include "vectors.h"

static const struct text no_domain = {NULL, 0};

static struct address address_of(struct text canonical)
{
    struct address address;

    assert_true(address_parse(canonical, no_domain, &address));
    return address;
}

static bool parse(struct text value, struct stamp *stamp_r)
{
    const struct text in = exact_copy(value);
    const bool ok = stamp_parse(in, stamp_r);

    exact_free(in);
    return ok;
}

/* The whole field. */
static bool write_field(
        const struct address *user, struct text payload, const char *eol, struct writer *w)
{
    writer_string(w, STAMP_NAME ":");
    return stamp_format(user, payload, eol, w);
}

static void check_value(const struct vectors *v, struct text value)
{
    struct stamp got;
    const bool wanted = !vectors_has(v, "stamp");

    if (parse(value, &got) != wanted) {
        print_error("stamps.txt:%u: want %d: %.*s\n", vectors_line(v), wanted, (int)value.len,
                value.at);
        fail();
    }
    if (!wanted)
        return;
    const struct text user = vectors_get(v, "user");
    const struct text payload = vectors_get(v, "payload");
    if (!text_equal(address_text(&got.user), user) || !text_equal(text_of(got.payload), payload)) {
        print_error("stamps.txt:%u: got %s %s\n", vectors_line(v), got.user.text, got.payload);
        fail();
    }
}

static void check_written(const struct vectors *v)
{
    const struct address user = address_of(vectors_get(v, "user"));
    const struct text want = vectors_get(v, "field");
    char buffer[STAMP_FIELD_MAX];
    struct writer w = writer_of(buffer, want.len);

    if (!write_field(&user, vectors_get(v, "payload"), "\r\n", &w) ||
            !text_equal(writer_text(&w), want)) {
        const struct text got = writer_text(&w);
        print_error("stamps.txt:%u: got %.*s\n", vectors_line(v), (int)got.len, got.at);
        fail();
    }
    w = writer_of(buffer, want.len - 1);
    assert_false(write_field(&user, vectors_get(v, "payload"), "\r\n", &w));
    assert_true(w.failed);
}

TEST(vector_stamps)
{
    struct vectors *v = vectors_open("stamps.txt");
    size_t written = 0;

    while (vectors_next(v)) {
        if (!vectors_has(v, "field")) {
            check_value(v, vectors_get(v, "value"));
            continue;
        }
        struct reader field = reader_of(vectors_get(v, "field"));
        check_written(v);
        assert_int_equal(field_name_of(reader_until(&field, ':')), FIELD_VERIMAIL);
        check_value(v, reader_rest(&field));
        written++;
    }
    vectors_free(&v);
    assert_true(written > 0);
}

/* Every payload length for some users: it is written exactly when lines of 78 make at most 900
 * octets (an LF counts as CRLF), and read back as it was. */
TEST(lengths_at_their_limit)
{
    static const struct {
        const char *user;
        size_t longest; /* payload */
    } table[] = {
            /* The first line takes 78; ten more 80 each, of which 77 are payload; 22 are left. */
            {"a@b.cd", 61 + 10 * 77 + 19},
            {"uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@exam.ple.example.org", 10 * 77 + 19},
    };
    static const char *const eols[] = {"\r\n", "\n"};
    char payload[STAMP_PAYLOAD_MAX + 1];

    memset(payload, 'x', sizeof payload);
    for (size_t i = 0; i < 2 * sizeof table / sizeof *table; i++) {
        const struct address user = address_of(text_of(table[i / 2].user));
        for (size_t len = 0; len <= sizeof payload; len++) {
            char buffer[2 * STAMP_FIELD_MAX];
            struct writer w = writer_of(buffer, sizeof buffer);
            const struct text in = {payload, len};
            const bool ok = write_field(&user, in, eols[i % 2], &w);
            if (ok != (len > 0 && len <= table[i / 2].longest)) {
                print_error("%s, payload of %zu: got %d, want %zu\n", user.text, len, ok,
                        table[i / 2].longest);
                fail();
            }
            assert_int_equal(w.failed, !ok);
            if (!ok)
                continue;
            struct reader field = reader_of(writer_text(&w));
            struct stamp back;
            assert_true(text_equal(reader_until(&field, ':'), text_of("Verimail")));
            assert_true(parse(reader_rest(&field), &back));
            assert_true(text_equal(text_of(back.payload), in));
            assert_true(text_equal(address_text(&back.user), address_text(&user)));
        }
    }
}

TEST(writer_without_room_stays_inside)
{
    const struct address user = address_of(text_of("alice@example.org"));
    char buffer[100] = "";

    for (size_t size = 0; size < sizeof buffer - 1; size++) {
        struct writer w = writer_of(buffer, size);
        buffer[size] = '!';
        assert_int_equal(write_field(&user, text_of("AbCd"), "\n", &w),
                size >= strlen("Verimail: alice@example.org AbCd"));
        assert_int_equal(buffer[size], '!');
    }
}

TEST(only_payloads_are_written)
{
    static const char *const bad[] = {"", "-", "a b", "a=", "a+b", "a\n", "a/b", "\xe4", "a;"};
    static const char *const good[] = {"--", "_", "a", "-a", "AZaz09-_"};
    const struct address user = address_of(text_of("alice@example.org"));
    char buffer[STAMP_FIELD_MAX];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct writer w = writer_of(buffer, sizeof buffer);
        if (write_field(&user, text_of(bad[i]), "\r\n", &w)) {
            print_error("\"%s\" was written\n", bad[i]);
            fail();
        }
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct writer w = writer_of(buffer, sizeof buffer);
        if (!write_field(&user, text_of(good[i]), "\r\n", &w)) {
            print_error("\"%s\" was not written\n", good[i]);
            fail();
        }
    }
}
