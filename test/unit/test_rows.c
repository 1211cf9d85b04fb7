// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/rows.h"
#include "unit.h"

/* What becomes of a text: its rows, `key values;` each, or the complaints; to be freed. */
static char *read_file(FILE *in, enum rows_result *result_r)
{
    char *text = NULL;
    size_t size = 0;
    struct rows *rows = NULL;
    FILE *out = open_memstream(&text, &size);

    *result_r = rows_read(in, "f", out, &rows);
    fclose(in);
    for (size_t i = 0; *result_r == ROWS_OK && i < rows_count(rows); i++) {
        const struct rows_entry e = rows_entry(rows, i);
        fprintf(out, "%.*s %.*s;", (int)e.key.len, e.key.at, (int)e.values.len, e.values.at);
    }
    fclose(out);
    rows_free(&rows);
    return text;
}

static FILE *file_of(const char *text, size_t len)
{
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    rewind(file);
    return file;
}

static void check(const char *text, size_t len, enum rows_result want_result, const char *want)
{
    enum rows_result result;
    char *got = read_file(file_of(text, len), &result);

    if (result != want_result || strcmp(got, want) != 0)
        fail_msg("got %d \"%s\", want %d \"%s\"", (int)result, got, (int)want_result, want);
    free(got);
}

TEST(texts_become_rows)
{
    static const char *const texts[][2] = {
            {"", ""},
            {"\n\n \t\n\r\n", ""},
            {"# nothing\n   # here\r\n#", ""},
            {"a@x", "a@x ;"},
            {"a@x\n", "a@x ;"},
            {"a@x\r\n", "a@x ;"},
            {"b@x hosts=h\nA@X\thosts=  \r\n*@x", "*@x ;a@x hosts=;b@x hosts=h;"},
            {"#a@x\n  a@x   pinned=yes \t hosts=h  \n", "a@x pinned=yes \t hosts=h;"},
            {"a#b@x\n", "a#b@x ;"},
            {"a@x # who it is\na#b@x\thosts=h\t#hosts=g\r\nc@x #\n", "a#b@x hosts=h;a@x ;c@x ;"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check(texts[i][0], strlen(texts[i][0]), ROWS_OK, texts[i][1]);
}

#define WRONG(text, want) check(text, sizeof(text) - 1, ROWS_WRONG, want)

TEST(wrong_lines_are_all_named)
{
    WRONG("a\n", "f:1: bad user: a: expected local@domain or *@domain\n");
    WRONG("a@x\n\n# c\nb@x host=a\nc@x hosts=a_b\n",
            "f:4: unknown name: host: expected hosts, more_hosts, allow_unauthorized, "
            "not_before, alias or pinned\nf:5: bad host: a_b: expected a domain name\n");
    WRONG("a@x alias=A@x\n", "f:1: bad alias: a@x: expected another user\n");
    WRONG("b@x\na@x\nA@x hosts=\na@X\n",
            "f:3: a second row: a@x: expected one, and the first is in line 2\n"
            "f:4: a second row: a@x: expected one, and the first is in line 2\n");
    WRONG("\x1b[1m@x\n\0@x\n", "f:1: bad user: \\x1b[1m@x: expected local@domain or *@domain\n"
                               "f:2: bad user: : expected local@domain or *@domain\n");
    WRONG("a@x b\0c\n", "f:1: control octets: expected none but white space\n");
}

TEST(a_long_line_is_one_complaint)
{
    const size_t len = 5000000;
    char *text = malloc(len);

    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text, "a@x\n", 4);
    text[len - 5] = '\n';
    check(text, len, ROWS_WRONG,
            "f:2: too long: expected a row of at most 2048 octets\n"
            "f:3: bad user: xxxx: expected local@domain or *@domain\n");
    free(text);
}

TEST(complaints_have_a_limit)
{
    char text[1000];
    enum rows_result result;
    size_t lines = 0;

    memset(text, '\n', sizeof text);
    for (size_t i = 0; i < sizeof text; i += 2)
        text[i] = 'x';
    char *got = read_file(file_of(text, sizeof text), &result);
    assert_int_equal(result, ROWS_WRONG);
    for (const char *c = got; *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, ROWS_WRONG_SHOWN + 1);
    assert_non_null(strstr(got, "f:100: "));
    assert_non_null(strstr(got, "\n... and 400 more\n"));
    free(got);
}

TEST(many_rows_are_sorted)
{
    FILE *file = tmpfile();
    struct rows *rows = NULL;

    assert_non_null(file);
    for (unsigned i = 0; i < 50000; i++)
        fprintf(file, "user%05u@example.org hosts=h%u.example.org\n", i * 7919 % 50000, i);
    rewind(file);
    assert_int_equal(rows_read(file, "f", stderr, &rows), ROWS_OK);
    fclose(file);
    assert_int_equal(rows_count(rows), 50000);
    for (unsigned i = 0; i < 50000; i++) {
        char want[64];
        snprintf(want, sizeof want, "user%05u@example.org", i);
        assert_true(text_equal(rows_entry(rows, i).key, text_of(want)));
    }
    rows_free(&rows);
    assert_null(rows);
    rows_free(&rows);
}

TEST(what_cannot_be_read_is_said)
{
    FILE *folder = fopen("/", "r");
    enum rows_result result;

    assert_non_null(folder);
    free(read_file(folder, &result));
    assert_int_equal(result, ROWS_UNREADABLE);
}

TEST(a_row_is_pinned_unless_it_says)
{
    static const struct {
        const char *values;
        bool by_default;
        bool want;
    } rows[] = {
            {"", false, false},
            {"", true, true},
            {"hosts=a", true, true},
            {"pinned=no", true, false},
            {"pinned=yes", false, true},
            {"hosts=a pinned=no", true, false},
            {"hosts=a\tpinned=no", true, false},
            {"alias=pinned=no@x", true, true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char error[ROW_ERROR_MAX];
        struct row row;
        assert_true(rows_parse(text_of(rows[i].values), rows[i].by_default, &row, error));
        if (row.pinned != rows[i].want)
            fail_msg("\"%s\": got %d, want %d", rows[i].values, row.pinned, rows[i].want);
    }
}
