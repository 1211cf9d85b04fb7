// SPDX-License-Identifier: ISC
#include <string.h>

#include "exact.h"
#include "unit.h"
#include "users/stored.h"

static bool is_stored(struct text octets, struct row *row_r)
{
    const struct text exact = exact_copy(octets);
    const bool good = stored_read(exact, row_r);

    exact_free(exact);
    return good;
}

TEST(what_is_stored_is_read)
{
    static const char *const rows[] = {"", "hosts=", "hosts=a", "hosts=a.example.org,b.example.org",
            "more_hosts=a allow_unauthorized=yes", "allow_unauthorized=yes pinned=yes",
            "pinned=yes", "hosts=xn--bcher-kva.example pinned=yes", "alias=bob@example.org",
            "alias=a%C3%BCb@example.org pinned=yes", "not_before=2026-11-30T12:00:00Z",
            "hosts=a allow_unauthorized=yes not_before=9999-12-31T23:59:59Z pinned=yes"};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char octets[STORED_MAX];
        char text[ROW_TEXT_MAX];
        char error[ROW_ERROR_MAX];
        struct writer w = writer_of(octets, sizeof octets);
        struct writer formatted = writer_of(text, sizeof text);
        struct row row;
        struct row again;
        assert_true(row_parse(text_of(rows[i]), &row, error));
        assert_true(stored_write(&row, &w));
        memset(&again, 0x55, sizeof again);
        assert_true(is_stored(writer_text(&w), &again));
        assert_true(row_format(&again, &formatted));
        if (!text_equal(writer_text(&formatted), text_of(rows[i])))
            fail_msg("got \"%.*s\", want \"%s\"", (int)writer_text(&formatted).len, text, rows[i]);
    }
}

#define OCTETS(t)                                                                                  \
    {                                                                                              \
        t, sizeof(t) - 1                                                                           \
    }

TEST(what_is_damaged_is_refused)
{
    static const struct text rows[] = {
            {NULL, 0},
            OCTETS("\1"),
            OCTETS("\1\0"),
            OCTETS("\0\0\0"),
            OCTETS("\2\0\0"),    /* another form */
            OCTETS("\1\0\0a"),   /* something behind it */
            OCTETS("\1\0\1a\0"), /* hosts where there are none */
            OCTETS("\1\x10\0"),  /* more_hosts without one */
            OCTETS("\1\x30\0"),  /* no such mode */
            OCTETS("\1\x08\0"),  /* no time */
            OCTETS("\1\x08\0\1\0\0\0\0\0\0"),
            OCTETS("\1\x08\0\0\0\0\0\0\0\0\0"), /* a time that says nothing */
            OCTETS("\1\x08\0\0\0\0\0\0\0\0\1"), /* of no calendar */
            OCTETS("\1\x08\0\1\0\0\0\0\0\0\0a"),
            OCTETS("\1\x20\1a"),      /* no NUL */
            OCTETS("\1\x20\2a\0"),    /* fewer than it says */
            OCTETS("\1\x20\1a\0b\0"), /* more */
            OCTETS("\1\x20\1\0"),     /* an empty name */
            OCTETS("\1\x20\1"
                   "A\0"), /* no row has it like this */
            OCTETS("\1\x20\1"
                   "a_b\0"), /* no name */
            OCTETS("\1\x20\x41"
                   "a\0"),         /* too many */
            OCTETS("\1\x04\0"),    /* an alias of nobody */
            OCTETS("\1\x04\0bob"), /* no user */
            OCTETS("\1\x04\0*@example.org"),
            OCTETS("\1\x04\0"
                   "Bob@example.org"),
            OCTETS("\1\x04\0"
                   "bob@example.org\0"),
            OCTETS("\1\x04\1"
                   "bob@example.org"),
            OCTETS("\1\x05\0"
                   "bob@example.org"), /* an alias with a rule */
            OCTETS("\1\x24\0"
                   "bob@example.org"),
            OCTETS("\1\x0c\0\1\0\0\0\0\0\0\0"
                   "bob@example.org"),
    };
    struct row row;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (is_stored(rows[i], &row))
            fail_msg("row %zu was taken", i);
}

/* All that a flipped bit can do: it is refused, or is a row that could have been stored. */
TEST(a_flipped_bit_makes_no_monster)
{
    char octets[STORED_MAX];
    char error[ROW_ERROR_MAX];
    struct writer w = writer_of(octets, sizeof octets);
    struct row row;

    assert_true(row_parse(text_of("more_hosts=a.example.org,b.example.org allow_unauthorized=yes "
                                  "not_before=2026-11-30T12:00:00Z"),
            &row, error));
    assert_true(stored_write(&row, &w));
    for (size_t bit = 0; bit < writer_text(&w).len * 8; bit++) {
        char again_octets[STORED_MAX];
        struct writer again = writer_of(again_octets, sizeof again_octets);
        octets[bit / 8] = (char)(octets[bit / 8] ^ (1 << (bit % 8)));
        if (is_stored(writer_text(&w), &row)) {
            assert_true(stored_write(&row, &again));
            assert_true(text_equal(writer_text(&again), writer_text(&w)));
        }
        octets[bit / 8] = (char)(octets[bit / 8] ^ (1 << (bit % 8)));
    }
}
