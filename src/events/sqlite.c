// SPDX-License-Identifier: ISC
#include "events/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "events/codec.h"
#include "protocol/text.h"

#define SCHEME "sqlite:"
#define SCHEMA 1        /* PRAGMA user_version */
#define TIMEOUT 5000    /* milliseconds for another process's transaction */
#define PURGE_MOST 5000 /* events in one step */
#define PARAMETERS_MAX 16
#define COLUMNS_MAX 32

/* The file's layout can be set only before there is a table. */
static const char layout[] = "PRAGMA auto_vacuum = INCREMENTAL;"
                             "PRAGMA journal_mode = WAL;";
static const char settings[] = "PRAGMA synchronous = NORMAL;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA wal_autocheckpoint = 4000;"
                               "PRAGMA journal_size_limit = 67108864;";

static bool sqlite_fail(struct sqlite *s, const char *doing, char error_r[EVENTSTORE_ERROR_MAX])
{
    snprintf(error_r, EVENTSTORE_ERROR_MAX, "%s: %s: %s", s->path, doing,
            s->db != NULL ? sqlite3_errmsg(s->db) : "out of memory");
    return false;
}

bool sqlite_run(struct sqlite *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

int sqlite_number_of(struct sqlite *s, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int number = -1;

    if (sqlite_prepare(s, sql, &statement) && sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static void close_sqlite(void *store)
{
    struct sqlite *s = store;

    sqlite_finalize_all(s);
    sqlite3_close(s->db);
    free(s);
}

static bool check_version(struct sqlite *s, char error_r[EVENTSTORE_ERROR_MAX])
{
    const int version = sqlite_number_of(s, "PRAGMA user_version");

    if (version < 0)
        return sqlite_fail(s, "cannot be read", error_r);
    if (version <= SCHEMA)
        return true;
    snprintf(error_r, EVENTSTORE_ERROR_MAX,
            "%s: was made by a newer Verimail (form %d, this one knows %d)", s->path, version,
            SCHEMA);
    return false;
}

static bool open_to_read(struct sqlite *s, char error_r[EVENTSTORE_ERROR_MAX])
{
    if (!check_version(s, error_r))
        return false;
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM sqlite_master WHERE name = '%s'",
            s->kind->table);
    if (sqlite_number_of(s, sql) == 1)
        return true;
    s->missing = true;
    snprintf(error_r, EVENTSTORE_ERROR_MAX, "%s: holds no events", s->path);
    return false;
}

/* A URI for the file without its write-ahead log. `%`, `?` and `#` are escaped. NULL when out of
 * memory. */
static char *uri_of(const char *path)
{
    static const char before[] = "file:";
    static const char after[] = "?immutable=1";
    char *uri = malloc(sizeof before + 3 * strlen(path) + sizeof after);

    if (uri == NULL)
        return NULL;
    char *at = stpcpy(uri, before);
    for (; *path != '\0'; path++) {
        if (*path == '%' || *path == '?' || *path == '#')
            at += sprintf(at, "%%%02X", (unsigned)*path);
        else
            *at++ = *path;
    }
    stpcpy(at, after);
    return uri;
}

static bool sqlite_open_database(struct sqlite *s, const char *name, int flags)
{
    const int opened = sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

    if (s->db != NULL)
        sqlite3_busy_timeout(s->db, TIMEOUT);
    return opened == SQLITE_OK;
}

/* Opens a file that nobody else has open. A user who may only read cannot open it in the usual way,
 * which creates files beside it. Its log is then empty, and only a recorder that starts right now
 * could change the file. False when this is not the case. */
static bool open_at_rest(struct sqlite *s)
{
    const int code = sqlite3_errcode(s->db) & 0xff;
    struct stat log = {0};
    char *log_path = NULL;
    char *name = NULL;
    bool done = false;

    if ((code != SQLITE_CANTOPEN && code != SQLITE_READONLY) ||
            asprintf(&log_path, "%s-wal", s->path) < 0)
        return false;
    const bool rests = stat(log_path, &log) != 0 ? errno == ENOENT : log.st_size == 0;
    free(log_path);
    if (rests && (name = uri_of(s->path)) != NULL) {
        sqlite3_close(s->db);
        done = sqlite_open_database(s, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    }
    free(name);
    return done;
}

static bool open_file_to_read(struct sqlite *s, char error_r[EVENTSTORE_ERROR_MAX])
{
    if (access(s->path, R_OK) != 0) {
        s->missing = errno == ENOENT;
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "%s: %s", s->path, strerror(errno));
        return false;
    }
    if (!sqlite_open_database(s, s->path, SQLITE_OPEN_READONLY))
        return sqlite_fail(s, "cannot be opened", error_r);
    return open_to_read(s, error_r) || (open_at_rest(s) && open_to_read(s, error_r));
}

static bool sqlite_open_file(
        struct sqlite *s, enum eventstore_use use, char error_r[EVENTSTORE_ERROR_MAX])
{
    if (use == EVENTSTORE_READ)
        return open_file_to_read(s, error_r);
    /* The file has users' names: mode 0600. SQLite gives its other files the same mode. */
    const int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0)
        close(fd);
    if (!sqlite_open_database(s, s->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE))
        return sqlite_fail(s, "cannot be opened", error_r);
    return (sqlite_run(s, layout) || sqlite_fail(s, "cannot be used", error_r)) &&
           check_version(s, error_r) &&
           ((sqlite_run(s, settings) && sqlite_make_tables(s) && sqlite_prepare_all(s)) ||
                   sqlite_fail(s, "cannot be used", error_r));
}

static bool is_damaged(const struct sqlite *s)
{
    const int code = s->db != NULL ? sqlite3_errcode(s->db) & 0xff : SQLITE_OK;

    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

/* Renames the file, so that its data can be saved. */
static bool sqlite_set_aside(struct sqlite *s)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    bool done = true;

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *from = NULL;
        char *to = NULL;
        if (asprintf(&from, "%s%s", s->path, suffixes[i]) < 0 ||
                asprintf(&to, "%s.damaged%s", s->path, suffixes[i]) < 0) {
            free(from);
            return false;
        }
        done = (rename(from, to) == 0 || errno == ENOENT) && done;
        free(from);
        free(to);
    }
    if (done)
        log_event(LOG_LEVEL_ERROR, "events-set-aside", "file", s->path);
    return done;
}

