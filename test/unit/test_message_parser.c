// SPDX-License-Identifier: ISC
#include <string.h>

#include "exact.h"
#include "protocol/message_parser.h"
#include "unit.h"

#define FIELDS_MAX 4
#define STAMP " alice@example.org QUJDREVGQUJDREVG"

struct line {
    const char *name; /* NULL: no more */
    const char *value;
    bool spaced;
};

static void give(struct message_parser *parser, const struct line *line, uint64_t number)
{
    const struct text name = exact_copy(text_of(line->name));
    const struct text value = exact_copy(text_of(line->value));
    struct field field = field_of(name, value);

    field.offset = number;
    field.space_before_colon = line->spaced;

    message_parser_field(parser, &field);
    exact_free(name);
    exact_free(value);
}

static struct message_parser *read_in(const struct line *lines)
{
    struct message_parser *parser = message_parser_init(NULL);

    assert_non_null(parser);
    for (size_t i = 0; i < FIELDS_MAX && lines[i].name != NULL; i++)
        give(parser, &lines[i], i + 1);
    message_parser_header_end(parser);
    message_parser_body(parser, text_of("text\n"));
    return parser;
}

TEST(faults)
{
    static const struct {
        struct line lines[FIELDS_MAX];
        enum message_parser_fault want;
    } table[] = {
            {{{"From", " a@b.example"}}, MESSAGE_PARSER_OK},
            {{{"FROM", "a@b.example"}}, MESSAGE_PARSER_OK},
            {{{"Sender", " a@b.example"}}, MESSAGE_PARSER_NO_FROM},
            {{{NULL}}, MESSAGE_PARSER_NO_FROM},
            {{{"From", " a@b.example"}, {"from", " a@b.example"}}, MESSAGE_PARSER_SEVERAL_FROMS},
            {{{"From", " a@b.example", true}}, MESSAGE_PARSER_FROM_SPACED},
            {{{"From", " a@b.example", true}, {"From", " a@b.example"}},
                    MESSAGE_PARSER_SEVERAL_FROMS},
            {{{"From", " a@b.example, c@d.example"}}, MESSAGE_PARSER_FROM},
            {{{"From", ""}}, MESSAGE_PARSER_FROM},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct message_parser *parser = read_in(table[i].lines);
        enum message_parser_fault got = MESSAGE_PARSER_MEMORY;
        assert_int_equal(message_parser_end(parser), MESSAGE_PARSER_OK);
        const struct address *author = message_parser_author(parser, &got);
        if (got != table[i].want || (author != NULL) != (got == MESSAGE_PARSER_OK)) {
            print_error("row %zu: got %s, want %s\n", i, message_parser_fault_word(got),
                    message_parser_fault_word(table[i].want));
            fail();
        }
        message_parser_free(&parser);
    }
}

TEST(what_is_no_message_has_no_author)
{
    static const struct {
        enum message_result result;
        enum message_parser_fault want;
    } table[] = {
            {MESSAGE_NOT_FIELD, MESSAGE_PARSER_NOT_FIELD},
            {MESSAGE_TOO_LARGE, MESSAGE_PARSER_TOO_LARGE},
            {MESSAGE_MEMORY, MESSAGE_PARSER_MEMORY},
    };
    const struct line lines[FIELDS_MAX] = {{"From", " a@b.example"}, {"Verimail", STAMP}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct message_parser *parser = read_in(lines);
        enum message_parser_fault got;
        size_t count;
        message_parser_broken(parser, table[i].result);
        assert_int_equal(message_parser_end(parser), table[i].want);
        assert_null(message_parser_author(parser, &got));
        assert_int_equal(got, table[i].want);
        (void)message_parser_stamps(parser, &count);
        assert_int_equal(count, 0);
        message_parser_free(&parser);
    }
}

/* Fields from a milter have the limits that message.h has. */
TEST(limits)
{
    static char large[MESSAGE_HEADER_MAX];
    const struct line from = {"From", " a@b.example"};
    const struct line small = {"X", "y"};

    memset(large, 'y', sizeof large);
    for (unsigned fields = MESSAGE_FIELDS_MAX; fields <= MESSAGE_FIELDS_MAX + 1; fields++) {
        struct message_parser *parser = message_parser_init(NULL);
        give(parser, &from, 1);
        for (unsigned i = 1; i < fields; i++)
            give(parser, &small, i + 1);
        message_parser_header_end(parser);
        assert_int_equal(message_parser_end(parser),
                fields > MESSAGE_FIELDS_MAX ? MESSAGE_PARSER_TOO_LARGE : MESSAGE_PARSER_OK);
        message_parser_free(&parser);
    }
    for (size_t len = sizeof large - 1; len <= sizeof large; len++) {
        struct message_parser *parser = message_parser_init(NULL);
        const struct field field = field_of(text_of("X"), (struct text){large, len});
        message_parser_field(parser, &field);
        assert_int_equal(message_parser_end(parser),
                len == sizeof large ? MESSAGE_PARSER_TOO_LARGE : MESSAGE_PARSER_OK);
        message_parser_free(&parser);
    }
}

TEST(stamps)
{
    static const struct {
        struct line lines[FIELDS_MAX];
        size_t listed;
        size_t by_author;
    } table[] = {
            {{{"Verimail", STAMP}}, 1, 1},
            {{{"verimail", STAMP}, {"VERIMAIL", STAMP}}, 2, 2},
            {{{"Verimail", STAMP, true}}, 1, 0},
            {{{"Verimail", STAMP, true}, {"Verimail", STAMP}}, 2, 1},
            {{{"Verimail", " bob@example.org QUJDREVGQUJDREVG"}}, 1, 0},
            {{{"Verimail", " alice@example.org"}}, 0, 0},
            {{{"X-Verimail", STAMP}}, 0, 0},
    };
    struct address user;

    assert_true(address_parse(text_of("ALICE@example.org"), text_of(""), &user));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct message_parser *parser = read_in(table[i].lines);
        size_t listed;
        size_t by_author;
        assert_int_equal(message_parser_end(parser), MESSAGE_PARSER_OK);
        const struct message_parser_stamp *all = message_parser_stamps(parser, &listed);
        const struct stamp *one = message_parser_stamp_by(parser, &user, &by_author);
        if (listed != table[i].listed || by_author != table[i].by_author ||
                (one != NULL) != (by_author == 1)) {
            print_error("row %zu: got %zu and %zu, want %zu and %zu\n", i, listed, by_author,
                    table[i].listed, table[i].by_author);
            fail();
        }
        if (listed > 0)
            assert_int_equal(all[listed - 1].offset, listed);
        message_parser_free(&parser);
    }
}
