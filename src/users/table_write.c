// SPDX-License-Identifier: ISC
#include <errno.h>

#include "users/stored.h"
#include "users/table_file.h"
#include "users/table_step.h"

/* The result of a step in a write transaction. After a failed step the transaction must not be
 * committed. */
static enum table_result written(struct table *t, int error)
{
    const char *path = NULL;

    if (error == MDB_NOTFOUND)
        return TABLE_ABSENT;
    if (error == 0)
        return TABLE_OK;
    t->spoiled = true;
    if (mdb_env_get_path(t->env, &path) == 0)
        error = table_file_find_cause(path, error);
    return table_step_fail(t, "it cannot be written", error);
}

static void table_write_do_begin(void *context)
{
    struct step *step = context;

    step->error = mdb_txn_begin(step->t->env, NULL, 0, &step->txn);
}

enum table_result table_begin(struct table *t)
{
    struct step step = {.t = t};
    int error = table_step_do(table_write_do_begin, &step);

    t->writing = step.txn;
    t->spoiled = false;
    t->appending = false;
    if (error == 0)
        error = table_file_check(t->env);
    if (error != 0)
        table_step_abort(t, &t->writing);
    return written(t, error);
}

static void do_put(void *context)
{
    struct step *step = context;
    char buffer[STORED_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
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
    step->t->appending = false; /* this row does not sort after the others */
    step->error = mdb_put(step->txn, step->t->dbi, &key, &value, 0);
}

enum table_result table_put(struct table *t, struct text key, const struct row *row)
{
    struct step step = {.t = t, .txn = t->writing, .key = key, .put = row};

    return written(t, table_step_do(do_put, &step));
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

    return written(t, table_step_do(do_delete, &step));
}

static void do_empty(void *context)
{
    struct step *step = context;

    step->error = mdb_drop(step->txn, step->t->dbi, 0);
    if (step->error == 0)
        step->error = table_file_put_mark(step->txn, step->t->dbi);
}

static bool table_write_go_on(void *context, struct text key, struct text values)
{
    (void)context;
    (void)key;
    (void)values;
    return true;
}

static void do_delete_others(void *context)
{
    struct step *step = context;
    struct text key;

    step->error = mdb_cursor_open(step->txn, step->t->dbi, &step->cursor);
    while (step->error == 0 && (step->error = table_step_next(step, &key, step->row)) == 0)
        if (!step->row->pinned)
            step->error = mdb_cursor_del(step->cursor, 0);
    if (step->cursor != NULL)
        mdb_cursor_close(step->cursor);
}

enum table_result table_clear(struct table *t, bool but_pinned)
{
    struct row row;
    struct step step = {.t = t, .txn = t->writing, .row = &row};

    /* LMDB rebalances its tree after each deletion, using the neighbouring pages. If one of them is
     * damaged, the outcome is undefined. So all rows are read first. */
    if (but_pinned && table_each(t, table_write_go_on, NULL) != TABLE_OK) {
        t->spoiled = true;
        return TABLE_ERROR;
    }
    const int error = table_step_do(but_pinned ? do_delete_others : do_empty, &step);
    t->appending = error == 0 && !but_pinned;
    return written(t, but_pinned && error == MDB_NOTFOUND ? 0 : error);
}

static void do_commit(void *context)
{
    struct step *step = context;
    MDB_txn *txn = step->txn;

    step->txn = NULL; /* the transaction is freed in any case */
    step->error = mdb_txn_commit(txn);
}

enum table_result table_commit(struct table *t)
{
    struct step step = {.t = t, .txn = t->writing};

    if (t->spoiled) {
        table_abort(t);
        return TABLE_ERROR; /* table_error() has the reason */
    }
    t->writing = NULL;
    return written(t, table_step_do(do_commit, &step));
}

void table_abort(struct table *t)
{
    table_step_abort(t, &t->writing);
}