/* Whether the file was removed or replaced. Further writes to it would be lost. */
static bool has_moved(struct sqlite *s)
{
    int moved = 0;

    return sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved != 0;
}

/* Handles damage that the opening did not find: the next opening recreates the file. A file that
 * another process has recreated meanwhile is left alone. */
static bool fail_for_good(struct sqlite *s, const char *doing, char error_r[EVENTSTORE_ERROR_MAX])
{
    (void)sqlite_fail(s, doing, error_r);
    if (is_damaged(s) && !has_moved(s))
        (void)sqlite_set_aside(s);
    return false;
}

static struct sqlite *new_sqlite(const char *path, const struct record_kind *kind)
{
    const size_t size = strlen(path) + 1;
    struct sqlite *s = calloc(1, sizeof *s + size);

    if (s == NULL)
        return NULL;
    s->kind = kind;
    s->pages_max = s->log_max = INT64_MAX;
    memcpy(s->path, path, size);
    return s;
}

static void *open_sqlite(const char *address, const struct record_kind *kind,
        enum eventstore_use use, char error_r[EVENTSTORE_ERROR_MAX])
{
    const char *path = address + sizeof SCHEME - 1;

    /* Turns memory statistics off: they are not used, and take a lock for every allocation. The
     * call fails, without effect, once SQLite was used. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    for (int tries = 0; tries < 2; tries++) {
        struct sqlite *s = new_sqlite(path, kind);
        if (s == NULL) {
            snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
            return NULL;
        }
        if (sqlite_open_file(s, use, error_r))
            return s;
        const bool again = use == EVENTSTORE_RECORD && is_damaged(s) && sqlite_set_aside(s);
        const bool missing = s->missing;
        close_sqlite(s);
        errno = missing ? ENOENT : EIO;
        if (!again)
            return NULL;
    }
    return NULL;
}

static void bind_text(sqlite3_stmt *statement, int at, struct text t)
{
    sqlite3_bind_text(statement, at, t.len > 0 ? t.at : "", (int)t.len, SQLITE_STATIC);
}

/* Event texts are printable ASCII. Any other octet is written as in canonical text. */
static void bind_plain(sqlite3_stmt *statement, int at, struct text t)
{
    static const char digits[] = "0123456789ABCDEF";

    if (codec_is_plain(t)) {
        bind_text(statement, at, t);
        return;
    }
    char *escaped = sqlite3_malloc64(t.len * 3);
    size_t len = 0;
    for (size_t i = 0; escaped != NULL && i < t.len; i++) {
        const unsigned char c = (unsigned char)t.at[i];
        const bool plain = c >= ' ' && c <= '~';
        escaped[len++] = plain ? t.at[i] : '%';
        if (plain)
            continue;
        escaped[len++] = digits[c >> 4];
        escaped[len++] = digits[c & 15];
    }
    sqlite3_bind_text(statement, at, escaped, (int)len, sqlite3_free);
}

bool sqlite_step(sqlite3_stmt *statement)
{
    const bool done = sqlite3_step(statement) == SQLITE_DONE;

    sqlite3_reset(statement);
    return done;
}

void sqlite_bind(sqlite3_stmt *statement, int at, const struct eventstore_value *value)
{
    if (value->is_text)
        bind_plain(statement, at, value->text);
    else
        sqlite3_bind_int64(statement, at, value->number);
}

static bool sqlite_insert(struct sqlite *s, const void *event)
{
    struct eventstore_value values[RECORD_KIND_COLUMNS_MAX];

    s->kind->values(event, values);
    sqlite_rollup_note(s, values);
    if (!s->kind->has_row(event))
        return true;
    for (size_t i = 0; i < s->kind->columns_count; i++)
        sqlite_bind(s->insert, (int)i + 1, &values[i]);
    return sqlite_step(s->insert);
}

static void bind_number(sqlite3_stmt *statement, int at, uint64_t number)
{
    sqlite3_bind_int64(statement, at, record_number(number).number);
}

static bool sqlite_insert_gap(struct sqlite *s, const struct eventstore_gap *gap)
{
    bind_number(s->insert_gap, 1, gap->time);
    bind_number(s->insert_gap, 2, gap->lost);
    bind_number(s->insert_gap, 3, gap->left_out);
    return sqlite_step(s->insert_gap);
}

static void sqlite_roll_back(struct sqlite *s)
{
    if (!sqlite3_get_autocommit(s->db))
        sqlite_run(s, "ROLLBACK");
}

static bool write_sqlite(void *store, const void *events, size_t count,
        const struct eventstore_gap *gap, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct sqlite *s = store;

    if (has_moved(s)) {
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "%s: was removed or replaced", s->path);
        return false;
    }
    if (!sqlite_size_bound_log(s, error_r))
        return false;
    bool done = sqlite_run(s, "BEGIN IMMEDIATE") && sqlite_size_make_room(s, events, count);
    for (size_t i = 0; done && i < count; i++)
        done = sqlite_insert(s, record_kind_at(s->kind, events, i));
    done = sqlite_rollup_apply(s, done ? 1 : 0) && done;
    if (done && gap != NULL)
        done = sqlite_insert_gap(s, gap);
    if (done && sqlite_run(s, "COMMIT"))
        return true;
    (void)fail_for_good(s, "cannot be written", error_r);
    sqlite_roll_back(s);
    return false;
}

