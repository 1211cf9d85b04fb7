// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "events/sqlite.h"

/* The rows that are too old, at most ?2; and the oldest of all, but the last, at most ?1. */
#define OLD "id IN (SELECT id FROM %s WHERE time < ?1 ORDER BY time LIMIT ?2)"
#define OLDEST "id IN (SELECT id FROM %s WHERE id < (SELECT max(id) FROM %s) ORDER BY id LIMIT ?1)"

static bool sqlite_make_rows(struct sqlite *s)
{
    const char *table = s->kind->table;
    char columns[SQLITE_SQL_MAX];
    char sql[2 * SQLITE_SQL_MAX];
    struct writer w = writer_of(columns, sizeof columns);

    record_kind_put_columns(s->kind, " INTEGER NOT NULL", " TEXT NOT NULL", &w);
    writer_char(&w, '\0');
    snprintf(sql, sizeof sql,
            "CREATE TABLE IF NOT EXISTS %s (id INTEGER PRIMARY KEY, %s);"
            "CREATE INDEX IF NOT EXISTS %s_time ON %s (time);"
            "CREATE INDEX IF NOT EXISTS %s_unusual ON %s (time%s) WHERE %s;"
            "CREATE TABLE IF NOT EXISTS %s_gap (time INTEGER NOT NULL, lost INTEGER NOT NULL,"
            " left_out INTEGER NOT NULL);",
            table, columns, table, table, table, table, s->kind->unusual_with, s->kind->unusual,
            table);
    return !w.failed && sqlite_run(s, sql);
}

bool sqlite_make_tables(struct sqlite *s)
{
    bool done = sqlite_run(s, "BEGIN IMMEDIATE") && sqlite_make_rows(s);

    for (size_t i = 0; done && s->kind->rollups[i] != NULL; i++)
        done = sqlite_rollup_make_table(s, s->kind->rollups[i]);
    return done && sqlite_run(s, "PRAGMA user_version = 1; COMMIT");
}

bool sqlite_prepare(struct sqlite *s, const char *sql, sqlite3_stmt **statement_r)
{
    return sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement_r, NULL) ==
           SQLITE_OK;
}

/* Prepares a statement in which each %s is the name of the table. */
static bool sqlite_prepare_for(struct sqlite *s, const char *format, sqlite3_stmt **statement_r)
{
    const char *table = s->kind->table;
    char *sql = sqlite3_mprintf(format, table, table, table);
    const bool done = sql != NULL && sqlite_prepare(s, sql, statement_r);

    sqlite3_free(sql);
    return done;
}

static bool sqlite_prepare_insert(struct sqlite *s)
{
    char sql[SQLITE_SQL_MAX];
    struct writer w = writer_of(sql, sizeof sql);

    writer_string(&w, "INSERT INTO ");
    writer_string(&w, s->kind->table);
    writer_string(&w, " (");
    record_kind_put_columns(s->kind, "", "", &w);
    writer_string(&w, ") VALUES (?");
    for (size_t i = 1; i < s->kind->columns_count; i++)
        writer_string(&w, ",?");
    writer_string(&w, ")");
    writer_char(&w, '\0');
    return !w.failed && sqlite_prepare(s, sql, &s->insert);
}

/* Prepares the reading of rows that are about to be deleted. */
static bool sqlite_prepare_read(struct sqlite *s, const char *condition, sqlite3_stmt **statement_r)
{
    char sql[SQLITE_SQL_MAX];
    struct writer w = writer_of(sql, sizeof sql);

    writer_string(&w, "SELECT ");
    record_kind_put_columns(s->kind, "", "", &w);
    writer_string(&w, " FROM %s WHERE ");
    writer_string(&w, condition);
    writer_char(&w, '\0');
    return !w.failed && sqlite_prepare_for(s, sql, statement_r);
}

bool sqlite_prepare_all(struct sqlite *s)
{
    return sqlite_prepare_insert(s) && sqlite_rollup_open(s) &&
           sqlite_prepare_for(
                   s, "INSERT INTO %s_gap (time, lost, left_out) VALUES (?,?,?)", &s->insert_gap) &&
           sqlite_prepare_for(s, "DELETE FROM %s_gap WHERE time < ?", &s->delete_gaps) &&
           sqlite_prepare_read(s, OLD, &s->old.read) &&
           sqlite_prepare_for(s, "DELETE FROM %s WHERE " OLD, &s->old.delete) &&
           sqlite_prepare_read(s, OLDEST, &s->oldest.read) &&
           sqlite_prepare_for(s, "DELETE FROM %s WHERE " OLDEST, &s->oldest.delete) &&
           sqlite_prepare(s, "PRAGMA page_count", &s->pages) &&
           sqlite_prepare(s, "PRAGMA freelist_count", &s->free_pages);
}

void sqlite_finalize_all(struct sqlite *s)
{
    sqlite_rollup_close(s);
    sqlite3_finalize(s->insert);
    sqlite3_finalize(s->insert_gap);
    sqlite3_finalize(s->delete_gaps);
    sqlite3_finalize(s->old.read);
    sqlite3_finalize(s->old.delete);
    sqlite3_finalize(s->oldest.read);
    sqlite3_finalize(s->oldest.delete);
    sqlite3_finalize(s->pages);
    sqlite3_finalize(s->free_pages);
}
