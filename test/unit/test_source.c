// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/source.h"
#include "folder.h"
#include "unit.h"

struct prepared {
    const char *text;
    const char *want; /* NULL: the problems */
    const char *problems;
};

static void check(const struct prepared *row, size_t len)
{
    struct problems *problems = problems_init("f");
    char *text = malloc(len + 1);

    assert_non_null(text);
    memcpy(text, row->text, len + 1);
    const bool ok = source_prepare(text, len, problems);
    const char *want_problems = row->problems != NULL ? row->problems : "";
    if (ok != (row->problems == NULL) || strcmp(problems_text(problems), want_problems) != 0 ||
            (ok && strcmp(text, row->want) != 0)) {
        print_error("%s\ngot  %d: %s: %s\nwant %s: %s\n", row->text, ok, text,
                problems_text(problems), row->want != NULL ? row->want : "", want_problems);
        fail();
    }
    free(text);
    problems_free(&problems);
}

TEST(comments_become_blanks)
{
    static const struct prepared table[] = {
            {"", "", NULL},
            {"\n", "\n", NULL},
            {"a = b", "a = b", NULL},
            {"# a\nb", "   \nb", NULL},
            {"#", " ", NULL},
            {"// a\nb", "    \nb", NULL},
            {"a // b", "a     ", NULL},
            {"a #b\r\nc", "a    \nc", NULL},
            {"/* a */b", "       b", NULL},
            {"/**/b", "    b", NULL},
            {"/***/b", "     b", NULL},
            {"/*/ */b", "      b", NULL},
            {"/* \n\n */b", "   \n\n   b", NULL},
            {"/* # \" ' // */b", "              b", NULL},
            {"a/b", "a/b", NULL},
            {"/", "/", NULL},
            {"a = /b//c", "a = /b//c", NULL}, /* inside a word */
            {"a = b#c\nd", "a = b  \nd", NULL},
            {"a =//b\nc", "a =   \nc", NULL},
            {"a{/*b*/}", "a{     }", NULL},
            {"a\"#b\"c", "a\"#b\"c", NULL},
            {"\"// a\" 'b /* c' # d", "\"// a\" 'b /* c'    ", NULL},
            {"\"a\\\"#b\" # c", "\"a\\\"#b\"    ", NULL},
            {"'a\\'#b' # c", "'a\\'#b'    ", NULL},
            {"\"a\\\\\" # c", "\"a\\\\\"    ", NULL},
            {"\"a'b\" # c", "\"a'b\"    ", NULL},
            {"\"a\n#b\" # c\n", "\"a\n#b\"    \n", NULL},
            {"\"a\\\n#b\" # c\n", "\"a\\\n#b\"    \n", NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check(&table[i], strlen(table[i].text));
}

#define NUMBERED "an octet by its number: expected the octet itself\n"
#define VARIABLE "a variable: ${: expected the value itself: the environment is not looked at\n"
#define QUOTE "a text in quotes that does not end: expected its quote\n"
#define BARE(c)                                                                                    \
    "an octet that has no place outside of quotes: " c                                             \
    ": expected double quotes around a value, and `=` behind a name\n"

TEST(what_would_be_lost_is_refused)
{
    static const struct prepared table[] = {
            {"\n\n/* a\n\n", NULL, "f:3: a comment that does not end: expected */\n"},
            {"/*/", NULL, "f:1: a comment that does not end: expected */\n"},
            {"\n\"a\\", NULL, "f:2: " QUOTE},
            {"\"\" \"a\n\\\"", NULL, "f:1: " QUOTE},
            {"a {\n\n'a\\'", NULL, "f:3: " QUOTE},
            {"a {\n b {\n }\n", NULL, "f:1: a `{` that is not closed: expected }\n"},
            {"a {\n}\nb {\n c = {1,\n", NULL, "f:3: a `{` that is not closed: expected }\n"},
            {"a { } }", "a { } }", NULL}, /* libconfuse will say it */
            {"a { b = \"}\" '}' # }\n /* } */", NULL,
                    "f:1: a `{` that is not closed: expected }\n"},
            {"\n\"${A}\"\n\n${B} c${D} # ${E}\n'${F}' /* ${G} */", NULL,
                    "f:2: " VARIABLE "f:4: " VARIABLE "f:4: " VARIABLE},
            {"\"\\${A}\" \"$ {A}\" $A", "\"\\${A}\" \"$ {A}\" $A", NULL},
            {"\"\\\\${A}\"", NULL, "f:1: " VARIABLE},
            {"\"\\0\"\n\"\\x41\"\n\"\\101\" \"\\9\"", NULL,
                    "f:1: " NUMBERED "f:2: " NUMBERED "f:3: " NUMBERED "f:3: " NUMBERED},
            {"\"\\\\0\\\\x00\" '\\0' \\0", "\"\\\\0\\\\x00\" '\\0' \\0", NULL},
            {"a = *\nb += c\n\"*+\" '*+' # *+", NULL, "f:1: " BARE("*") "f:2: " BARE("+")},
            {"a/*b", NULL, "f:1: " BARE("*")},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check(&table[i], strlen(table[i].text));
}

TEST(nul_ends_it)
{
    static const struct prepared table[] = {
            {"\0", NULL, "f:1: a NUL octet: expected text\n"},
            {"a\n\n\0#", NULL, "f:3: a NUL octet: expected text\n"},
            {"#\0", NULL, "f:1: a NUL octet: expected text\n"},
            {"\"\\\0", NULL, "f:1: a NUL octet: expected text\n"},
            {"/*\0", NULL, "f:1: a NUL octet: expected text\n"},
    };
    static const size_t lens[] = {1, 5, 2, 3, 3};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check(&table[i], lens[i]);
}

/* How a file of so many octets ends; only its last is no blank. */
static void check_size(const struct folder *folder, size_t size, const char *want)
{
    struct problems *problems = problems_init("f");
    char path[FOLDER_PATH_MAX];
    char *content = malloc(size);

    assert_non_null(content);
    memset(content, ' ', size);
    if (size > 0)
        content[size - 1] = 'x';
    folder_write(folder, "f", content, size, 0600);
    folder_path(folder, "f", path);
    char *text = source_read(path, problems);
    if (strcmp(problems_text(problems), want) != 0) {
        print_error("%zu octets: got %swant %s", size, problems_text(problems), want);
        fail();
    }
    assert_true((text != NULL) == (want[0] == '\0'));
    if (text != NULL) {
        assert_int_equal(strlen(text), size);
        assert_memory_equal(text, content, size);
    }
    free(text);
    free(content);
    problems_free(&problems);
}

TEST(files_at_their_edges)
{
    static const size_t sizes[] = {0, 1, 16382, 16383, 16384, 16385, 32767, 32768, 100000};
    const struct folder folder = folder_make();

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_size(&folder, sizes[i], "");
    check_size(&folder, SOURCE_MAX, "");
    check_size(&folder, SOURCE_MAX + 1, "f: cannot be read: File too large\n");
    folder_remove(&folder);
}

TEST(files_that_cannot_be_read)
{
    const struct folder folder = folder_make();
    struct problems *problems = problems_init("f");
    char path[FOLDER_PATH_MAX];

    folder_path(&folder, "nothing", path);
    assert_null(source_read(path, problems));
    assert_null(source_read(folder.path, problems));
    assert_string_equal(problems_text(problems), "f: cannot be read: No such file or directory\n"
                                                 "f: cannot be read: Is a directory\n");
    problems_free(&problems);
    folder_remove(&folder);
}
