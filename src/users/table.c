// SPDX-License-Identifier: ISC
#include "users/table.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "users/guard.h"
#include "users/stored.h"
#include "users/tablefile.h"

struct table {
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *reading; /* reset between look-ups */
    MDB_txn *writing; /* between table_begin() and its end */
    bool spoiled;     /* a step failed: the whole must not be committed */
    bool appending;   /* all rows so far came in their order, into an empty table */
    char error[TABLE_WHY_MAX];
};

/* What is done with LMDB in one go, and under guard, with all that it is done with. */
struct step {
    struct table *t;
    MDB_txn *txn;
    MDB_cursor *cursor;
    struct text key;
    struct row *row;
    const struct row *put;
    uint64_t count;
    struct text last; /* key, of a walk over all rows */
    char last_room[ADDRESS_MAX];
    int error;
};

static enum table_result fail(struct table *table, const char *doing, int error)
{
    snprintf(table->error, sizeof table->error, "%s: %s", doing, tablefile_reason(error));
    return TABLE_ERROR;
}

static int guarded(void (*work)(void *step), struct step *step)
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

static void abort_txn(struct table *t, MDB_txn **txn)
{
    struct step step = {.t = t, .txn = *txn};

    if (*txn != NULL)
        (void)guarded(do_abort, &step);
    *txn = NULL;
}

void table_close(struct table **table)
{
    struct table *t = *table;

    if (t == NULL)
        return;
    abort_txn(t, &t->writing);
    abort_txn(t, &t->reading);
    if (t->env != NULL)
        mdb_env_close(t->env);
    free(t);
    *table = NULL;
}

/* The reader's place among the others is taken here, while all system calls may still be made. */
static struct table *open_table(const char *path, bool write, char why_r[TABLE_WHY_MAX])
{
    struct table *t = calloc(1, sizeof *t);

    if (t == NULL) {
        snprintf(why_r, TABLE_WHY_MAX, "%s", strerror(ENOMEM));
        return NULL;
    }
    if (!tablefile_open(path, write, &t->env, &t->dbi, why_r)) {
        free(t);
        return NULL;
    }
    const int error = mdb_txn_begin(t->env, NULL, MDB_RDONLY, &t->reading);
    if (error == 0) {
        mdb_txn_reset(t->reading);
        return t;
    }
    snprintf(why_r, TABLE_WHY_MAX, "%s", tablefile_reason(error));
    table_close(&t);
    return NULL;
}

struct table *table_open_to_read(const char *path, char why_r[TABLE_WHY_MAX])
{
    return open_table(path, false, why_r);
}

struct table *table_open_to_write(const char *path, char why_r[TABLE_WHY_MAX])
{
    return open_table(path, true, why_r);
}

/* A look at the table as it is now. Within a writer's transaction it is that. */
static int begin_reading(struct table *t, struct step *step)
{
    step->t = t;
    step->txn = t->writing != NULL ? t->writing : t->reading;
    if (t->writing != NULL)
        return 0;
    const int error = tablefile_check(t->env);
    return error != 0 ? error : mdb_txn_renew(t->reading);
}

static void end_reading(struct table *t, const struct step *step)
{
    if (step->txn == t->reading)
        mdb_txn_reset(t->reading);
}

/* The texts that LMDB takes are not const, and it does not change them. */
static MDB_val value_of(struct text t)
{
    MDB_val value = {.mv_size = t.len};

    memcpy(&value.mv_data, &t.at, sizeof value.mv_data);
    return value;
}

static struct text text_of_value(const MDB_val *value)
{
    return (struct text){value->mv_data, value->mv_size};
}

static int get(const struct step *step, struct text key_text, struct row *row_r)
{
    MDB_val key = value_of(key_text);
    MDB_val value;
    const int error = mdb_get(step->txn, step->t->dbi, &key, &value);

    if (error != 0)
        return error;
    return stored_read(text_of_value(&value), row_r) ? 0 : MDB_CORRUPTED;
}

static void do_get(void *context)
{
    struct step *step = context;

    step->error = get(step, step->key, step->row);
}

