// SPDX-License-Identifier: ISC
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"
#include "events/postgresql.h"
#include "events/session.h"

#define SCHEME "postgresql://"
#define FORM 1           /* version of the tables, stored in the table `form` */
#define PURGE_MOST 10000 /* events in one step */
#define COLUMNS_MAX 2048 /* octets */

static const char settings_to_record[] =
        "SET search_path = verimail; SET client_min_messages = warning;"
        "SET statement_timeout = 10000; SET lock_timeout = 5000;"
        "SET idle_in_transaction_session_timeout = 30000;";
static const char settings_to_read[] =
        "SET search_path = verimail; SET client_min_messages = warning;"
        "SET default_transaction_read_only = on;";

/* The table's partitions hold ranges of ids, and so of time: the oldest makes room for new events
 * by being dropped, which needs no VACUUM. A partition's name has its end, the id behind its last.
 * If this user may not create the schema, an administrator may have made it. */
static const char schema[] = "CREATE SCHEMA verimail;";
void postgresql_roll_back(struct session *s)
{
    char ignored[EVENTSTORE_ERROR_MAX];

    if (session_alive(s) && !session_run(s, "ROLLBACK", ignored))
        session_abandon(s); /* a transaction may still be open */
}

bool postgresql_transact(struct session *s, const char *sql, char error_r[EVENTSTORE_ERROR_MAX])
{
    const bool done = session_run(s, sql, error_r);

    if (!done)
        postgresql_roll_back(s);
    return done;
}

/* Reads the version; 0: there are no tables of this kind yet. */
static bool read_version(
        struct postgresql *p, int64_t *version_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    char sql[128];

    *version_r = 0;
    snprintf(sql, sizeof sql, "SELECT (to_regclass('verimail.%s') IS NOT NULL)::int",
            p->kind->table);
    if (!session_number(p->session, sql, version_r, error_r))
        return false;
    return *version_r == 0 ||
           session_number(
                   p->session, "SELECT coalesce(max(version), 0) FROM form", version_r, error_r);
}

static void put_tables(FILE *out, const struct record_kind *kind, const char *columns)
{
    const char *table = kind->table;

    fprintf(out,
            "BEGIN;" POSTGRESQL_LOCK
            "CREATE TABLE IF NOT EXISTS verimail.form (version integer NOT NULL);"
            "CREATE SEQUENCE IF NOT EXISTS verimail.%s_number;"
            "CREATE TABLE IF NOT EXISTS verimail.%s (id bigint NOT NULL DEFAULT"
            " nextval('verimail.%s_number'), %s) PARTITION BY RANGE (id);",
            table, table, table, columns);
    fprintf(out,
            "CREATE INDEX IF NOT EXISTS %s_by_time ON verimail.%s (time);"
            "CREATE INDEX IF NOT EXISTS %s_by_id ON verimail.%s (id);"
            "CREATE INDEX IF NOT EXISTS %s_unusual ON verimail.%s (time%s) WHERE %s;"
            "CREATE TABLE IF NOT EXISTS verimail.%s_gap (time bigint NOT NULL, lost bigint NOT"
            " NULL, left_out bigint NOT NULL);",
            table, table, table, table, table, table, kind->unusual_with, kind->unusual, table);
    for (size_t i = 0; kind->rollups[i] != NULL; i++)
        postgresql_rollup_put_table(out, kind, kind->rollups[i]);
    fputs("INSERT INTO verimail.form SELECT 1 WHERE NOT EXISTS (SELECT FROM verimail.form);"
          "COMMIT;",
            out);
}

/* The tables of this kind of event; `form` is of both. */
static bool postgresql_make_kind(struct postgresql *p, char error_r[EVENTSTORE_ERROR_MAX])
{
    char columns[COLUMNS_MAX];
    struct writer w = writer_of(columns, sizeof columns);
    char *sql = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&sql, &len);

    record_kind_put_columns(p->kind, " bigint NOT NULL", " text NOT NULL", &w);
    writer_char(&w, '\0');
    if (out != NULL && !w.failed)
        put_tables(out, p->kind, columns);
    bool done = out != NULL && memstream_close(out, &sql) && !w.failed;
    if (!done)
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
    done = done && postgresql_transact(p->session, sql, error_r);
    free(sql);
    return done;
}

