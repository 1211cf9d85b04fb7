// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_SQLITE_H
#define VERIMAIL_EVENTS_SQLITE_H

#include <sqlite3.h>

#include "events/store.h"

extern const struct eventstore_backend eventstore_sqlite;

/* A store of events in a file of SQLite: sqlite.c, and sqlite_size.c for the room that it takes. */
struct sqlite {
    const struct record_kind *kind;
    sqlite3 *db;
    sqlite3_stmt *insert;
    sqlite3_stmt *insert_gap;
    sqlite3_stmt *delete_gaps;
    sqlite3_stmt *delete;
    sqlite3_stmt *delete_oldest;
    sqlite3_stmt *pages;      /* of the file */
    sqlite3_stmt *free_pages; /* of those, unused ones */
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
