// SPDX-License-Identifier: ISC
#include "command/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command/escape.h"
#include "users/arena.h"

#define LINE_OCTETS (ADDRESS_MAX * 4 + ROW_TEXT_MAX) /* more than a line with a row can have */

struct entry {
    const char *at; /* the key, followed by the values */
    unsigned line;
    unsigned short key_len;
    unsigned short values_len;
};

struct rows {
    struct arena arena;
    struct entry *entries;
    size_t count;
    size_t size;
};

struct reading {
    FILE *in;
    const char *name;
    FILE *complaints;
    unsigned line;
    size_t wrong;
    bool too_long;
    bool no_memory;
    struct rows *rows;
    char octets[LINE_OCTETS];
};

void rows_free(struct rows **rows)
{
    struct rows *r = *rows;

    if (r == NULL)
        return;
    arena_free(&r->arena);
    free(r->entries);
    free(r);
    *rows = NULL;
}

size_t rows_count(const struct rows *rows)
{
    return rows->count;
}

struct rows_entry rows_entry(const struct rows *rows, size_t index)
{
    const struct entry *e = &rows->entries[index];

    return (struct rows_entry){{e->at, e->key_len}, {e->at + e->key_len, e->values_len}};
}

static struct entry *new_entry(struct rows *rows)
{
    if (rows->count == rows->size) {
        const size_t size = rows->size > 0 ? rows->size * 2 : 1024;
        struct entry *larger = reallocarray(rows->entries, size, sizeof *larger);
        if (larger == NULL)
            return NULL;
        rows->entries = larger;
        rows->size = size;
    }
    return &rows->entries[rows->count++];
}

static bool rows_add(struct rows *rows, struct text key, struct text values, unsigned line)
{
    char *buffer = arena_keep(&rows->arena, key.len + values.len);
    struct entry *entry = buffer != NULL ? new_entry(rows) : NULL;

    if (entry == NULL)
        return false;
    memcpy(buffer, key.at, key.len);
    if (values.len > 0)
        memcpy(buffer + key.len, values.at, values.len);
    /* Both lengths are parts of one line, so they fit. */
    *entry = (struct entry){buffer, line, (unsigned short)key.len, (unsigned short)values.len};
    return true;
}

static void rows_complain(struct reading *r, unsigned line, const char *sentence)
{
    if (++r->wrong > ROWS_WRONG_SHOWN)
        return;
    escape_controls(r->complaints, text_of(r->name));
    fprintf(r->complaints, ":%u: ", line);
    escape_controls(r->complaints, text_of(sentence));
    fputc('\n', r->complaints);
}

/* Reads the next line without its end. A line too long for a row is cut. False at the end of the
 * file. */
static bool next_line(struct reading *r, struct text *line_r)
{
    size_t len = 0;
    int c = getc_unlocked(r->in);

    if (c == EOF)
        return false;
    r->too_long = false;
    for (; c != EOF && c != '\n'; c = getc_unlocked(r->in)) {
        if (len < sizeof r->octets)
            r->octets[len++] = (char)c;
        else
            r->too_long = true;
    }
    r->line++;
    *line_r = text_trim((struct text){r->octets, len});
    return true;
}

/* A `#` at the start of a word begins a comment. A user may have one inside. */
static struct text rows_without_comment(struct text line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.at[i] == '#' && (i == 0 || text_is_white(line.at[i - 1])))
            return text_trim((struct text){line.at, i});
    return line;
}

static struct text cut_user(struct text *line)
{
    size_t len = 0;

    while (len < line->len && !text_is_white(line->at[len]))
        len++;
    const struct text user = {line->at, len};
    *line = text_trim((struct text){line->at + len, line->len - len});
    return user;
}

bool rows_parse(struct text values, bool pinned, struct row *row_r, char error_r[ROW_ERROR_MAX])
{
    if (!row_parse(values, row_r, error_r))
        return false;
    for (size_t i = 0; i + 6 < values.len; i++)
        if ((i == 0 || text_is_white(values.at[i - 1])) && memcmp(values.at + i, "pinned=", 7) == 0)
            return true;
    row_r->pinned = pinned;
    return true;
}

static void rows_take_line(struct reading *r, struct text line)
{
    char buffer[ADDRESS_MAX + 1];
    char error[ROW_ERROR_MAX];
    struct text values = line;
    struct text key;
    struct row row;

    const struct text user = cut_user(&values);
    if (r->too_long) {
        rows_complain(r, r->line, "too long: expected a row of at most 2048 octets");
    } else if (!row_parse_user(user, buffer, &key)) {
        snprintf(error, sizeof error, "bad user: %.*s: expected local@domain or *@domain",
                (int)(user.len < 100 ? user.len : 100), user.at);
        rows_complain(r, r->line, error);
    } else if (!row_parse(values, &row, error)) {
        rows_complain(r, r->line, error);
    } else if (row.is_alias && text_equal_fold(address_text(&row.alias), key)) {
        snprintf(error, sizeof error, "bad alias: %.100s: expected another user", row.alias.text);
        rows_complain(r, r->line, error);
    } else if (!rows_add(r->rows, key, values, r->line)) {
        r->no_memory = true;
    }
}

static int rows_by_key(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    const size_t len = x->key_len < y->key_len ? x->key_len : y->key_len;
    const int by_octets = memcmp(x->at, y->at, len);

    if (by_octets != 0)
        return by_octets;
    if (x->key_len != y->key_len)
        return x->key_len < y->key_len ? -1 : 1;
    return x->line < y->line ? -1 : 1;
}

static bool is_same_user(const struct entry *a, const struct entry *b)
{
    return a->key_len == b->key_len && memcmp(a->at, b->at, a->key_len) == 0;
}

static void rows_find_duplicates(struct reading *r)
{
    const struct entry *first = r->rows->entries;
    char sentence[ADDRESS_MAX + 100];

    for (size_t i = 1; i < r->rows->count; i++) {
        const struct entry *e = &r->rows->entries[i];
        if (!is_same_user(first, e)) {
            first = e;
            continue;
        }
        snprintf(sentence, sizeof sentence,
                "a second row: %.*s: expected one, and the first is in line %u", e->key_len, e->at,
                first->line);
        rows_complain(r, e->line, sentence);
    }
}

static enum rows_result rows_read_all(struct reading *r)
{
    struct text line;

    while (!r->no_memory && next_line(r, &line)) {
        line = rows_without_comment(line);
        if (line.len > 0)
            rows_take_line(r, line);
    }
    if (r->no_memory)
        return ROWS_NO_MEMORY;
    if (ferror(r->in))
        return ROWS_UNREADABLE;
    if (r->rows->count > 0)
        qsort(r->rows->entries, r->rows->count, sizeof *r->rows->entries, rows_by_key);
    rows_find_duplicates(r);
    if (r->wrong > ROWS_WRONG_SHOWN)
        fprintf(r->complaints, "... and %zu more\n", r->wrong - ROWS_WRONG_SHOWN);
    return r->wrong == 0 ? ROWS_OK : ROWS_WRONG;
}

enum rows_result rows_read(FILE *in, const char *name, FILE *complaints, struct rows **rows_r)
{
    struct reading r = {.in = in, .name = name, .complaints = complaints};

    r.rows = calloc(1, sizeof *r.rows);
    const enum rows_result result = r.rows != NULL ? rows_read_all(&r) : ROWS_NO_MEMORY;
    const int error = errno;
    if (result == ROWS_OK)
        *rows_r = r.rows;
    else
        rows_free(&r.rows);
    errno = error;
    return result;
}
