// SPDX-License-Identifier: ISC
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/postgresql.h"
#include "events/session.h"

#define SCHEME "postgresql://"
#define FORM 1           /* version of the tables, stored in the table `form` */
#define PURGE_MOST 10000 /* events in one step */
#define SQL_MAX 2048     /* octets */

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
static const char tables[] =
        "BEGIN;" POSTGRESQL_LOCK
        "CREATE TABLE IF NOT EXISTS verimail.form (version integer NOT NULL);"
        "CREATE SEQUENCE IF NOT EXISTS verimail.event_number;"
        "CREATE TABLE IF NOT EXISTS verimail.event ("
        " id bigint NOT NULL DEFAULT nextval('verimail.event_number'), time bigint NOT NULL,"
        " verdict text NOT NULL, reason text NOT NULL, would_be text NOT NULL,"
        " cause text NOT NULL, \"user\" text NOT NULL, domain text NOT NULL, host text NOT NULL, "
        "receiving text NOT NULL, ip text NOT NULL, asker text NOT NULL, stamp text NOT NULL,"
        " issued bigint NOT NULL, digest text NOT NULL, listed smallint NOT NULL,"
        " ms bigint NOT NULL) PARTITION BY RANGE (id);"
        "CREATE INDEX IF NOT EXISTS event_by_time ON verimail.event (time);"
        "CREATE INDEX IF NOT EXISTS event_by_id ON verimail.event (id);"
        "CREATE TABLE IF NOT EXISTS verimail.gap (time bigint NOT NULL, lost bigint NOT NULL,"
        " left_out bigint NOT NULL);"
        "INSERT INTO verimail.form SELECT 1 WHERE NOT EXISTS (SELECT FROM verimail.form);"
        "COMMIT;";
static const char copy[] =
        "COPY verimail.event (time, verdict, reason, would_be, cause, \"user\", domain, host,"
        " receiving, ip, asker, stamp, issued, digest, listed, ms) FROM STDIN";

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

/* Reads the version; 0: there are no tables yet. */
static bool read_version(struct session *s, int64_t *version_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    *version_r = 0;
    if (!session_number(
                s, "SELECT (to_regclass('verimail.form') IS NOT NULL)::int", version_r, error_r))
        return false;
    return *version_r == 0 ||
           session_number(s, "SELECT coalesce(max(version), 0) FROM form", version_r, error_r);
}

static bool postgresql_make_tables(struct session *s, char error_r[EVENTSTORE_ERROR_MAX])
{
    char ignored[EVENTSTORE_ERROR_MAX];
    int64_t there = 0;

    if (!session_number(
                s, "SELECT (to_regnamespace('verimail') IS NOT NULL)::int", &there, error_r))
        return false;
    /* Another service may have created it first. Other causes show at the tables. */
    if (there == 0 && !session_run(s, schema, error_r) &&
            !session_run(s, "SELECT 'verimail'::regnamespace", ignored))
        return false;
    return postgresql_transact(s, tables, error_r);
}

static bool check_tables(struct postgresql *p, char error_r[EVENTSTORE_ERROR_MAX])
{
    int64_t version;

    if (!read_version(p->session, &version, error_r))
        return false;
    if (version == 0 && p->use == EVENTSTORE_RECORD)
        return postgresql_make_tables(p->session, error_r) &&
               read_version(p->session, &version, error_r);
    if (version >= 1 && version <= FORM)
        return true;
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
    free(p);
}

static void *open_postgresql(
        const char *address, enum eventstore_use use, char error_r[EVENTSTORE_ERROR_MAX])
{
    const size_t size = strlen(address) + 1;
    struct postgresql *p = calloc(1, sizeof *p + size);

    if (p == NULL) {
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
        return NULL;
    }
    p->use = use;
    postgresql_size_set(p, 0);
    memcpy(p->address, address, size);
    if (connect_session(p, error_r))
        return p;
    close_postgresql(p);
    return NULL;
}

