// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "events/sqlite.h"

#define DELETE_MORE 512 /* events more than come, when those make room */
#define ROW_OVERHEAD 64 /* octets of a row and its index beside its texts */
#define PAGES_SPARE 64
#define LOG_MOST ((int64_t)64 << 20) /* octets for the write-ahead log */

static int64_t sqlite_count_pages(sqlite3_stmt *statement)
{
    const int64_t pages =
            sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;

    sqlite3_reset(statement);
    return pages;
}

bool sqlite_size_is_over(struct sqlite *s)
{
    return s->pages_max < INT64_MAX && sqlite_count_pages(s->pages) > s->pages_max;
}

/* Pages that new events may take. */
static int64_t sqlite_room(struct sqlite *s)
{
    const int64_t more = s->pages_max - sqlite_count_pages(s->pages);

    return (more > 0 ? more : 0) + sqlite_count_pages(s->free_pages);
}

bool sqlite_size_delete(struct sqlite *s, int64_t most, int *deleted_r)
{
    if (!sqlite_delete(s, &s->oldest, &most, 1, deleted_r))
        return false;
    if (*deleted_r > 0 && !s->full)
        log_event(LOG_LEVEL_NOTICE, "record-full", "file", s->path);
    s->full = s->full || *deleted_r > 0;
    return true;
}

/* Pages for events, with their share of the indexes and sums, and of pages that are half full. */
static int64_t sqlite_pages_of(const struct sqlite *s, const void *events, size_t count)
{
    size_t octets = 0;

    for (size_t i = 0; i < count; i++)
        octets += record_kind_octets(s->kind, record_kind_at(s->kind, events, i)) + ROW_OVERHEAD;
    return (int64_t)octets * 2 / s->page_size + PAGES_SPARE;
}

bool sqlite_size_make_room(struct sqlite *s, const void *events, size_t count)
{
    const int64_t wanted = s->pages_max < INT64_MAX ? sqlite_pages_of(s, events, count) : 0;
    int deleted = 1;

    while (s->pages_max < INT64_MAX && deleted > 0 && sqlite_room(s) < wanted)
        if (!sqlite_size_delete(s, (int64_t)count + DELETE_MORE, &deleted))
            return false;
    return true;
}

static int64_t sqlite_log_octets(const struct sqlite *s)
{
    struct stat log = {0};
    char *path = NULL;

    if (asprintf(&path, "%s-wal", s->path) < 0)
        return 0;
    (void)!stat(path, &log);
    free(path);
    return log.st_size;
}

bool sqlite_size_bound_log(struct sqlite *s, char error_r[EVENTSTORE_ERROR_MAX])
{
    if (s->log_max == INT64_MAX || sqlite_log_octets(s) <= s->log_max)
        return true;
    (void)sqlite_run(s, "PRAGMA wal_checkpoint(TRUNCATE)");
    if (sqlite_log_octets(s) <= s->log_max)
        return true;
    snprintf(error_r, EVENTSTORE_ERROR_MAX,
            "%s-wal: has no room until a report or another reader of the record ends", s->path);
    return false;
}

/* The write-ahead log has half of the room, but not more than it needs. It is written back at a
 * quarter of that, and one transaction may come on top. */
void sqlite_size_set(void *store, uint64_t octets)
{
    struct sqlite *s = store;
    char sql[128];
    const int64_t size = (int64_t)(octets < INT64_MAX ? octets : INT64_MAX);
    const int64_t log_size = size / 2 < LOG_MOST ? size / 2 : LOG_MOST;

    s->page_size = sqlite_number_of(s, "PRAGMA page_size");
    if (s->page_size <= 0)
        return;
    s->log_max = log_size / 2;
    s->pages_max = (size - log_size) / s->page_size;
    snprintf(sql, sizeof sql, "PRAGMA wal_autocheckpoint = %lld; PRAGMA journal_size_limit = %lld",
            (long long)(log_size / 4 / s->page_size), (long long)s->log_max);
    (void)sqlite_run(s, sql);
}
