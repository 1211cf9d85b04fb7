// SPDX-License-Identifier: ISC
#include "users/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "users/guard.h"
#include "users/stored.h"
#include "users/table_file.h"
#include "users/table_step.h"

#define CHECK_EVERY 100 /* milliseconds between checks that the file still exists */

enum table_result table_step_fail(struct table *table, const char *doing, int error)
{
    snprintf(table->error, sizeof table->error, "%s: %s", doing, table_file_reason(error));
    return TABLE_ERROR;
}

int table_step_do(void (*work)(void *step), struct step *step)
{
    if (!guard_run(work, step))
        step->error = MDB_CORRUPTED;
    return step->error;
}

const char *table_error(const struct table *table)
{
    return table->error;
}

static void do_abort(void *context)
{
    struct step *step = context;

    mdb_txn_abort(step->txn);
}

void table_step_abort(struct table *t, MDB_txn **txn)
{
    struct step step = {.t = t, .txn = *txn};

    if (*txn != NULL)
        (void)table_step_do(do_abort, &step);
    *txn = NULL;
}

void table_close(struct table **table)
{
    struct table *t = *table;

    if (t == NULL)
        return;
    table_step_abort(t, &t->writing);
    mdb_cursor_close(t->cursor);
    table_step_abort(t, &t->reading);
    if (t->env != NULL)
        mdb_env_close(t->env);
    free(t);
    *table = NULL;
}

/* Registers the reader in LMDB's reader table while all system calls are still allowed. */
static void do_take_place(void *context)
{
    struct step *step = context;
    struct table *t = step->t;

    step->error = mdb_txn_begin(t->env, NULL, MDB_RDONLY, &t->reading);
    if (step->error == 0)
        step->error = mdb_cursor_open(t->reading, t->dbi, &t->cursor);
    if (step->error == 0)
        mdb_txn_reset(t->reading);
}

static struct table *table_open_table(const char *path, bool write, char error_r[TABLE_ERROR_MAX])
{
    struct table *t = calloc(1, sizeof *t);

    if (t == NULL) {
        snprintf(error_r, TABLE_ERROR_MAX, "%s", strerror(ENOMEM));
        return NULL;
    }
    if (!table_file_open(path, write, &t->env, &t->dbi, error_r)) {
        free(t);
        return NULL;
    }
    struct step step = {.t = t};
    const int error = table_step_do(do_take_place, &step);
    if (error == 0)
        return t;
    snprintf(error_r, TABLE_ERROR_MAX, "%s", table_file_reason(error));
    table_close(&t);
    return NULL;
}

struct table *table_open_to_read(const char *path, char error_r[TABLE_ERROR_MAX])
{
    return table_open_table(path, false, error_r);
}

struct table *table_open_to_write(const char *path, char error_r[TABLE_ERROR_MAX])
{
    return table_open_table(path, true, error_r);
}

/* The system call would take a third of a look-up, so under load it is made only now and then. */
static int check_file(struct table *t)
{
    const uint64_t now = mono_ms();

    if (now < t->check_at)
        return 0;
    const int error = table_file_check(t->env);
    t->check_at = error == 0 ? now + CHECK_EVERY : 0;
    return error;
}

static void table_do_begin(void *context)
{
    struct step *step = context;
    struct table *t = step->t;

    if (t->writing != NULL) {
        step->error = mdb_cursor_open(t->writing, t->dbi, &step->cursor);
        return;
    }
    step->error = check_file(t);
    if (step->error == 0)
        step->error = mdb_txn_renew(t->reading);
    if (step->error == 0)
        step->error = mdb_cursor_renew(t->reading, t->cursor);
    step->cursor = t->cursor;
}

static void do_end(void *context)
{
    struct step *step = context;

    if (step->txn == step->t->reading)
        mdb_txn_reset(step->txn);
    else if (step->cursor != NULL)
        mdb_cursor_close(step->cursor);
}

/* Begins a read of the table as it is now, or within the write transaction if there is one. */
static int users_table_begin(struct table *t, struct step *step)
{
    step->t = t;
    step->txn = t->writing != NULL ? t->writing : t->reading;
    return table_step_do(table_do_begin, step);
}

static void end(struct step *step)
{
    const int error = step->error;

    (void)table_step_do(do_end, step);
    step->error = error;
}

static int table_look(struct table *t, void (*how)(void *step), struct step *step)
{
    if (users_table_begin(t, step) == 0)
        (void)table_step_do(how, step);
    end(step);
    return step->error;
}

static struct text text_of_value(const MDB_val *value)
{
    return (struct text){value->mv_data, value->mv_size};
}

static int table_compare(struct text a, struct text b)
{
    const int by_octets = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

    return by_octets != 0 ? by_octets : (a.len > b.len) - (a.len < b.len);
}

static bool is_row(const MDB_val *key, const MDB_val *value)
{
    struct row row;

    return key->mv_size <= ADDRESS_MAX && memchr(key->mv_data, '@', key->mv_size) != NULL &&
           stored_read(text_of_value(value), &row);
}

/* Checks that a missing key is really absent. A search in a damaged page finds nothing, and a user
 * who has a rule would be refused. So the entries before and after the missing key are checked. */
