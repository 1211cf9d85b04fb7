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

static char edge_line[DIGEST_LINE_MAX]; /* a value of To: the line has DIGEST_LINE_MAX octets */
static char long_line[DIGEST_LINE_MAX];

BEFORE_ALL()
{
    memset(edge_line, 'x', DIGEST_LINE_MAX - strlen("To:"));
    memset(long_line, 'x', sizeof long_line - 1);
}

TEST(faults)
{
    static const struct {
        struct line lines[FIELDS_MAX];
        enum message_parser_error want;
    } table[] = {
            {{{"From", " a@b.example"}}, MESSAGE_PARSER_OK},
            {{{"FROM", "a@b.example"}}, MESSAGE_PARSER_OK},
            {{{"Sender", " a@b.example"}}, MESSAGE_PARSER_NO_FROM},
            {{{NULL}}, MESSAGE_PARSER_NO_FROM},
            {{{"From", " a@b.example"}, {"from", " a@b.example"}}, MESSAGE_PARSER_SEVERAL_FROMS},
            {{{"From", " a@b.example", true}}, MESSAGE_PARSER_SPACED},
            {{{"From", " a@b.example", true}, {"From", " a@b.example"}}, MESSAGE_PARSER_SPACED},
            {{{"From", " a@b.example"}, {"X", " y", true}}, MESSAGE_PARSER_SPACED},
            {{{"From", " a@b.example, c@d.example"}}, MESSAGE_PARSER_FROM},
            {{{"From", ""}}, MESSAGE_PARSER_FROM},
            {{{"From", " x (<c@d.example>) <a@b.example>"}}, MESSAGE_PARSER_MISLEADING},
            {{{"From", " a@b.example"}, {"To", edge_line}}, MESSAGE_PARSER_OK},
            {{{"From", " a@b.example"}, {"Cc ", edge_line}}, MESSAGE_PARSER_LONG_LINE},
            {{{"Authentication-Results", long_line}, {"From", " a@b.example"}},
                    MESSAGE_PARSER_LONG_LINE},
            {{{"From", " a@b.example"}, {"Received", long_line}}, MESSAGE_PARSER_OK},
            {{{"X", "a\rFrom: a@b.example"}}, MESSAGE_PARSER_BARE_CR},
            {{{"From", " a@b.example"}, {"X", "a\r\n b"}}, MESSAGE_PARSER_OK},
            /* The first stays. */
            {{{"From", " a@b.example"}, {"Subject", long_line}, {"X", "\r"}},
                    MESSAGE_PARSER_LONG_LINE},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct message_parser *parser = read_in(table[i].lines);
        enum message_parser_error got = MESSAGE_PARSER_MEMORY;
        assert_int_equal(message_parser_end(parser), MESSAGE_PARSER_OK);
        const struct address *author = message_parser_author(parser, &got);
        const bool has_digest = got != MESSAGE_PARSER_LONG_LINE && got != MESSAGE_PARSER_BARE_CR &&
                                got != MESSAGE_PARSER_SPACED;
        assert_int_equal(digest_is_text(text_of(message_parser_digest(parser))), has_digest);
        if (got != table[i].want || (author != NULL) != (got == MESSAGE_PARSER_OK)) {
            print_error("row %zu: got %s, want %s\n", i, message_parser_error_word(got),
                    message_parser_error_word(table[i].want));
            fail();
        }
        message_parser_free(&parser);
    }
}

TEST(what_is_no_message_has_no_author)
{
    static const struct {
        enum message_result result;
        enum message_parser_error want;
    } table[] = {
            {MESSAGE_NOT_FIELD, MESSAGE_PARSER_NOT_FIELD},
            {MESSAGE_TOO_LARGE, MESSAGE_PARSER_TOO_LARGE},
            {MESSAGE_MEMORY, MESSAGE_PARSER_MEMORY},
    };
    const struct line lines[FIELDS_MAX] = {{"From", " a@b.example"}, {"Verimail", STAMP}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct message_parser *parser = read_in(lines);
        enum message_parser_error got;
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
            /* the same field, octet for octet, is the same stamp */
            {{{"Verimail", STAMP}, {"Verimail", STAMP}}, 2, 1},
            {{{"Verimail", STAMP}, {"X", "y"}, {"Verimail", STAMP}, {"Verimail", STAMP}}, 3, 1},
            {{{"Verimail", STAMP}, {"Verimail", STAMP " "}}, 2, 2},
            {{{"Verimail", STAMP}, {"Verimail", STAMP "A"}}, 2, 2},
            {{{"Verimail", STAMP}, {"Verimail", STAMP "A"}, {"Verimail", STAMP}}, 3, 3},
            {{{"Verimail", STAMP, true}, {"Verimail", STAMP, true}}, 2, 0},
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
            assert_true(all[listed - 1].offset >= listed);
        message_parser_free(&parser);
    }
}