static void do_find(void *context)
{
    struct step *step = context;
    struct row *row = step->row;
    char room[ADDRESS_MAX];

    step->error = get(step, step->key, row);
    for (int i = 0; step->error == 0 && row->is_alias; i++) {
        struct writer w = writer_of(room, sizeof room);
        if (i == TABLE_ALIASES_MAX ||
                !row_key(address_local(&row->alias), address_domain(&row->alias), &w))
            step->error = MDB_NOTFOUND;
        else
            step->error = get(step, writer_text(&w), row);
    }
}

static enum table_result look_up(
        struct table *t, void (*how)(void *step), struct text key, struct row *row_r)
{
    struct step step = {.key = key, .row = row_r};
    int error = begin_reading(t, &step);

    if (error == 0) {
        error = guarded(how, &step);
        end_reading(t, &step);
    }
    if (error == MDB_NOTFOUND || error == MDB_BAD_VALSIZE)
        return TABLE_ABSENT;
    return error == 0 ? TABLE_OK : fail(t, "it cannot be read", error);
}

enum table_result table_get(struct table *t, struct text key, struct row *row_r)
{
    return look_up(t, do_get, key, row_r);
}

enum table_result table_find(
        struct table *t, struct text local, struct text domain, struct row *row_r)
{
    char room[ADDRESS_MAX];
    struct writer w = writer_of(room, sizeof room);

    return row_key(local, domain, &w) ? look_up(t, do_find, writer_text(&w), row_r) : TABLE_ABSENT;
}

static void do_count(void *context)
{
    struct step *step = context;
    MDB_stat about;

    step->error = mdb_stat(step->txn, step->t->dbi, &about);
    if (step->error == 0)
        step->count = about.ms_entries > 0 ? about.ms_entries - 1 : 0; /* without the mark */
}

enum table_result table_count(struct table *t, uint64_t *count_r)
{
    struct step step = {0};
    int error = begin_reading(t, &step);

    if (error == 0) {
        error = guarded(do_count, &step);
        end_reading(t, &step);
    }
    if (error != 0)
        return fail(t, "it cannot be read", error);
    *count_r = step.count;
    return TABLE_OK;
}

static void do_open_cursor(void *context)
{
    struct step *step = context;

    step->error = mdb_cursor_open(step->txn, step->t->dbi, &step->cursor);
}

static void do_close_cursor(void *context)
{
    struct step *step = context;

    mdb_cursor_close(step->cursor);
}

static int compare(struct text a, struct text b)
{
    const int by_octets = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

    return by_octets != 0 ? by_octets : (a.len > b.len) - (a.len < b.len);
}

/* The next row. Its key stands behind the last one, or the file leads in circles. */
static int next(struct step *step, struct text *key_r, struct row *row_r)
{
    char room[ADDRESS_MAX + 1];
    MDB_val key;
    MDB_val value;
    int error = mdb_cursor_get(step->cursor, &key, &value, MDB_NEXT);

    if (error == 0 && step->last.len == 0 && tablefile_is_mark(&key))
        error = mdb_cursor_get(step->cursor, &key, &value, MDB_NEXT);
    if (error != 0)
        return error;
    const struct text found = text_of_value(&key);
    const bool good = row_parse_user(found, room, key_r) && text_equal(*key_r, found) &&
                      (step->last.len == 0 || compare(found, step->last) > 0) &&
                      stored_read(text_of_value(&value), row_r);
    if (!good)
        return MDB_CORRUPTED;
    memcpy(step->last_room, found.at, found.len);
    step->last = *key_r = (struct text){step->last_room, found.len};
    return 0;
}

static void do_next(void *context)
{
    struct step *step = context;

    step->error = next(step, &step->key, step->row);
}

