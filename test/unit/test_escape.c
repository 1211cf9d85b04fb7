// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "command/escape.h"
#include "exact.h"
#include "unit.h"

typedef void put(FILE *out, struct text t);

static void check(put *escape, struct text given, const char *wanted)
{
    const struct text in = exact_copy(given);
    char *got = NULL;
    size_t len;
    FILE *out = open_memstream(&got, &len);

    assert_non_null(out);
    escape(out, in);
    assert_int_equal(fclose(out), 0);
    if (!text_equal((struct text){got, len}, text_of(wanted))) {
        print_error("got %s, want %s\n", got, wanted);
        fail();
    }
    free(got);
    exact_free(in);
}

#define OCTETS(literal)                                                                            \
    (struct text)                                                                                  \
    {                                                                                              \
        literal, sizeof literal - 1                                                                \
    }

TEST(nothing_moves_a_terminal)
{
    static const struct {
        struct text given;
        const char *value;
        const char *sentence;
    } table[] = {
            {OCTETS(""), "", ""},
            {OCTETS(" ~a\"'$"), " ~a\"'$", " ~a\"'$"},
            {OCTETS("\x1b[2J"), "\\x1b[2J", "\\x1b[2J"},
            {OCTETS("a\0b"), "a\\x00b", "a\\x00b"},
            {OCTETS("\r\n\t"), "\\x0d\\x0a\\x09", "\\x0d\\x0a\\x09"},
            {OCTETS("\x7f\x80\xff"), "\\x7f\\x80\\xff", "\\x7f\\x80\\xff"},
            {OCTETS("\\x41"), "\\x5cx41", "\\x41"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        check(escape_put, table[i].given, table[i].value);
        check(escape_controls, table[i].given, table[i].sentence);
    }
}

TEST(values_of_a_configuration)
{
    static const struct {
        const char *given;
        const char *wanted;
    } table[] = {
            {"", "\"\""},
            {"/etc/key", "\"/etc/key\""},
            {"a\"b", "\"a\\\"b\""},
            {"a\\b", "\"a\\\\b\""},
            {"a'b", "\"a'b\""},
            {"a$b{", "\"a$b{\""},
            {"${x}", "'${x}'"},
            {"${x}'\"\\", "'${x}\\'\"\\\\'"},
            {"\x1b", "\"\\x1b\""},
            {"a\n\tb\r\n", "\"a\n\tb\\r\n\""},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check(escape_quoted, text_of(table[i].given), table[i].wanted);
}