static uint64_t bigint_of(uint64_t number)
{
    return number < INT64_MAX ? number : INT64_MAX;
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

static void postgresql_put_event(FILE *out, const struct event *e)
{
    fprintf(out, "%" PRIu64 "\t%s\t%s\t%s\t", bigint_of(e->time), verdict_name(e->verdict),
            reason_name(e->reason), reason_name(e->would_be));
    postgresql_put_text(out, e->cause, '\t');
    postgresql_put_text(out, e->user, '\t');
    postgresql_put_text(out, event_domain(e), '\t');
    postgresql_put_text(out, e->host, '\t');
    postgresql_put_text(out, e->receiving, '\t');
    postgresql_put_text(out, e->ip, '\t');
    postgresql_put_text(out, e->asker, '\t');
    postgresql_put_text(out, e->stamp, '\t');
    fprintf(out, "%" PRIu64 "\t", bigint_of(e->issued));
    postgresql_put_text(out, e->digest, '\t');
    fprintf(out, "%d\t%" PRIu32 "\n", e->listed, e->milliseconds);
}

static bool put_events(const struct event *events, size_t count, char **lines_r, size_t *len_r)
{
    FILE *out = open_memstream(lines_r, len_r);

    if (out == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        postgresql_put_event(out, &events[i]);
    if (fclose(out) == 0)
        return true;
    free(*lines_r);
    return false;
}

/* A transaction in progress. */
struct writing {
    struct text lines;
    size_t count;
    const struct eventstore_gap *gap;
    int64_t transaction; /* the server's id of it */
    bool ending;         /* COMMIT was sent */
};

static bool write_gap(
        struct session *s, const struct eventstore_gap *gap, char error_r[EVENTSTORE_ERROR_MAX])
{
    char sql[160];

    snprintf(sql, sizeof sql,
            "INSERT INTO verimail.gap VALUES (%" PRIu64 ", %" PRIu64 ", %" PRIu64 ")",
            bigint_of(gap->time), bigint_of(gap->lost), bigint_of(gap->left_out));
    return session_run(s, sql, error_r);
}

static bool write_once(struct session *s, struct writing *w, char error_r[EVENTSTORE_ERROR_MAX])
{
    w->ending = false;
    if (!session_number(
                s, "BEGIN;" POSTGRESQL_LOCK "SELECT txid_current()", &w->transaction, error_r) ||
            (w->lines.len > 0 && !session_copy(s, copy, w->lines, error_r)) ||
            (w->gap != NULL && !write_gap(s, w->gap, error_r)))
        return false;
    w->ending = true;
    return session_run(s, "COMMIT", error_r);
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
                postgresql_size_extend(p, w->count, error_r) && write_once(p->session, w, error_r))
            return true;
        postgresql_roll_back(p->session);
        if (session_alive(p->session) || session_is_silent(p->session))
            return false;
    }
    return false;
}

static bool write_postgresql(void *store, const struct event *events, size_t count,
        const struct eventstore_gap *gap, char error_r[EVENTSTORE_ERROR_MAX])
{
    char *lines = NULL;
    size_t len = 0;

    if (!put_events(events, count, &lines, &len)) {
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
        return false;
    }
    struct writing w = {.lines = {lines, len}, .count = count, .gap = gap};
    const bool done = write_lines(store, &w, error_r);
    free(lines);
    return done;
}

static bool delete_some(
        struct session *s, uint64_t before, bool *more_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    char sql[SQL_MAX];
    int64_t deleted = 0;

    snprintf(sql, sizeof sql,
            "DELETE FROM verimail.gap WHERE time < %" PRIu64 ";"
            "DELETE FROM verimail.event WHERE time < %" PRIu64 " AND id IN (SELECT id FROM"
            " verimail.event WHERE time < %" PRIu64 " ORDER BY time LIMIT %d)",
            before, before, before, PURGE_MOST);
    const bool done = session_number(s, sql, &deleted, error_r);
    *more_r = done && deleted >= PURGE_MOST;
    return done;
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
                      : delete_some(p->session, before, more_r, error_r);
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

const struct eventstore_backend eventstore_postgresql = {
        .name = "postgresql",
        .scheme = SCHEME,
        .open = open_postgresql,
        .close = close_postgresql,
        .set_size = postgresql_size_set,
        .write = write_postgresql,
        .purge = purge_postgresql,
        .query = query_postgresql,
};