static void bind(sqlite3_stmt *statement, const struct eventstore_value *parameters, size_t count)
{
    for (size_t i = 0; i < count && i < PARAMETERS_MAX; i++) {
        char name[8];
        snprintf(name, sizeof name, "$%zu", i + 1);
        const int at = sqlite3_bind_parameter_index(statement, name);
        if (at > 0 && parameters[i].is_text)
            bind_text(statement, at, parameters[i].text);
        else if (at > 0)
            sqlite3_bind_int64(statement, at, parameters[i].number);
    }
}

static size_t sqlite_read_row(
        sqlite3_stmt *statement, struct eventstore_value values_r[COLUMNS_MAX])
{
    const int count = sqlite3_column_count(statement);

    for (int i = 0; i < count && i < COLUMNS_MAX; i++) {
        struct eventstore_value *value = &values_r[i];
        value->is_text = sqlite3_column_type(statement, i) == SQLITE_TEXT;
        value->number = value->is_text ? 0 : sqlite3_column_int64(statement, i);
        value->text = (struct text){NULL, 0};
        if (value->is_text)
            value->text = (struct text){(const char *)sqlite3_column_text(statement, i),
                    (size_t)sqlite3_column_bytes(statement, i)};
    }
    return (size_t)(count < COLUMNS_MAX ? count : COLUMNS_MAX);
}

