// SPDX-License-Identifier: ISC
#include "users/difference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char pinned_word[] = "pinned=yes";

/* Keys of rows that go. */
struct removed {
    char *octets; /* each with a NUL behind it */
    size_t len;
    size_t size;
};

struct difference {
    struct row_set_row *rows;
    size_t count;
    struct removed removed;
    bool was_empty;
};

struct comparison {
    struct difference *difference;
    struct directory_counts *counts;
    size_t next; /* gathered row */
    bool no_memory;
};

void difference_free(struct difference **difference)
{
    if (*difference == NULL)
        return;
    free((*difference)->removed.octets);
    free(*difference);
    *difference = NULL;
}

static bool difference_remember(struct removed *removed, struct text key)
{
    if (removed->size - removed->len <= key.len) {
        const size_t size = removed->size * 2 + 65536; /* more than a key has */
        char *larger = realloc(removed->octets, size);
        if (larger == NULL)
            return false;
        removed->octets = larger;
        removed->size = size;
    }
    memcpy(removed->octets + removed->len, key.at, key.len);
    removed->len += key.len;
    removed->octets[removed->len++] = '\0';
    return true;
}

/* row_format() writes it last, and no host has a `=`. */
static bool is_pinned(struct text values)
{
    const size_t len = sizeof pinned_word - 1;

    return values.len >= len && memcmp(values.at + values.len - len, pinned_word, len) == 0;
}

static int difference_compare(struct text a, struct text b)
{
    const int by_octets = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

    return by_octets != 0 ? by_octets : (a.len > b.len) - (a.len < b.len);
}

static void difference_meet(
        struct directory_counts *counts, struct row_set_row *row, struct text values)
{
    if (is_pinned(values)) {
        row->state = ROW_SET_HIDDEN;
        counts->hidden++;
    } else if (text_equal(values, row_set_values(row))) {
        row->state = ROW_SET_SAME;
    } else {
        row->state = ROW_SET_CHANGED;
        counts->changed++;
    }
}

static bool difference_take_row(void *context, struct text key, struct text values)
{
    struct comparison *c = context;
    struct difference *d = c->difference;
    int order = 1;

    *(is_pinned(values) ? &c->counts->pinned : &c->counts->before) += 1;
    while (c->next < d->count &&
            (order = difference_compare(row_set_key(&d->rows[c->next]), key)) < 0)
        c->next++;
    if (c->next < d->count && order == 0) {
        difference_meet(c->counts, &d->rows[c->next++], values);
    } else if (!is_pinned(values)) {
        c->no_memory = !difference_remember(&d->removed, key);
        c->counts->removed++;
    }
    return !c->no_memory;
}

struct difference *difference_find(struct table *table, struct row_set *rows,
        struct directory_counts *counts_r, char error_r[TABLE_ERROR_MAX])
{
    struct difference *d = calloc(1, sizeof *d);
    struct comparison c = {.difference = d, .counts = counts_r, .no_memory = d == NULL};
    enum table_result result = TABLE_OK;

    if (d != NULL) {
        d->rows = row_set_rows(rows, &d->count);
        result = table_each(table, difference_take_row, &c);
    }
    if (result != TABLE_OK || c.no_memory) {
        snprintf(error_r, TABLE_ERROR_MAX, "%s",
                c.no_memory ? strerror(ENOMEM) : table_error(table));
        difference_free(&d);
        return NULL;
    }
    counts_r->after = d->count - counts_r->hidden;
    counts_r->added = counts_r->after + counts_r->removed - counts_r->before;
    d->was_empty = counts_r->before + counts_r->pinned == 0;
    return d;
}

static enum table_result delete_removed(const struct removed *removed, struct table *table)
{
    struct reader keys = reader_of((struct text){removed->octets, removed->len});
    enum table_result result = TABLE_OK;

    while (result != TABLE_ERROR && keys.rest.len > 0)
        result = table_delete(table, reader_until(&keys, '\0'));
    return result != TABLE_ERROR ? TABLE_OK : result;
}

static enum table_result difference_put(const struct row_set_row *rows, struct table *table)
{
    char why[ROW_ERROR_MAX];
    struct row row;

    return row_parse(row_set_values(rows), &row, why) /* as it did when it was gathered */
                   ? table_put(table, row_set_key(rows), &row)
                   : TABLE_ERROR;
}

enum table_result difference_write(const struct difference *d, struct table *table)
{
    enum table_result result = d->was_empty ? table_clear(table, false) : TABLE_OK;

    if (result == TABLE_OK)
        result = delete_removed(&d->removed, table);
    for (size_t i = 0; result == TABLE_OK && i < d->count; i++)
        if (d->rows[i].state == ROW_SET_NEW || d->rows[i].state == ROW_SET_CHANGED)
            result = difference_put(&d->rows[i], table);
    return result;
}