static int walk(struct step *step, bool (*each)(void *context, struct text key, struct text values),
        void *context)
{
    char room[ROW_TEXT_MAX];
    bool more = true;

    while (more && guarded(do_next, step) == 0) {
        struct writer w = writer_of(room, sizeof room);
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
    int error = begin_reading(t, &step);

    if (error != 0)
        return fail(t, "it cannot be read", error);
    error = guarded(do_open_cursor, &step);
    if (error == 0)
        error = walk(&step, each, context);
    if (step.cursor != NULL)
        (void)guarded(do_close_cursor, &step);
    end_reading(t, &step);
    return error == 0 ? TABLE_OK : fail(t, "it cannot be read", error);
}

/* Of a step in a writer's transaction: what failed halfway is not to be committed. */
static enum table_result written(struct table *t, int error)
{
    if (error == MDB_NOTFOUND)
        return TABLE_ABSENT;
    if (error == 0)
        return TABLE_OK;
    t->spoiled = true;
    return fail(t, "it cannot be written", error);
}

static void do_begin(void *context)
{
    struct step *step = context;

    step->error = mdb_txn_begin(step->t->env, NULL, 0, &step->txn);
}

enum table_result table_begin(struct table *t)
{
    struct step step = {.t = t};
    int error = guarded(do_begin, &step);

    t->writing = step.txn;
    t->spoiled = false;
    t->appending = false;
    if (error == 0)
        error = tablefile_check(t->env);
    if (error != 0)
        abort_txn(t, &t->writing);
    return written(t, error);
}

static void do_put(void *context)
{
    struct step *step = context;
    char room[STORED_MAX];
    struct writer w = writer_of(room, sizeof room);
    MDB_val key = value_of(step->key);

    if (!stored_write(step->put, &w)) {
        step->error = MDB_BAD_VALSIZE;
        return;
    }
    MDB_val value = value_of(writer_text(&w));
    const unsigned flags = step->t->appending ? MDB_APPEND : 0;
    step->error = mdb_put(step->txn, step->t->dbi, &key, &value, flags);
    if (flags == 0 || step->error != MDB_KEYEXIST)
        return;
    step->t->appending = false; /* this one is not behind the others */
    step->error = mdb_put(step->txn, step->t->dbi, &key, &value, 0);
}

enum table_result table_put(struct table *t, struct text key, const struct row *row)
{
    struct step step = {.t = t, .txn = t->writing, .key = key, .put = row};

    return written(t, guarded(do_put, &step));
}

static void do_delete(void *context)
{
    struct step *step = context;
    MDB_val key = value_of(step->key);

    step->error = mdb_del(step->txn, step->t->dbi, &key, NULL);
}

enum table_result table_delete(struct table *t, struct text key)
{
    struct step step = {.t = t, .txn = t->writing, .key = key};

    return written(t, guarded(do_delete, &step));
}

static void do_empty(void *context)
{
    struct step *step = context;

    step->error = mdb_drop(step->txn, step->t->dbi, 0);
    if (step->error == 0)
        step->error = tablefile_put_mark(step->txn, step->t->dbi);
}

static void do_delete_others(void *context)
{
    struct step *step = context;
    struct text key;

    do_open_cursor(step);
    while (step->error == 0 && (step->error = next(step, &key, step->row)) == 0)
        if (!step->row->pinned)
            step->error = mdb_cursor_del(step->cursor, 0);
    if (step->cursor != NULL)
        mdb_cursor_close(step->cursor);
}

enum table_result table_clear(struct table *t, bool but_pinned)
{
    struct row row;
    struct step step = {.t = t, .txn = t->writing, .row = &row};
    const int error = guarded(but_pinned ? do_delete_others : do_empty, &step);

    t->appending = error == 0 && !but_pinned;
    return written(t, but_pinned && error == MDB_NOTFOUND ? 0 : error);
}

static void do_commit(void *context)
{
    struct step *step = context;
    MDB_txn *txn = step->txn;

    step->txn = NULL; /* it is gone, whatever becomes of it */
    step->error = mdb_txn_commit(txn);
}

enum table_result table_commit(struct table *t)
{
    struct step step = {.t = t, .txn = t->writing};

    if (t->spoiled) {
        table_abort(t);
        return TABLE_ERROR; /* table_error() says what it was */
    }
    t->writing = NULL;
    return written(t, guarded(do_commit, &step));
}

void table_abort(struct table *t)
{
    abort_txn(t, &t->writing);
}
