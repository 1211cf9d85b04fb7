// SPDX-License-Identifier: ISC
#include "tabled.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

struct folder tabled_folder;
char tabled_path[FOLDER_PATH_MAX];

void tabled_set_up(void)
{
    tabled_folder = folder_make();
    folder_path(&tabled_folder, "t", tabled_path);
}

void tabled_tear_down(void)
{
    folder_remove(&tabled_folder);
}

void tabled_must(bool holds)
{
    if (!holds)
        abort();
}

struct table *tabled_open(bool write)
{
    char why[TABLE_WHY_MAX] = "";
    struct table *t =
            write ? table_open_to_write(tabled_path, why) : table_open_to_read(tabled_path, why);

    if (t == NULL)
        print_error("%s\n", why);
    tabled_must(t != NULL);
    return t;
}

void tabled_put(struct table *t, const char *user, const char *values)
{
    char why[ROW_WHY_MAX];
    struct row row;

    tabled_must(row_parse(text_of(values), &row, why));
    tabled_must(table_put(t, text_of(user), &row) == TABLE_OK);
}

void tabled_build(const char *const *rows)
{
    struct table *t = tabled_open(true);

    tabled_must(table_begin(t) == TABLE_OK && table_clear(t, false) == TABLE_OK);
    for (; *rows != NULL; rows += 2)
        tabled_put(t, rows[0], rows[1]);
    tabled_must(table_commit(t) == TABLE_OK);
    table_close(&t);
}

void tabled_user(char room_r[64], size_t i)
{
    snprintf(room_r, 64, "user%06zu@example.org", i);
}

void tabled_build_many(struct table *t, unsigned version)
{
    char user[64];
    char values[64];

    tabled_must(table_begin(t) == TABLE_OK && table_clear(t, false) == TABLE_OK);
    snprintf(values, sizeof values, "hosts=v%u", version);
    for (size_t i = 0; i < TABLED_MANY; i++) {
        tabled_user(user, i);
        tabled_put(t, user, values);
    }
    tabled_must(table_commit(t) == TABLE_OK);
}

const char *tabled_found(struct table *t, const char *local, const char *domain)
{
    static char room[ROW_TEXT_MAX + 1];
    struct writer w = writer_of(room, ROW_TEXT_MAX);
    struct row row;

    switch (table_find(t, text_of(local), text_of(domain), &row)) {
    case TABLE_OK:
        tabled_must(row_format(&row, &w));
        *w.at = '\0';
        return room;
    case TABLE_ABSENT:
        return "absent";
    case TABLE_ERROR:
        break;
    }
    return table_error(t);
}

bool tabled_look_at(void *context, struct text key, struct text values)
{
    struct tabled_look *l = context;
    struct reader r = reader_of(values);
    uint64_t version = 0;

    (void)key;
    (void)reader_until(&r, 'v');
    tabled_must(text_decimal(reader_rest(&r), UINT32_MAX, &version));
    l->mixed = l->mixed || (l->rows > 0 && version != l->version);
    l->version = (unsigned)version;
    l->rows++;
    return true;
}
