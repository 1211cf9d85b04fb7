// SPDX-License-Identifier: ISC
#include "fixture_table.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

struct folder fixture_table_folder;
char fixture_table_path[FOLDER_PATH_MAX];

void fixture_table_set_up(void)
{
    fixture_table_folder = folder_make();
    folder_path(&fixture_table_folder, "t", fixture_table_path);
}

void fixture_table_tear_down(void)
{
    folder_remove(&fixture_table_folder);
}

void fixture_table_must(bool holds)
{
    if (!holds)
        abort();
}

struct table *fixture_table_open(bool write)
{
    char error[TABLE_ERROR_MAX] = "";
    struct table *t = write ? table_open_to_write(fixture_table_path, error)
                            : table_open_to_read(fixture_table_path, error);

    if (t == NULL)
        print_error("%s\n", error);
    fixture_table_must(t != NULL);
    return t;
}

void fixture_table_put(struct table *t, const char *user, const char *values)
{
    char error[ROW_ERROR_MAX];
    struct row row;

    fixture_table_must(row_parse(text_of(values), &row, error));
    fixture_table_must(table_put(t, text_of(user), &row) == TABLE_OK);
}

void fixture_table_build(const char *const *rows)
{
    struct table *t = fixture_table_open(true);

    fixture_table_must(table_begin(t) == TABLE_OK && table_clear(t, false) == TABLE_OK);
    for (; *rows != NULL; rows += 2)
        fixture_table_put(t, rows[0], rows[1]);
    fixture_table_must(table_commit(t) == TABLE_OK);
    table_close(&t);
}

void fixture_table_user(char buffer_r[64], size_t i)
{
    snprintf(buffer_r, 64, "user%06zu@example.org", i);
}

void fixture_table_build_many(struct table *t, unsigned version)
{
    char user[64];
    char values[64];

    fixture_table_must(table_begin(t) == TABLE_OK && table_clear(t, false) == TABLE_OK);
    snprintf(values, sizeof values, "hosts=v%u", version);
    for (size_t i = 0; i < FIXTURE_TABLE_MANY; i++) {
        fixture_table_user(user, i);
        fixture_table_put(t, user, values);
    }
    fixture_table_must(table_commit(t) == TABLE_OK);
}

const char *fixture_table_found(struct table *t, const char *local, const char *domain)
{
    static char buffer[ROW_TEXT_MAX + 1];
    struct writer w = writer_of(buffer, ROW_TEXT_MAX);
    struct row row;

    switch (table_find(t, text_of(local), text_of(domain), &row)) {
    case TABLE_OK:
        fixture_table_must(row_format(&row, &w));
        *w.at = '\0';
        return buffer;
    case TABLE_ABSENT:
        return "absent";
    case TABLE_ERROR:
        break;
    }
    return table_error(t);
}

bool fixture_table_look_at(void *context, struct text key, struct text values)
{
    struct fixture_table_look *l = context;
    struct reader r = reader_of(values);
    uint64_t version = 0;

    (void)key;
    (void)reader_until(&r, 'v');
    fixture_table_must(text_decimal(reader_rest(&r), UINT32_MAX, &version));
    l->mixed = l->mixed || (l->rows > 0 && version != l->version);
    l->version = (unsigned)version;
    l->rows++;
    return true;
}
