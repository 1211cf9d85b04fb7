// SPDX-License-Identifier: ISC
#include <sodium.h>

#include "exact.h"
#include "protocol/text.h"
#include "unit.h"

TEST(decimal_at_its_edges)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t value;
    } table[] = {
            {"0", 0, true, 0},
            {"1", 0, false, 0},
            {"", 10, false, 0},
            {"00", 10, false, 0},
            {"01", 10, false, 0},
            {"10", 10, true, 10},
            {"11", 10, false, 0},
            {"9", 5, false, 0},
            {"+1", 10, false, 0},
            {"-1", 10, false, 0},
            {"1 ", 10, false, 0},
            {"1a", 100, false, 0},
            {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
            {"18446744073709551616", UINT64_MAX, false, 0},
            {"99999999999999999999", UINT64_MAX, false, 0},
            {"100000000000000000000", UINT64_MAX, false, 0},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text in = exact_copy(text_of(table[i].text));
        uint64_t value = 0;
        const bool ok = text_decimal(in, table[i].max, &value);
        if (ok != table[i].ok || (ok && value != table[i].value)) {
            print_error("\"%s\": got %d %llu, want %d %llu\n", table[i].text, ok,
                    (unsigned long long)value, table[i].ok, (unsigned long long)table[i].value);
            fail();
        }
        exact_free(in);
    }
}

TEST(folding_is_ascii_only)
{
    assert_true(text_equal_fold(text_of("aZ@[`{09"), text_of("Az@[`{09")));
    assert_false(text_equal_fold(text_of("@"), text_of("`")));
    assert_false(text_equal_fold(text_of("["), text_of("{")));
    assert_false(text_equal_fold(text_of("\xc3\x84"), text_of("\xc3\xa4")));
    assert_false(text_equal_fold(text_of("ab"), text_of("abc")));
    assert_true(text_equal_fold(text_of(""), (struct text){NULL, 0}));
    assert_false(text_equal(text_of("a"), text_of("A")));
}

TEST(reader_remembers_its_failure)
{
    struct reader r = reader_of(text_of("one two  last"));

    assert_true(text_equal(reader_until(&r, ' '), text_of("one")));
    assert_true(text_equal(reader_field(&r, ' '), text_of("two")));
    assert_true(text_equal(reader_until(&r, ' '), text_of("")));
    assert_true(text_equal(reader_field(&r, ' '), text_of("last")));
    assert_true(text_equal(reader_field(&r, ' '), text_of("")));
    assert_false(r.failed);
    assert_int_equal(reader_until(&r, ' ').len, 0);
    assert_true(r.failed);
    assert_int_equal(reader_rest(&r).len, 0);
}

TEST(writer_stops_at_its_end)
{
    char buffer[8] = "........";
    struct writer w = writer_of(buffer, 7);

    writer_string(&w, "abc");
    writer_decimal(&w, 1234);
    assert_false(w.failed);
    writer_char(&w, 'x');
    assert_true(w.failed);
    writer_put(&w, (struct text){NULL, 0});
    assert_true(text_equal(writer_text(&w), text_of("abc1234")));
    assert_int_equal(buffer[7], '.');
}

