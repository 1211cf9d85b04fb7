// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_SQLITE_H
#define VERIMAIL_EVENTS_SQLITE_H

#include <sqlite3.h>

#include "events/rollup.h"
#include "events/store.h"

#define SQLITE_SQL_MAX 2048 /* octets */

extern const struct eventstore_backend eventstore_sqlite;

struct sqlite_rollup {
    const struct rollup *rollup;
    struct rollup_tally *tally; /* of the transaction */
    sqlite3_stmt *add;
    sqlite3_stmt *delete_empty;
    sqlite3_stmt *delete_old;
};

/* Statements about the same rows, which make room. */
struct sqlite_deletion {
    sqlite3_stmt *read;
    sqlite3_stmt *delete;
};

/* A store of events in a file of SQLite: sqlite.c; sqlite_tables.c for its tables and statements,
 * sqlite_rollup.c for sums, sqlite_size.c for the room that it takes. */
struct sqlite {
    const struct record_kind *kind;
    sqlite3 *db;
    sqlite3_stmt *insert;
    sqlite3_stmt *insert_gap;
    sqlite3_stmt *delete_gaps;
    struct sqlite_deletion old;
    struct sqlite_deletion oldest;
    sqlite3_stmt *pages;      /* of the file */
    sqlite3_stmt *free_pages; /* of those, unused ones */
    struct sqlite_rollup rollups[RECORD_KIND_ROLLUPS_MAX];
    int64_t page_size;
    int64_t pages_max; /* of the file; INT64_MAX: no limit */
    int64_t log_max;   /* octets of the write-ahead log; INT64_MAX: no limit */
    bool missing;      /* it was opened for reading, and was never made */
    bool full;         /* events made room for others, which is logged once */
    char path[];
};

/* Runs statements without results. */
bool sqlite_run(struct sqlite *s, const char *sql);
/* Runs a prepared statement without results. */
bool sqlite_step(sqlite3_stmt *statement);
/* The number that a statement results in; -1: it failed. */
int sqlite_number_of(struct sqlite *s, const char *sql);
/* Binds a value. Of a text it borrows what is printable ASCII; another octet is written as %XX. */
void sqlite_bind(sqlite3_stmt *statement, int at, const struct eventstore_value *value);
/* Deletes rows, and takes them from the sums. The parameters are bound to both statements. */
bool sqlite_delete(struct sqlite *s, const struct sqlite_deletion *deletion,
        const int64_t *parameters, int parameters_count, int *deleted_r);

/* Makes the tables that are missing. */
bool sqlite_make_tables(struct sqlite *s);
bool sqlite_prepare(struct sqlite *s, const char *sql, sqlite3_stmt **statement_r);
bool sqlite_prepare_all(struct sqlite *s);
void sqlite_finalize_all(struct sqlite *s);

/* The sums of the kind. */
bool sqlite_rollup_make_table(struct sqlite *s, const struct rollup *rollup);
bool sqlite_rollup_open(struct sqlite *s);
void sqlite_rollup_close(struct sqlite *s);
/* Notes an event that is written or deleted in this transaction. */
void sqlite_rollup_note(struct sqlite *s, const struct eventstore_value *values);
/* Adds what was noted (`sign` 1), or takes it from the sums (-1); and forgets it, as with 0. */
bool sqlite_rollup_apply(struct sqlite *s, int64_t sign);
/* Deletes sums of spans that end before, when no row is so old. */
bool sqlite_rollup_trim(struct sqlite *s, uint64_t before);

/* See eventstore_set_size(). */
void sqlite_size_set(void *store, uint64_t octets);
/* In the transaction that writes these events: deletes as many of the oldest as must make room. */
bool sqlite_size_make_room(struct sqlite *s, const void *events, size_t count);
/* Deletes the oldest events, at most this many. */
bool sqlite_size_delete(struct sqlite *s, int64_t most, int *deleted_r);
/* Whether the file is larger than it may be: the size in the configuration became less. */
bool sqlite_size_is_over(struct sqlite *s);
/* Before a transaction. False while the write-ahead log is too large: a reader that goes on and on
 * keeps it from being used again from its start. */
bool sqlite_size_bound_log(struct sqlite *s, char error_r[EVENTSTORE_ERROR_MAX]);

#endif