bool sqlite_delete(struct sqlite *s, const struct sqlite_deletion *deletion,
        const int64_t *parameters, int parameters_count, int *deleted_r)
{
    struct eventstore_value values[COLUMNS_MAX];
    int result;

    for (int i = 0; i < parameters_count; i++) {
        sqlite3_bind_int64(deletion->read, i + 1, parameters[i]);
        sqlite3_bind_int64(deletion->delete, i + 1, parameters[i]);
    }
    while ((result = sqlite3_step(deletion->read)) == SQLITE_ROW) {
        (void)sqlite_read_row(deletion->read, values);
        sqlite_rollup_note(s, values);
    }
    sqlite3_reset(deletion->read);
    const bool done = result == SQLITE_DONE && sqlite_step(deletion->delete);
    *deleted_r = done ? sqlite3_changes(s->db) : 0;
    return sqlite_rollup_apply(s, done ? -1 : 0) && done;
}

/* In a transaction. `before`: of the time. */
static bool sqlite_purge(struct sqlite *s, uint64_t before, int *deleted_r)
{
    const int64_t parameters[] = {record_number(before).number, PURGE_MOST};

    if (!sqlite_delete(s, &s->old, parameters, 2, deleted_r))
        return false;
    if (*deleted_r == 0 && sqlite_size_is_over(s))
        return sqlite_size_delete(s, PURGE_MOST, deleted_r);
    bind_number(s->delete_gaps, 1, before);
    return sqlite_step(s->delete_gaps) &&
           (*deleted_r == PURGE_MOST || sqlite_rollup_trim(s, before));
}

static bool purge_sqlite(
        void *store, uint64_t before, bool *more_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct sqlite *s = store;
    int deleted = 0;

    if (!sqlite_run(s, "BEGIN IMMEDIATE") || !sqlite_purge(s, before, &deleted) ||
            !sqlite_run(s, "COMMIT")) {
        (void)fail_for_good(s, "old events cannot be deleted", error_r);
        sqlite_roll_back(s);
        return false;
    }
    const bool too_large = sqlite_size_is_over(s);
    if ((deleted > 0 || too_large) && !sqlite_run(s, "PRAGMA incremental_vacuum(1000)"))
        return fail_for_good(s, "cannot be made smaller", error_r);
    *more_r = deleted == PURGE_MOST || (deleted > 0 && sqlite_size_is_over(s));
    return true;
}

static bool query_sqlite(void *store, const char *sql, const struct eventstore_value *parameters,
        size_t parameters_count,
        bool (*row)(void *context, const struct eventstore_value *values, size_t count),
        void *context, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct sqlite *s = store;
    struct eventstore_value values[COLUMNS_MAX];
    sqlite3_stmt *statement = NULL;
    int result = SQLITE_ERROR;

    if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) == SQLITE_OK) {
        bind(statement, parameters, parameters_count);
        while ((result = sqlite3_step(statement)) == SQLITE_ROW)
            if (!row(context, values, sqlite_read_row(statement, values)))
                break;
    }
    const bool done = result == SQLITE_DONE || result == SQLITE_ROW;
    if (!done)
        (void)sqlite_fail(s, "cannot be asked", error_r);
    sqlite3_finalize(statement);
    return done;
}

static bool begin_sqlite(void *store, char error_r[EVENTSTORE_ERROR_MAX])
{
    return sqlite_run(store, "BEGIN") || sqlite_fail(store, "cannot be asked", error_r);
}

static void end_sqlite(void *store)
{
    sqlite_roll_back(store);
}

const struct eventstore_backend eventstore_sqlite = {
        .name = "sqlite",
        .scheme = SCHEME,
        .open = open_sqlite,
        .close = close_sqlite,
        .write = write_sqlite,
        .set_size = sqlite_size_set,
        .purge = purge_sqlite,
        .query = query_sqlite,
        .begin = begin_sqlite,
        .end = end_sqlite,
};
