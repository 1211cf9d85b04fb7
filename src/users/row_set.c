// SPDX-License-Identifier: ISC
#include "users/row_set.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "users/arena.h"

#define SHOWN_MAX 200 /* octets of a value or an origin in a message */

struct row_set {
    const struct directory_notes *notes;
    struct arena arena;
    struct row_set_row *rows;
    size_t count;
    size_t size;
    struct text origin; /* the last origin; all rows of an entry share it */
    uint64_t skipped;
    uint64_t passed;
    uint64_t wrong;
};

struct row_set *row_set_init(const struct directory_notes *notes)
{
    struct row_set *g = calloc(1, sizeof *g);

    if (g != NULL)
        g->notes = notes;
    return g;
}

void row_set_free(struct row_set **rows)
{
    struct row_set *g = *rows;

    if (g == NULL)
        return;
    arena_free(&g->arena);
    free(g->rows);
    free(g);
    *rows = NULL;
}

struct row_set_row *row_set_rows(struct row_set *g, size_t *count_r)
{
    *count_r = g->count;
    return g->rows;
}

struct text row_set_key(const struct row_set_row *row)
{
    return (struct text){row->at, row->key_len};
}

struct text row_set_values(const struct row_set_row *row)
{
    return (struct text){row->at + row->key_len, row->values_len};
}

uint64_t row_set_skipped(const struct row_set *g)
{
    return g->skipped;
}

uint64_t row_set_passed(const struct row_set *g)
{
    return g->passed;
}

static int row_set_shown(struct text t)
{
    return (int)(t.len < SHOWN_MAX ? t.len : SHOWN_MAX);
}

void row_set_skip(struct row_set *g, struct text value, struct text origin)
{
    char sentence[DIRECTORY_ERROR_MAX];

    if (++g->skipped > DIRECTORY_NOTES_MAX)
        return;
    snprintf(sentence, sizeof sentence, "%.*s: no address: %.*s: left out", row_set_shown(origin),
            origin.at, row_set_shown(value), value.len > 0 ? value.at : "");
    g->notes->tell(g->notes->context, sentence);
}

void row_set_pass(struct row_set *g)
{
    g->passed++;
}

void row_set_refuse(struct row_set *g, struct text origin, const char *error)
{
    char sentence[DIRECTORY_ERROR_MAX];

    if (++g->wrong > DIRECTORY_NOTES_MAX)
        return;
    snprintf(sentence, sizeof sentence, "%.*s: %s", row_set_shown(origin), origin.at, error);
    g->notes->tell(g->notes->context, sentence);
}

/* Stores the origin with a NUL, once for all rows of an entry. */
static bool keep_origin(struct row_set *g, struct text origin)
{
    if (g->origin.at != NULL && text_equal(g->origin, origin))
        return true;
    char *buffer = arena_keep(&g->arena, origin.len + 1);
    if (buffer == NULL)
        return false;
    memcpy(buffer, origin.at, origin.len);
    buffer[origin.len] = '\0';
    g->origin = (struct text){buffer, origin.len};
    return true;
}

static bool row_set_add(struct row_set *g, struct text key, struct text values, struct text origin)
{
    if (g->count == g->size) {
        const size_t size = g->size > 0 ? g->size * 2 : 1024;
        struct row_set_row *larger = reallocarray(g->rows, size, sizeof *larger);
        if (larger == NULL)
            return false;
        g->rows = larger;
        g->size = size;
    }
    char *buffer = keep_origin(g, origin) ? arena_keep(&g->arena, key.len + values.len) : NULL;
    if (buffer == NULL)
        return false;
    memcpy(buffer, key.at, key.len);
    memcpy(buffer + key.len, values.at, values.len);
    g->rows[g->count++] = (struct row_set_row){.at = buffer,
            .origin = g->origin.at,
            .key_len = (unsigned short)key.len,
            .values_len = (unsigned short)values.len};
    return true;
}