/* What a message lacks is digested as if it were there, where the caller adds it. */
TEST(what_is_missing_is_added)
{
    static const struct message_parser_missing missing = {
            "Fri, 1 Mar 2024 10:00:00 +0100", "<1@example.org>", "a@b.example"};
    static const struct {
        struct line lines[FIELDS_MAX];
        bool lacks_date, lacks_message_id, lacks_from;
    } table[] = {
            {{{"From", " a@b.example"}}, true, true, false},
            {{{"Date", " Fri, 1 Mar 2024 10:00:00 +0100"}, {"From", " a@b.example"}}, false, true,
                    false},
            {{{"From", " a@b.example"}, {"Message-ID", " <1@example.org>"}}, true, false, false},
            {{{"From", " a@b.example"}, {"Message-ID", " <1@example.org>"},
                     {"Date", " Fri, 1 Mar 2024 10:00:00 +0100"}},
                    false, false, false},
            {{{"X-Other", ""}}, true, true, true},
            {{{"From", ""}}, true, true, true},
            {{{"From", " \r\n\t"}}, true, true, true},
    };
    char whole[DIGEST_TEXT + 1] = "";
    enum message_parser_error error;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct message_parser *parser = message_parser_init(&missing);
        assert_non_null(parser);
        for (size_t k = 0; k < FIELDS_MAX && table[i].lines[k].name != NULL; k++)
            give(parser, &table[i].lines[k], k + 1);
        message_parser_header_end(parser);
        message_parser_body(parser, text_of("text\n"));
        assert_int_equal(message_parser_end(parser), MESSAGE_PARSER_OK);
        assert_int_equal(message_parser_lacks_date(parser), table[i].lacks_date);
        assert_int_equal(message_parser_lacks_message_id(parser), table[i].lacks_message_id);
        assert_int_equal(message_parser_lacks_from(parser), table[i].lacks_from);
        assert_string_equal(message_parser_author(parser, &error)->text, "a@b.example");
        if (i > 0)
            assert_string_equal(message_parser_digest(parser), whole);
        memcpy(whole, message_parser_digest(parser), sizeof whole);
        message_parser_free(&parser);
        message_parser_free(&parser);
    }
}

/* A From that names nobody is not what lacks one. */
static const struct {
    struct unit_row row;
    struct line lines[FIELDS_MAX];
    const char *from; /* that would be added */
    enum message_parser_error want;
} authorless[] = {
        {{"none, and none to add"}, {{"Subject", " x"}}, NULL, MESSAGE_PARSER_NO_FROM},
        {{"none, and an unusable one to add"}, {{"Subject", " x"}}, "", MESSAGE_PARSER_FROM},
        {{"two empty ones"}, {{"From", ""}, {"From", " "}}, "a@b.example",
                MESSAGE_PARSER_SEVERAL_FROMS},
        {{"an empty one and another"}, {{"From", ""}, {"From", " c@d.example"}}, "a@b.example",
                MESSAGE_PARSER_SEVERAL_FROMS},
        {{"an empty one with white space before its colon"}, {{"From", "", true}}, "a@b.example",
                MESSAGE_PARSER_SPACED},
        {{"a comment"}, {{"From", " (nobody)"}}, "a@b.example", MESSAGE_PARSER_FROM},
        {{"brackets"}, {{"From", " <>"}}, "a@b.example", MESSAGE_PARSER_FROM},
};

TEST_EACH(a_from_without_an_author_is_not_replaced, authorless)
{
    const struct message_parser_missing missing = {.from = row->from};
    struct message_parser *with = message_parser_init(&missing);
    struct message_parser *without = message_parser_init(NULL);
    enum message_parser_error got;

    assert_non_null(with);
    assert_non_null(without);
    for (size_t k = 0; k < FIELDS_MAX && row->lines[k].name != NULL; k++) {
        give(with, &row->lines[k], k + 1);
        give(without, &row->lines[k], k + 1);
    }
    message_parser_header_end(with);
    message_parser_header_end(without);
    assert_int_equal(message_parser_end(with), MESSAGE_PARSER_OK);
    assert_int_equal(message_parser_end(without), MESSAGE_PARSER_OK);
    assert_null(message_parser_author(with, &got));
    assert_int_equal(got, row->want);
    assert_false(message_parser_lacks_date(with));
    assert_false(message_parser_lacks_message_id(with));
    if (!message_parser_lacks_from(with))
        assert_string_equal(message_parser_digest(with), message_parser_digest(without));
    message_parser_free(&with);
    message_parser_free(&without);
}