TEST(writer_decimal_at_its_edges)
{
    char buffer[TEXT_DECIMAL_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    writer_decimal(&w, UINT64_MAX);
    assert_true(text_equal(writer_text(&w), text_of("18446744073709551615")));
    w = writer_of(buffer, sizeof buffer);
    writer_decimal(&w, 0);
    assert_true(text_equal(writer_text(&w), text_of("0")));
}

/* Against libsodium's own encoder, for every length that a line may hold. */
TEST(base64_agrees_with_libsodium)
{
    unsigned char octets[256];
    unsigned char back[256];
    char got[400];
    char want[400];

    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (unsigned char)(i * 7 + 251);
    for (size_t len = 0; len <= sizeof octets; len++) {
        struct writer w = writer_of(got, text_base64_len(len));
        writer_base64(&w, octets, len);
        assert_false(w.failed);
        sodium_bin2base64(want, sizeof want, octets, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        assert_true(text_equal(writer_text(&w), text_of(want)));
        size_t back_len = 0;
        const struct text in = exact_copy(writer_text(&w));
        assert_true(text_from_base64(in, back, len, &back_len));
        exact_free(in);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, octets, len);
        if (len > 0)
            assert_false(text_from_base64(writer_text(&w), back, len - 1, &back_len));
    }
}

TEST(base64_is_strict)
{
    static const char *const bad[] = {
            "A", "AB=", "AB==", "A B", "AB\n", "A+", "A/", "AB CD", "AAB", "AB", "\xff", "AAAA="};
    unsigned char octets[64];
    size_t len;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct text in = exact_copy(text_of(bad[i]));
        if (text_from_base64(in, octets, sizeof octets, &len)) {
            print_error("\"%s\" was taken, %zu octets\n", bad[i], len);
            fail();
        }
        exact_free(in);
    }
    assert_true(text_from_base64((struct text){NULL, 0}, octets, sizeof octets, &len));
    assert_int_equal(len, 0);
}

/* As some decoders take more: libsodium 1.0.18 any octet from 0x80 up. */
TEST(only_the_alphabet_is_taken)
{
    static const char alphabet[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char octets[3];
    size_t len;

    for (unsigned c = 0; c <= UINT8_MAX; c++) {
        const char in[] = {'A', (char)c, 'A', 'A'};
        const bool wanted = c != 0 && strchr(alphabet, (int)c) != NULL;
        const bool hex = text_from_hex((struct text){in, 4}, octets, sizeof octets, &len);
        if (text_from_base64((struct text){in, 4}, octets, sizeof octets, &len) != wanted ||
                hex != (c != 0 && strchr("0123456789abcdefABCDEF", (int)c) != NULL)) {
            print_error("octet 0x%02x: base64 should %s take it; hex did %s\n", c,
                    wanted ? "" : "not ", hex ? "" : "not ");
            fail();
        }
    }
}

TEST(nothing_reads_as_nothing)
{
    struct reader r = reader_of((struct text){NULL, 0});

    assert_int_equal(reader_field(&r, ' ').len, 0);
    assert_int_equal(reader_rest(&r).len, 0);
    assert_false(r.failed);
}

TEST(hex_is_strict)
{
    unsigned char octets[2];
    size_t len;

    assert_true(text_from_hex(text_of("aF09"), octets, 2, &len));
    assert_int_equal(len, 2);
    assert_int_equal(octets[0], 0xaf);
    assert_false(text_from_hex(text_of("aF0"), octets, 2, &len));
    assert_false(text_from_hex(text_of("aF09 "), octets, 2, &len));
    assert_false(text_from_hex(text_of("aF0900"), octets, 2, &len));
    assert_false(text_from_hex(text_of("xx"), octets, 2, &len));
    assert_true(text_from_hex(text_of(""), octets, 2, &len));
    assert_int_equal(len, 0);
}

TEST(trim_takes_white_space_only)
{
    assert_true(text_equal(text_trim(text_of(" \t\r\n a b \r\n\t")), text_of("a b")));
    assert_int_equal(text_trim(text_of(" \r\n ")).len, 0);
    assert_true(text_equal(text_trim(text_of("\v")), text_of("\v")));
}

TEST(prefixes)
{
    assert_true(text_starts_with_fold(text_of("AbC"), text_of("aBc")));
    assert_true(text_starts_with_fold(text_of("abcd"), text_of("ABC")));
    assert_true(text_starts_with_fold(text_of("a"), text_of("")));
    assert_false(text_starts_with_fold(text_of("ab"), text_of("abc")));
    assert_false(text_starts_with_fold(text_of("abd"), text_of("abc")));
}