static int check_absent(struct step *step, struct text wanted)
{
    MDB_val key = value_of(wanted);
    MDB_val value;
    MDB_stat about;
    int error = mdb_cursor_get(step->cursor, &key, &value, MDB_SET_RANGE);

    if (error == 0 && (!is_row(&key, &value) || table_compare(text_of_value(&key), wanted) <= 0))
        return MDB_CORRUPTED;
    if (error == 0)
        error = mdb_cursor_get(step->cursor, &key, &value, MDB_PREV);
    else if (error == MDB_NOTFOUND)
        error = mdb_cursor_get(step->cursor, &key, &value, MDB_LAST);
    if (error == MDB_NOTFOUND) /* not even the mark precedes it: the table is new, or damaged */
        return mdb_stat(step->txn, step->t->dbi, &about) == 0 && about.ms_entries == 0
                       ? MDB_NOTFOUND
                       : MDB_CORRUPTED;
    if (error == 0 && ((!table_file_is_mark(&key) && !is_row(&key, &value)) ||
                              table_compare(text_of_value(&key), wanted) >= 0))
        error = MDB_CORRUPTED;
    return error != 0 ? error : MDB_NOTFOUND;
}

static int users_table_get(struct step *step, struct text key_text, struct row *row_r)
{
    MDB_val key = value_of(key_text);
    MDB_val value;
    const int error = mdb_cursor_get(step->cursor, &key, &value, MDB_SET_KEY);

    if (error == MDB_NOTFOUND)
        return check_absent(step, key_text);
    if (error != 0)
        return error;
    return stored_read(text_of_value(&value), row_r) ? 0 : MDB_CORRUPTED;
}

static void do_get(void *context)
{
    struct step *step = context;

    step->error = users_table_get(step, step->key, step->row);
}

static void do_find(void *context)
{
    struct step *step = context;
    struct row *row = step->row;
    char buffer[ADDRESS_MAX];

    step->error = users_table_get(step, step->key, row);
    for (int i = 0; step->error == 0 && row->is_alias; i++) {
        struct writer w = writer_of(buffer, sizeof buffer);
        if (i == TABLE_ALIASES_MAX ||
                !row_key(address_local(&row->alias), address_domain(&row->alias), &w))
            step->error = MDB_NOTFOUND;
        else
            step->error = users_table_get(step, writer_text(&w), row);
    }
}

static enum table_result table_look_up(
        struct table *t, void (*how)(void *step), struct text key, struct row *row_r)
{
    struct step step = {.key = key, .row = row_r};
    const int error = table_look(t, how, &step);

    if (error == MDB_NOTFOUND || error == MDB_BAD_VALSIZE) /* no row can have such a key */
        return TABLE_ABSENT;
    return error == 0 ? TABLE_OK : table_step_fail(t, "it cannot be read", error);
}

enum table_result table_get(struct table *t, struct text key, struct row *row_r)
{
    return table_look_up(t, do_get, key, row_r);
}

enum table_result table_find(
        struct table *t, struct text local, struct text domain, struct row *row_r)
{
    char buffer[ADDRESS_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    return row_key(local, domain, &w) ? table_look_up(t, do_find, writer_text(&w), row_r)
                                      : TABLE_ABSENT;
}

static void do_count(void *context)
{
    struct step *step = context;
    MDB_stat about;

    step->error = mdb_stat(step->txn, step->t->dbi, &about);
    if (step->error == 0)
        step->count = about.ms_entries > 0 ? about.ms_entries - 1 : 0; /* the mark does not count */
}

enum table_result table_count(struct table *t, uint64_t *count_r)
{
    struct step step = {0};
    const int error = table_look(t, do_count, &step);

    if (error != 0)
        return table_step_fail(t, "it cannot be read", error);
    *count_r = step.count;
    return TABLE_OK;
}

int table_step_next(struct step *step, struct text *key_r, struct row *row_r)
{
    char buffer[ADDRESS_MAX + 1];
    MDB_val key;
    MDB_val value;
    int error = mdb_cursor_get(step->cursor, &key, &value, MDB_NEXT);

    if (error == 0 && step->last.len == 0 && table_file_is_mark(&key))
        error = mdb_cursor_get(step->cursor, &key, &value, MDB_NEXT);
    if (error != 0)
        return error;
    const struct text found = text_of_value(&key);
    const bool good = row_parse_user(found, buffer, key_r) && text_equal(*key_r, found) &&
                      (step->last.len == 0 || table_compare(found, step->last) > 0) &&
                      stored_read(text_of_value(&value), row_r);
    if (!good)
        return MDB_CORRUPTED;
    memcpy(step->last_buffer, found.at, found.len);
    step->last = *key_r = (struct text){step->last_buffer, found.len};
    return 0;
}

static void do_next(void *context)
{
    struct step *step = context;

    step->error = table_step_next(step, &step->key, step->row);
}

static int walk(struct step *step, bool (*each)(void *context, struct text key, struct text values),
        void *context)
{
    char buffer[ROW_TEXT_MAX];
    bool more = true;

    while (more && table_step_do(do_next, step) == 0) {
        struct writer w = writer_of(buffer, sizeof buffer);
        if (!row_format(step->row, &w))
            return MDB_CORRUPTED;
        more = each(context, step->key, writer_text(&w));
    }
    return step->error == MDB_NOTFOUND ? 0 : step->error;
}

enum table_result table_each(struct table *t,
        bool (*each)(void *context, struct text key, struct text values), void *context)
{
    struct row row;
    struct step step = {.row = &row};
    int error = users_table_begin(t, &step);

    if (error == 0)
        error = walk(&step, each, context);
    end(&step);
    return error == 0 ? TABLE_OK : table_step_fail(t, "it cannot be read", error);
}