static bool postgresql_make_tables(struct postgresql *p, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct session *s = p->session;
    char ignored[EVENTSTORE_ERROR_MAX];
    int64_t there = 0;

    if (!session_number(
                s, "SELECT (to_regnamespace('verimail') IS NOT NULL)::int", &there, error_r))
        return false;
    /* Another service may have created it first. Other causes show at the tables. */
    if (there == 0 && !session_run(s, schema, error_r) &&
            !session_run(s, "SELECT 'verimail'::regnamespace", ignored))
        return false;
    return postgresql_make_kind(p, error_r);
}

static bool check_tables(struct postgresql *p, char error_r[EVENTSTORE_ERROR_MAX])
{
    int64_t version;

    if (!read_version(p, &version, error_r))
        return false;
    if (version == 0 && p->use == EVENTSTORE_RECORD)
        return postgresql_make_tables(p, error_r) && read_version(p, &version, error_r);
    if (version >= 1 && version <= FORM)
        return true;
    p->missing = version == 0;
    if (version == 0)
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "%s: holds no events", p->address);
    else
        snprintf(error_r, EVENTSTORE_ERROR_MAX,
                "%s: was made by a newer Verimail (form %" PRId64 ", this one knows %d)",
                p->address, version, FORM);
    return false;
}

static bool connect_session(struct postgresql *p, char error_r[EVENTSTORE_ERROR_MAX])
{
    const bool to_record = p->use == EVENTSTORE_RECORD;

    session_close(&p->session);
    p->session = session_open(p->address, !to_record, error_r);
    if (p->session != NULL &&
            session_run(p->session, to_record ? settings_to_record : settings_to_read, error_r) &&
            check_tables(p, error_r))
        return true;
    session_close(&p->session);
    return false;
}

static void close_postgresql(void *store)
{
    struct postgresql *p = store;

    session_close(&p->session);
    postgresql_rollup_close(p);
    free(p);
}

static void *open_postgresql(const char *address, const struct record_kind *kind,
        enum eventstore_use use, char error_r[EVENTSTORE_ERROR_MAX])
{
    const size_t size = strlen(address) + 1;
    struct postgresql *p = calloc(1, sizeof *p + size);

    if (p == NULL) {
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
        return NULL;
    }
    p->kind = kind;
    p->use = use;
    postgresql_size_set(p, 0);
    memcpy(p->address, address, size);
    if (!postgresql_rollup_open(p))
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
    else if (connect_session(p, error_r))
        return p;
    const bool missing = p->missing;
    close_postgresql(p);
    errno = missing ? ENOENT : EIO;
    return NULL;
}

/* Writes COPY's text form. Event texts are printable ASCII. Any other octet is written as in
 * canonical text, so that a server of any encoding accepts it. */
static void postgresql_put_text(FILE *out, struct text t, char end)
{
    for (size_t i = 0; i < t.len; i++) {
        const unsigned char c = (unsigned char)t.at[i];
        if (c < ' ' || c > '~')
            fprintf(out, "%%%02X", c);
        else if (c == '\\')
            fputs("\\\\", out);
        else
            putc_unlocked(c, out);
    }
    putc_unlocked(end, out);
}

static void postgresql_put_event(FILE *out, const struct record_kind *kind, const void *event)
{
    struct eventstore_value values[RECORD_KIND_COLUMNS_MAX];

    kind->values(event, values);
    for (size_t i = 0; i < kind->columns_count; i++) {
        const char end = i + 1 < kind->columns_count ? '\t' : '\n';
        if (values[i].is_text)
            postgresql_put_text(out, values[i].text, end);
        else
            fprintf(out, "%" PRId64 "%c", values[i].number, end);
    }
}

