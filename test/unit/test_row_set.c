// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "folder.h"
#include "unit.h"
#include "users/row_set.h"

static struct folder folder;
static char path[FOLDER_PATH_MAX];

static void add_note(void *context, const char *sentence)
{
    strcat(strcat(context, sentence), "\n");
}

/* `USER VALUES` a line; the origins are `1`, `2` and so on. */
static struct row_set *gather(const struct directory_notes *notes, const char *lines)
{
    struct row_set *g = row_set_init(notes);
    struct reader r = reader_of(text_of(lines));

    assert_non_null(g);
    for (int i = 1; r.rest.len > 0; i++) {
        char origin[16];
        struct reader line = reader_of(reader_field(&r, '\n'));
        const struct text user = reader_field(&line, ' ');
        snprintf(origin, sizeof origin, "%d", i);
        assert_true(row_set_put(g, user, reader_rest(&line), text_of(origin)));
    }
    return g;
}

BEFORE_ALL()
{
    folder = folder_make();
    folder_path(&folder, "users", path);
}

AFTER_ALL()
{
    folder_remove(&folder);
}

TEST(wrong_rows_are_told)
{
    static const struct {
        const char *lines;
        const char *notes;
        const char *error; /* NULL: all is good */
    } rows[] = {
            {"", "", NULL},
            {"a@x.y\nb@x.y hosts=a", "", NULL},
            {"a\n*@x.y", "1: no address: a: left out\n", NULL},
            {"a@x.y hosts=_", "1: a@x.y: bad host: _: expected a domain name\n", "1 row is wrong"},
            {"a@x.y alias=A@X.y\nb@x.y b",
                    "1: bad alias: a@x.y: expected another user\n"
                    "2: b@x.y: bad word: b: expected name=value\n",
                    "2 rows are wrong"},
            {"a@x.y\nb@x.y\nA@X.Y", "1: a@x.y: expected once, and it is at 3 as well\n",
                    "1 row is wrong"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char told[1024] = "";
        char error[DIRECTORY_ERROR_MAX];
        const struct directory_notes notes = {add_note, told};
        struct row_set *g = gather(&notes, rows[i].lines);
        const bool good = row_set_finish(g, error);
        row_set_free(&g);
        if (good != (rows[i].error == NULL) || strcmp(told, rows[i].notes) != 0 ||
                (!good && strcmp(error, rows[i].error) != 0))
            fail_msg("\"%s\": got \"%s\" (%s), want \"%s\" (%s)", rows[i].lines, told,
                    good ? "good" : error, rows[i].notes,
                    rows[i].error != NULL ? rows[i].error : "good");
    }
}

/* The same entry twice, as it was when it moved from one page to another. */
TEST(a_row_that_came_twice_is_one)
{
    char told[1024] = "";
    char error[DIRECTORY_ERROR_MAX];
    const struct directory_notes notes = {add_note, told};
    struct row_set *g = row_set_init(&notes);
    size_t count;

    assert_non_null(g);
    for (int i = 0; i < 3; i++)
        assert_true(row_set_put(g, text_of("a@x.y"), text_of("hosts=h"), text_of("cn=a")));
    assert_true(row_set_finish(g, error));
    (void)row_set_rows(g, &count);
    assert_int_equal(count, 1);
    assert_true(row_set_put(g, text_of("a@x.y"), text_of("hosts=i"), text_of("cn=a")));
    assert_false(row_set_finish(g, error));
    assert_string_equal(told, "cn=a: a@x.y: expected once, and it is at cn=a as well\n");
    row_set_free(&g);
    row_set_free(&g);
}

TEST(only_the_first_are_told)
{
    static char told[16384];
    char error[DIRECTORY_ERROR_MAX];
    const struct directory_notes notes = {add_note, told};
    struct row_set *g = row_set_init(&notes);

    assert_non_null(g);
    for (int i = 0; i < 1000; i++) {
        row_set_skip(g, text_of("no"), text_of("cn=a"));
        row_set_refuse(g, text_of("cn=a"), "why");
        row_set_pass(g);
    }
    assert_int_equal(row_set_skipped(g), 1000);
    assert_int_equal(row_set_passed(g), 1000);
    assert_false(row_set_finish(g, error));
    assert_string_equal(error, "1000 rows are wrong");
    assert_int_equal(strlen(told),
            DIRECTORY_NOTES_MAX * strlen("cn=a: no address: no: left out\ncn=a: why\n"));
    row_set_free(&g);
}

static bool print(void *context, struct text key, struct text values)
{
    sprintf((char *)context + strlen(context), "%.*s %.*s\n", (int)key.len, key.at, (int)values.len,
            values.at);
    return true;
}

/* What the table is after it was `before` and the directory said `lines`. */
static void renew(
        const char *before, const char *lines, char *after_r, struct directory_counts *counts_r)
{
    char error[DIRECTORY_ERROR_MAX];
    char table_error[TABLE_ERROR_MAX];
    struct directory_notes notes = {add_note, after_r};
    struct table *table = table_open_to_write(path, table_error);
    struct row_set *old = gather(&notes, before);
    struct row_set *new = gather(&notes, lines);
    struct difference *difference;

    after_r[0] = '\0';
    assert_non_null(table);
    assert_true(row_set_finish(old, error) && row_set_finish(new, error));
    assert_int_equal(table_begin(table), TABLE_OK);
    assert_int_equal(table_clear(table, false), TABLE_OK);
    *counts_r = (struct directory_counts){0};
    difference = difference_find(table, old, counts_r, table_error);
    assert_non_null(difference);
    assert_int_equal(difference_write(difference, table), TABLE_OK);
    difference_free(&difference);
    *counts_r = (struct directory_counts){0};
    difference = difference_find(table, new, counts_r, table_error);
    assert_non_null(difference);
    assert_int_equal(difference_write(difference, table), TABLE_OK);
    difference_free(&difference);
    difference_free(&difference);
    assert_int_equal(table_commit(table), TABLE_OK);
    assert_int_equal(table_each(table, print, after_r), TABLE_OK);
    table_close(&table);
    row_set_free(&old);
    row_set_free(&new);
}

TEST(a_table_becomes_what_was_gathered)
{
    static const struct {
        const char *before;
        const char *lines;
        const char *after;
        struct directory_counts counts;
    } rows[] = {
            {"", "", "", {0}},
            {"", "b@x.y\na@x.y hosts=h", "a@x.y hosts=h\nb@x.y \n", {.after = 2, .added = 2}},
            {"a@x.y\nb@x.y", "", "", {.before = 2, .removed = 2}},
            {"a@x.y\nc@x.y\ne@x.y", "b@x.y\nc@x.y\nd@x.y\nf@x.y",
                    "b@x.y \nc@x.y \nd@x.y \nf@x.y \n",
                    {.before = 3, .after = 4, .added = 3, .removed = 2}},
            {"a@x.y hosts=h\nb@x.y hosts=h", "a@x.y hosts=H\nb@x.y hosts=i",
                    "a@x.y hosts=h\nb@x.y hosts=i\n", {.before = 2, .after = 2, .changed = 1}},
            {"a@x.y pinned=yes\nb@x.y hosts=h pinned=yes\nc@x.y", "b@x.y\nd@x.y",
                    "a@x.y pinned=yes\nb@x.y hosts=h pinned=yes\nd@x.y \n",
                    {.before = 1, .after = 1, .added = 1, .removed = 1, .pinned = 2, .hidden = 1}},
            {"a@x.y\na@x.yy\naa@x.y", "a@x.yy\naa@x.y\na@x.y", "a@x.y \na@x.yy \naa@x.y \n",
                    {.before = 3, .after = 3}},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char after[1024];
        struct directory_counts counts;
        renew(rows[i].before, rows[i].lines, after, &counts);
        if (strcmp(after, rows[i].after) != 0)
            fail_msg("row %zu: got \"%s\", want \"%s\"", i, after, rows[i].after);
        if (memcmp(&counts, &rows[i].counts, sizeof counts) != 0)
            fail_msg("row %zu: got before %d after %d added %d changed %d removed %d pinned %d "
                     "hidden %d",
                    i, (int)counts.before, (int)counts.after, (int)counts.added,
                    (int)counts.changed, (int)counts.removed, (int)counts.pinned,
                    (int)counts.hidden);
    }
}