bool row_set_put(struct row_set *g, struct text user, struct text values, struct text origin)
{
    char octets[ROW_TEXT_MAX];
    char buffer[ADDRESS_MAX + 1];
    char error[ROW_ERROR_MAX];
    char sentence[ADDRESS_MAX + ROW_ERROR_MAX];
    struct writer w = writer_of(octets, sizeof octets);
    struct text key;
    struct row row;

    if (!row_parse_user(user, buffer, &key)) {
        row_set_skip(g, user, origin);
        return true;
    }
    if (!row_parse(values, &row, error)) {
        snprintf(sentence, sizeof sentence, "%.*s: %s", (int)key.len, key.at, error);
        row_set_refuse(g, origin, sentence);
        return true;
    }
    if (row.is_alias && text_equal_fold(address_text(&row.alias), key)) {
        snprintf(sentence, sizeof sentence, "bad alias: %s: expected another user", row.alias.text);
        row_set_refuse(g, origin, sentence);
        return true;
    }
    return row_format(&row, &w) && row_set_add(g, key, writer_text(&w), origin);
}

/* LMDB's key order. */
static int row_set_by_key(const void *a, const void *b)
{
    const struct row_set_row *left = a;
    const struct row_set_row *right = b;
    const size_t shorter = left->key_len < right->key_len ? left->key_len : right->key_len;
    const int by_octets = memcmp(left->at, right->at, shorter);

    return by_octets != 0 ? by_octets
                          : (left->key_len > right->key_len) - (left->key_len < right->key_len);
}

/* Whether a row is a repetition: an entry renamed while pages are read may come twice. */
static bool is_again(const struct row_set_row *a, const struct row_set_row *b)
{
    return strcmp(a->origin, b->origin) == 0 && text_equal(row_set_values(a), row_set_values(b));
}

static void row_set_find_duplicates(struct row_set *g)
{
    char sentence[DIRECTORY_ERROR_MAX];
    size_t kept = 0;

    for (size_t i = 0; i < g->count; i++) {
        const struct row_set_row row = g->rows[i];
        const struct row_set_row *before = kept > 0 ? &g->rows[kept - 1] : NULL;
        if (before == NULL || !text_equal(row_set_key(before), row_set_key(&row))) {
            g->rows[kept++] = row;
        } else if (!is_again(before, &row)) {
            snprintf(sentence, sizeof sentence, "%.*s: expected once, and it is at %.*s as well",
                    row_set_shown(row_set_key(&row)), row.at, SHOWN_MAX, row.origin);
            row_set_refuse(g, text_of(before->origin), sentence);
        }
    }
    g->count = kept;
}

bool row_set_finish(struct row_set *g, char error_r[DIRECTORY_ERROR_MAX])
{
    if (g->count > 0)
        qsort(g->rows, g->count, sizeof *g->rows, row_set_by_key);
    row_set_find_duplicates(g);
    snprintf(error_r, DIRECTORY_ERROR_MAX, "%" PRIu64 " %s wrong", g->wrong,
            g->wrong == 1 ? "row is" : "rows are");
    return g->wrong == 0;
}

static const char pinned_word[] = "pinned=yes";

/* The keys of rows to delete. */
struct removed {
    char *octets; /* each with its NUL */
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
    size_t next; /* index of the next row of the set */
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
        const size_t size = removed->size * 2 + 65536; /* more than a key needs */
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

/* row_format() writes this word last, and no host contains `=`. */
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

enum table_result difference_write(const struct difference *d, struct table *table)
{
    struct reader removed = reader_of((struct text){d->removed.octets, d->removed.len});
    enum table_result result = d->was_empty ? table_clear(table, false) : TABLE_OK;
    char error[ROW_ERROR_MAX];
    struct row row;

    while (result != TABLE_ERROR && removed.rest.len > 0)
        result = table_delete(table, reader_until(&removed, '\0'));
    for (size_t i = 0; result != TABLE_ERROR && i < d->count; i++) {
        const struct row_set_row *put = &d->rows[i];
        if (put->state != ROW_SET_NEW && put->state != ROW_SET_CHANGED)
            continue;
        if (!row_parse(row_set_values(put), &row, error)) /* it parsed when it was added */
            return TABLE_ERROR;
        result = table_put(table, row_set_key(put), &row);
    }
    return result != TABLE_ERROR ? TABLE_OK : TABLE_ERROR;
}