/* After a fault nothing more counts, and the first one stays. */
TEST(the_first_fault_stays)
{
    const struct line from = {"From", " a@b.example"};
    struct message_parser *parser = message_parser_init(NULL);
    enum message_parser_error got;

    assert_non_null(parser);
    message_parser_broken(parser, MESSAGE_OK);
    message_parser_broken(parser, MESSAGE_NOT_FIELD);
    message_parser_broken(parser, MESSAGE_TOO_LARGE);
    give(parser, &from, 1);
    message_parser_header_end(parser);
    message_parser_body(parser, text_of("text\n"));
    assert_int_equal(message_parser_end(parser), MESSAGE_PARSER_NOT_FIELD);
    assert_null(message_parser_author(parser, &got));
    assert_int_equal(got, MESSAGE_PARSER_NOT_FIELD);
    message_parser_free(&parser);
}

static bool no_charset(struct text charset, struct text octets, struct writer *w)
{
    (void)charset;
    (void)octets;
    (void)w;
    return false;
}

/* Each field and each line that is none, `!` before it; then what could be meant. */
static void check_candidates(const char *lines, enum message_result broken, const char *want)
{
    struct message_parser *parser = message_parser_init(NULL);
    struct candidates candidates = {0};
    struct reader r = reader_of(text_of(lines));
    char got[1024] = "";

    assert_non_null(parser);
    while (r.rest.len > 0) {
        struct reader line = reader_of(reader_field(&r, '\n'));
        if (line.rest.at[0] == '!') {
            message_parser_not_field(parser, (struct text){line.rest.at + 1, line.rest.len - 1});
            continue;
        }
        const struct text name = reader_until(&line, ':');
        const struct field field = field_of(name, reader_rest(&line));
        message_parser_field(parser, &field);
    }
    message_parser_header_end(parser);
    message_parser_broken(parser, broken);
    (void)!message_parser_end(parser);
    message_parser_candidates(parser, no_charset, &candidates);
    for (size_t i = 0; i < candidates.count; i++)
        strcat(strcat(got, candidates.domains[i]), " ");
    strcat(got, candidates.is_unreadable ? "?" : "");
    strcat(got, candidates.lacks_domain ? "!" : "");
    if (strcmp(got, want) != 0)
        fail_msg("%s: got %s, want %s", lines, got, want);
    message_parser_free(&parser);
}

TEST(what_could_be_meant_as_from)
{
    static const struct {
        const char *lines;
        enum message_result broken;
        const char *want;
    } rows[] = {
            {"", MESSAGE_OK, "!"},
            {"Sender: a@a.test", MESSAGE_OK, "!"},
            {"From: a@a.test", MESSAGE_OK, "a.test "},
            {"From: a@a.test\nFROM: b@b.test", MESSAGE_OK, "a.test b.test "},
            {"From : a@a.test", MESSAGE_OK, "a.test "},
            {"\xa0"
             "From\x01: a@a.test",
                    MESSAGE_OK, "a.test "},
            {"X-From: a@a.test", MESSAGE_OK, "!"},
            {"X: x\rFrom: a@a.test", MESSAGE_OK, "a.test "},
            {"X: x From: a@a.test", MESSAGE_OK, "!"},
            {"X: x\r from\t: a@a.test\rY: b@b.test", MESSAGE_OK, "a.testy b.test a.test "},
            {"!word", MESSAGE_OK, "!"},
            {"! From: a@a.test\nFrom: b@b.test", MESSAGE_OK, "a.test b.test "},
            {"!word\nFrom: b@b.test", MESSAGE_OK, "b.test "},
            {"!From x From: a@a.test", MESSAGE_OK, "!"},
            {"From: a@a.test", MESSAGE_NOT_FIELD, "a.test "},
            {"From: a@a.test", MESSAGE_TOO_LARGE, "a.test ?"},
            {"From: =?utf-8?q?a?= <a@a.test>", MESSAGE_OK, "a.test ?"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_candidates(rows[i].lines, rows[i].broken, rows[i].want);
}

TEST(no_more_of_from_is_kept_than_is_read)
{
    const size_t size = CANDIDATES_FROM_MAX + 2;
    char *lines = malloc(size + 16);

    assert_non_null(lines);
    memset(lines, ' ', size + 16);
    memcpy(lines, "From:a@a.test", 13);
    lines[5 + CANDIDATES_FROM_MAX] = '\0';
    check_candidates(lines, MESSAGE_OK, "a.test ");
    lines[5 + CANDIDATES_FROM_MAX] = ' ';
    lines[6 + CANDIDATES_FROM_MAX] = '\0';
    check_candidates(lines, MESSAGE_OK, "?!");
    free(lines);
}
