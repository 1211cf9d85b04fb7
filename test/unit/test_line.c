// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "exact.h"
#include "protocol/line.h"
#include "unit.h"

TEST(only_words_with_single_spaces)
{
    static const struct {
        const char *content;
        bool ok;
    } table[] = {
            {"a", true},
            {"a b", true},
            {"! ~", true},
            {"", false},
            {" ", false},
            {" a", false},
            {"a ", false},
            {"a  b", false},
            {"a\tb", false},
            {"a\rb", false},
            {"a\nb", false},
            {"a\x1f", false},
            {"a\x7f", false},
            {"a\x80", false},
            {"a\xff", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct text in = exact_copy(text_of(table[i].content));
        struct line line;
        line_init(&line, in);
        if (line.failed == table[i].ok) {
            print_error("\"%s\": got %d, want %d\n", table[i].content, !line.failed, table[i].ok);
            fail();
        }
        exact_free(in);
    }
    struct line with_nul;
    line_init(&with_nul, (struct text){"a\0b", 3});
    assert_true(with_nul.failed);
}

TEST(words_then_names)
{
    const struct text in = exact_copy(text_of("one two= x=1 y-_9==2"));
    struct line line;
    line_init(&line, in);
    struct text name;
    struct text value;

    assert_true(text_equal(line_word(&line), text_of("one")));
    assert_true(text_equal(line_word(&line), text_of("two=")));
    assert_true(line_name(&line, &name, &value));
    assert_true(text_equal(name, text_of("x")) && text_equal(value, text_of("1")));
    assert_true(line_name(&line, &name, &value));
    assert_true(text_equal(name, text_of("y-_9")) && text_equal(value, text_of("=2")));
    assert_false(line_name(&line, &name, &value));
    assert_false(line.failed);
    assert_int_equal(line_word(&line).len, 0);
    exact_free(in);
}

static bool all_names(const char *content)
{
    const struct text in = exact_copy(text_of(content));
    struct line line;
    line_init(&line, in);

    for (struct text name, value; line_name(&line, &name, &value);)
        assert_true(name.len > 0 && value.len > 0);
    /* The failure stays, also when there would be more. */
    struct text name;
    struct text value;
    assert_false(line_name(&line, &name, &value));
    exact_free(in);
    return !line.failed;
}

TEST(names_at_their_edges)
{
    static const struct {
        const char *content;
        bool ok;
    } table[] = {
            {"a=1", true},
            {"a=1 A=1", true},
            {"a=1 b=1 ab=1", true},
            {"a=1 a=2", false},
            {"a=1 b=1 a=1", false},
            {"a", false},
            {"a=", false},
            {"=1", false},
            {"a.b=1", false},
            {"a,b=1", false},
            {"a%=1", false},
            {"a b=1", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const bool ok = all_names(table[i].content);
        if (ok != table[i].ok) {
            print_error("\"%s\": got %d, want %d\n", table[i].content, ok, table[i].ok);
            fail();
        }
    }
}

TEST(names_up_to_their_number)
{
    char content[LINE_NAMES_MAX * 8] = "";
    size_t len = 0;

    for (int i = 1; i <= LINE_NAMES_MAX + 1; i++) {
        len += (size_t)snprintf(
                content + len, sizeof content - len, "%sn%d=v", i > 1 ? " " : "", i);
        assert_int_equal(all_names(content), i <= LINE_NAMES_MAX);
    }
}