static bool put_events(const struct record_kind *kind, const void *events, size_t count,
        char **lines_r, size_t *len_r)
{
    FILE *out = open_memstream(lines_r, len_r);

    if (out == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (kind->has_row(record_kind_at(kind, events, i)))
            postgresql_put_event(out, kind, record_kind_at(kind, events, i));
    if (memstream_close(out, lines_r))
        return true;
    free(*lines_r);
    return false;
}

/* A transaction in progress. */
struct writing {
    const void *events;
    struct text lines;
    size_t count;
    const struct eventstore_gap *gap;
    int64_t transaction; /* the server's id of it */
    bool ending;         /* COMMIT was sent */
};

static bool write_gap(
        struct postgresql *p, const struct eventstore_gap *gap, char error_r[EVENTSTORE_ERROR_MAX])
{
    char sql[160];

    snprintf(sql, sizeof sql,
            "INSERT INTO verimail.%s_gap VALUES (%" PRId64 ", %" PRId64 ", %" PRId64 ")",
            p->kind->table, record_number(gap->time).number, record_number(gap->lost).number,
            record_number(gap->left_out).number);
    return session_run(p->session, sql, error_r);
}

static bool copy_lines(struct postgresql *p, struct text lines, char error_r[EVENTSTORE_ERROR_MAX])
{
    char sql[COLUMNS_MAX];
    struct writer w = writer_of(sql, sizeof sql);

    writer_string(&w, "COPY verimail.");
    writer_string(&w, p->kind->table);
    writer_string(&w, " (");
    record_kind_put_columns(p->kind, "", "", &w);
    writer_string(&w, ") FROM STDIN");
    writer_char(&w, '\0');
    return !w.failed && session_copy(p->session, sql, lines, error_r);
}

/* The next id. Nobody else takes one while the lock is held. */
static bool next_id(struct postgresql *p, int64_t *id_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    char sql[128];

    snprintf(sql, sizeof sql,
            "SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM"
            " verimail.%s_number",
            p->kind->table);
    return session_number(p->session, sql, id_r, error_r);
}

/* Adds the events to the sums, each with the partition that its id will be in. */
static bool write_sums(
        struct postgresql *p, const struct writing *w, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct eventstore_value values[RECORD_KIND_COLUMNS_MAX];
    int64_t id = 0;
    int64_t end = 0;

    postgresql_rollup_clear(p);
    if (!next_id(p, &id, error_r))
        return false;
    for (size_t i = 0; i < w->count; i++) {
        const void *event = record_kind_at(p->kind, w->events, i);
        const bool has_row = p->kind->has_row(event);
        if (has_row && id >= end && !postgresql_size_part(p, id, &end, error_r))
            return false;
        p->kind->values(event, values);
        postgresql_rollup_note(p, values, has_row ? end : 0);
        id += has_row;
    }
    return postgresql_rollup_apply(p, 1, error_r);
}

static bool write_once(struct postgresql *p, struct writing *w, char error_r[EVENTSTORE_ERROR_MAX])
{
    w->ending = false;
    if (!session_number(p->session, "BEGIN;" POSTGRESQL_LOCK "SELECT txid_current()",
                &w->transaction, error_r) ||
            (w->count > 0 && !write_sums(p, w, error_r)) ||
            (w->lines.len > 0 && !copy_lines(p, w->lines, error_r)) ||
            (w->gap != NULL && !write_gap(p, w->gap, error_r)))
        return false;
    w->ending = true;
    return session_run(p->session, "COMMIT", error_r);
}

/* Whether the transaction was committed. After a connection broke between COMMIT and its answer,
 * only the server knows. */
static bool was_written(struct session *s, const struct writing *w)
{
    char ignored[EVENTSTORE_ERROR_MAX];
    char sql[96];
    int64_t done = 0;

    if (!w->ending)
        return false;
    snprintf(sql, sizeof sql, "SELECT coalesce((txid_status(%" PRId64 ") = 'committed')::int, 0)",
            w->transaction);
    return session_number(s, sql, &done, ignored) && done == 1;
}

static bool write_lines(struct postgresql *p, struct writing *w, char error_r[EVENTSTORE_ERROR_MAX])
{
    snprintf(error_r, EVENTSTORE_ERROR_MAX, "%s: the connection was lost", p->address);
    for (int tries = 0; tries < 2; tries++) {
        if (!session_alive(p->session) && !connect_session(p, error_r))
            return false;
        if (tries > 0 && was_written(p->session, w))
            return true;
        if (postgresql_size_make_room(p, w->lines.len, error_r) &&
                postgresql_size_extend(p, w->count, error_r) && write_once(p, w, error_r))
            return true;
        postgresql_roll_back(p->session);
        if (session_alive(p->session) || session_is_silent(p->session))
            return false;
    }
    return false;
}

static bool write_postgresql(void *store, const void *events, size_t count,
        const struct eventstore_gap *gap, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct postgresql *p = store;
    char *lines = NULL;
    size_t len = 0;

    if (!put_events(p->kind, events, count, &lines, &len)) {
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
        return false;
    }
    struct writing w = {.events = events, .lines = {lines, len}, .count = count, .gap = gap};
    const bool done = write_lines(p, &w, error_r);
    free(lines);
    return done;
}

struct deletion {
    struct postgresql *p;
    size_t count;
};

/* A deleted row, behind the end of its partition. */
static bool note_deleted(void *context, const struct eventstore_value *values, size_t count)
{
    struct deletion *deletion = context;

    if (count > deletion->p->kind->columns_count)
        postgresql_rollup_note(deletion->p, values + 1, values[0].number);
    deletion->count++;
    return true;
}

static bool postgresql_delete_rows(
        struct deletion *deletion, uint64_t before, char error_r[EVENTSTORE_ERROR_MAX])
{
    const char *table = deletion->p->kind->table;
    char columns[COLUMNS_MAX];
    char sql[2 * COLUMNS_MAX];
    struct writer w = writer_of(columns, sizeof columns);

    record_kind_put_columns(deletion->p->kind, "", "", &w);
    writer_char(&w, '\0');
    snprintf(sql, sizeof sql,
            "DELETE FROM verimail.%s WHERE time < %" PRIu64 " AND id IN (SELECT id FROM"
            " verimail.%s WHERE time < %" PRIu64 " ORDER BY time LIMIT %d)"
            " RETURNING right(tableoid::regclass::text, 19)::bigint, %s",
            table, before, table, before, PURGE_MOST, columns);
    return !w.failed &&
           session_query(deletion->p->session, sql, NULL, 0, note_deleted, deletion, error_r);
}

static bool delete_once(
        struct postgresql *p, uint64_t before, bool *more_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct deletion deletion = {.p = p};
    char sql[256];

    postgresql_rollup_clear(p);
    snprintf(sql, sizeof sql,
            "BEGIN;" POSTGRESQL_LOCK "DELETE FROM verimail.%s_gap WHERE time < %" PRIu64,
            p->kind->table, before);
    const bool done =
            session_run(p->session, sql, error_r) &&
            postgresql_delete_rows(&deletion, before, error_r) &&
            postgresql_rollup_apply(p, -1, error_r) &&
            (deletion.count >= PURGE_MOST || postgresql_rollup_trim(p, before, error_r)) &&
            session_run(p->session, "COMMIT", error_r);
    if (!done)
        postgresql_roll_back(p->session);
    *more_r = done && deletion.count >= PURGE_MOST;
    return done;
}

/* A connection that breaks is opened again. Whether the server heard of the COMMIT does not matter:
 * what is left of the old rows is deleted then. */
static bool delete_some(
        struct postgresql *p, uint64_t before, bool *more_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    if (delete_once(p, before, more_r, error_r))
        return true;
    return !session_alive(p->session) && !session_is_silent(p->session) &&
           connect_session(p, error_r) && delete_once(p, before, more_r, error_r);
}

static bool purge_postgresql(
        void *store, uint64_t before, bool *more_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct postgresql *p = store;
    int64_t oldest = 0;

    before = before < INT64_MAX ? before : INT64_MAX;
    if ((!session_alive(p->session) && !connect_session(p, error_r)) ||
            !postgresql_size_make_room(p, 0, error_r) ||
            !postgresql_size_find_old(p, before, &oldest, error_r))
        return false;
    return oldest > 0 ? postgresql_size_drop(p, oldest, more_r, error_r)
                      : delete_some(p, before, more_r, error_r);
}

static bool query_postgresql(void *store, const char *sql,
        const struct eventstore_value *parameters, size_t parameters_count,
        bool (*row)(void *context, const struct eventstore_value *values, size_t count),
        void *context, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct postgresql *p = store;

    if (!session_alive(p->session) && !connect_session(p, error_r))
        return false;
    return session_query(p->session, sql, parameters, parameters_count, row, context, error_r);
}

static bool begin_postgresql(void *store, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct postgresql *p = store;

    return (session_alive(p->session) || connect_session(p, error_r)) &&
           session_run(p->session, "BEGIN ISOLATION LEVEL REPEATABLE READ", error_r);
}

static void end_postgresql(void *store)
{
    postgresql_roll_back(((struct postgresql *)store)->session);
}

const struct eventstore_backend eventstore_postgresql = {
        .name = "postgresql",
        .scheme = SCHEME,
        .open = open_postgresql,
        .close = close_postgresql,
        .set_size = postgresql_size_set,
        .write = write_postgresql,
        .purge = purge_postgresql,
        .query = query_postgresql,
        .begin = begin_postgresql,
        .end = end_postgresql,
};
