// SPDX-License-Identifier: ISC
#include "events/session.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/one_line.h"

#define PARAMETERS_MAX 16
#define COLUMNS_MAX 32
#define STATE_OCTETS 6 /* of an SQLSTATE, with a NUL */

/* PostgreSQL's numbers of types, which never change. */
enum type {
    TYPE_BOOL = 16,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_FLOAT4 = 700,
    TYPE_FLOAT8 = 701,
    TYPE_NUMERIC = 1700,
};

struct session {
    PGconn *connection;
    bool patient;
    bool silent; /* the server did not answer in time */
    bool lost;
    char state[STATE_OCTETS];
};

static bool session_fail(
        struct session *s, const char *sentence, char error_r[EVENTSTORE_ERROR_MAX])
{
    const char *host = PQhost(s->connection);
    const char *database = PQdb(s->connection);
    const int used = snprintf(error_r, EVENTSTORE_ERROR_MAX,
            "PostgreSQL, database %.128s at %.128s: ", database != NULL ? database : "?",
            host != NULL && *host != '\0' ? host : "?");

    one_line_put(sentence, error_r + used, EVENTSTORE_ERROR_MAX - (size_t)used);
    return false;
}

static bool session_fail_connection(struct session *s, char error_r[EVENTSTORE_ERROR_MAX])
{
    return session_fail(s, s->silent ? "gives no answer" : PQerrorMessage(s->connection), error_r);
}

/* Ignores notices; by default they go to standard error. */
static void session_ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

/* Reports a bad address without its text, so that a misplaced password does not reach the log. */
static void put_mistake(
        const char *address, const char *mistake, char error_r[EVENTSTORE_ERROR_MAX])
{
    if (strstr(mistake, address) != NULL)
        mistake = "the address of a PostgreSQL server is not one that libpq understands";
    one_line_put(mistake, error_r, EVENTSTORE_ERROR_MAX);
}

static bool holds_password(const char *address, char error_r[EVENTSTORE_ERROR_MAX])
{
    char *mistake = NULL;
    PQconninfoOption *options = PQconninfoParse(address, &mistake);
    bool found = false;

    error_r[0] = '\0';
    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
        found = found || (strcmp(o->keyword, "password") == 0 && o->val != NULL);
    if (options == NULL)
        put_mistake(address, mistake != NULL ? mistake : "out of memory", error_r);
    else if (found)
        snprintf(error_r, EVENTSTORE_ERROR_MAX,
                "the address of a PostgreSQL server holds no password: name a file with "
                "passfile=");
    PQfreemem(mistake);
    PQconninfoFree(options);
    return error_r[0] != '\0';
}

/* Parameters before the address are defaults that it may override; those after it override it. */
static PGconn *session_connect_to(const char *address)
{
    static const char *const names[] = {"connect_timeout", "tcp_user_timeout", "keepalives_idle",
            "keepalives_interval", "keepalives_count", "fallback_application_name", "dbname",
            "client_encoding", NULL};
    const char *const values[] = {
            SESSION_CONNECT, "10000", "10", "5", "3", "verimail", address, "UTF8", NULL};

    return PQconnectdbParams(names, values, 1);
}

struct session *session_open(const char *address, bool patient, char error_r[EVENTSTORE_ERROR_MAX])
{
    if (holds_password(address, error_r))
        return NULL;
    struct session *s = calloc(1, sizeof *s);
    if (s != NULL)
        s->connection = session_connect_to(address);
    if (s == NULL || s->connection == NULL) {
        free(s);
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
        return NULL;
    }
    s->patient = patient;
    PQsetNoticeProcessor(s->connection, session_ignore_notice, NULL);
    if (PQstatus(s->connection) == CONNECTION_OK && PQsetnonblocking(s->connection, 1) == 0)
        return s;
    (void)session_fail_connection(s, error_r);
    session_close(&s);
    return NULL;
}

void session_close(struct session **session)
{
    if (*session == NULL)
        return;
    PQfinish((*session)->connection);
    free(*session);
    *session = NULL;
}

bool session_alive(const struct session *s)
{
    return s != NULL && !s->silent && !s->lost && PQstatus(s->connection) == CONNECTION_OK;
}

bool session_is_silent(const struct session *s)
{
    return s != NULL && s->silent;
}

void session_abandon(struct session *s)
{
    s->lost = true;
}

bool session_failed_with(const struct session *s, const char *state)
{
    return strcmp(s->state, state) == 0;
}

/* Waits until something can be read, or also written if `to_write`. False when the connection is
 * lost. */
static bool session_wait_for(struct session *s, bool to_write, uint64_t deadline)
{
    const uint64_t now = mono_ms();
    struct pollfd fd = {
            .fd = PQsocket(s->connection), .events = (short)(POLLIN | (to_write ? POLLOUT : 0))};
    const int timeout = deadline == UINT64_MAX ? -1 : now < deadline ? (int)(deadline - now) : 0;

    if (fd.fd < 0)
        return false;
    if (poll(&fd, 1, timeout) == 0) {
        s->silent = true;
        return false;
    }
    return (fd.revents & (POLLIN | POLLERR | POLLHUP)) == 0 || PQconsumeInput(s->connection) == 1;
}

static bool flush(struct session *s)
{
    const uint64_t deadline = mono_ms() + SESSION_TIMEOUT;
    int left;

    while ((left = PQflush(s->connection)) == 1)
        if (!session_wait_for(s, true, deadline))
            return false;
    return left == 0;
}

/* The next result. NULL: there is none, or the connection is lost. */
static PGresult *session_next(struct session *s)
{
    const uint64_t deadline = s->patient ? UINT64_MAX : mono_ms() + SESSION_TIMEOUT;

    while (PQisBusy(s->connection))
        if (!session_wait_for(s, false, deadline))
            return NULL;
    return PQgetResult(s->connection);
}

/* Whether the result is a success; if not, `error_r` has the reason. */
static bool examine(struct session *s, const PGresult *result, char error_r[EVENTSTORE_ERROR_MAX])
{
    const ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE ||
            status == PGRES_COPY_IN)
        return true;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(s->state, sizeof s->state, "%s", state != NULL ? state : "");
    return session_fail(s, PQresultErrorMessage(result), error_r);
}

static int64_t session_number_of(PGresult *result)
{
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
        return strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    return strtoll(PQcmdTuples(result), NULL, 10);
}

/* Reads all further results, and returns the last one's number. */
static bool session_finish(struct session *s, int64_t *number_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    bool good = true;
    PGresult *result;

    while ((result = session_next(s)) != NULL) {
        good = good && examine(s, result, error_r);
        if (good)
            *number_r = session_number_of(result);
        PQclear(result);
    }
    return good && (session_alive(s) || session_fail_connection(s, error_r));
}

bool session_number(
        struct session *s, const char *sql, int64_t *number_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    s->state[0] = '\0';
    if (PQsendQuery(s->connection, sql) == 0 || !flush(s))
        return session_fail_connection(s, error_r);
    return session_finish(s, number_r, error_r);
}

bool session_run(struct session *s, const char *sql, char error_r[EVENTSTORE_ERROR_MAX])
{
    int64_t ignored;

    return session_number(s, sql, &ignored, error_r);
}

static bool begin_copy(struct session *s, const char *sql, char error_r[EVENTSTORE_ERROR_MAX])
{
    int64_t ignored;

    s->state[0] = '\0';
    if (PQsendQuery(s->connection, sql) == 0 || !flush(s))
        return session_fail_connection(s, error_r);
    PGresult *result = session_next(s);
    if (result == NULL)
        return session_fail_connection(s, error_r);
    const bool begun = PQresultStatus(result) == PGRES_COPY_IN;
    if (!begun)
        (void)examine(s, result, error_r);
    PQclear(result);
    return begun || (session_finish(s, &ignored, error_r) && false);
}

bool session_copy(
        struct session *s, const char *sql, struct text lines, char error_r[EVENTSTORE_ERROR_MAX])
{
    int64_t ignored;

    if (!begin_copy(s, sql, error_r))
        return false;
    if (PQputCopyData(s->connection, lines.at, (int)lines.len) != 1 ||
            PQputCopyEnd(s->connection, NULL) != 1 || !flush(s)) {
        s->lost = true; /* a command is unfinished, so the connection is useless */
        return session_fail_connection(s, error_r);
    }
    return session_finish(s, &ignored, error_r);
}

static bool send_query(struct session *s, const char *sql,
        const struct eventstore_value *parameters, size_t parameters_count)
{
    const char *values[PARAMETERS_MAX];
    Oid types[PARAMETERS_MAX];
    char numbers[PARAMETERS_MAX][24];
    char *texts[PARAMETERS_MAX] = {NULL};
    bool done = parameters_count <= PARAMETERS_MAX;

    for (size_t i = 0; done && i < parameters_count; i++) {
        types[i] = parameters[i].is_text ? TYPE_TEXT : TYPE_INT8;
        snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)parameters[i].number);
        if (parameters[i].is_text && parameters[i].text.len > 0)
            texts[i] = strndup(parameters[i].text.at, parameters[i].text.len);
        else if (parameters[i].is_text)
            texts[i] = strdup("");
        done = !parameters[i].is_text || texts[i] != NULL;
        values[i] = parameters[i].is_text ? texts[i] : numbers[i];
    }
    done = done && PQsendQueryParams(s->connection, sql, (int)parameters_count, types, values, NULL,
                           NULL, 0) == 1;
    for (size_t i = 0; i < PARAMETERS_MAX; i++)
        free(texts[i]);
    return done && PQsetSingleRowMode(s->connection) == 1 && flush(s);
}

/* NULL is the number 0, as with SQLite. */
static struct eventstore_value session_value_of(const PGresult *result, int column)
{
    const char *at = PQgetvalue(result, 0, column);

    if (PQgetisnull(result, 0, column))
        return (struct eventstore_value){.is_text = false};
    switch (PQftype(result, column)) {
    case TYPE_BOOL:
        return (struct eventstore_value){.number = *at == 't'};
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_NUMERIC:
        return (struct eventstore_value){.number = strtoll(at, NULL, 10)};
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        return (struct eventstore_value){.number = (int64_t)strtod(at, NULL)};
    default:
        return (struct eventstore_value){
                .is_text = true, .text = {at, (size_t)PQgetlength(result, 0, column)}};
    }
}

static size_t session_read_row(
        const PGresult *result, struct eventstore_value values_r[COLUMNS_MAX])
{
    const int count = PQnfields(result) < COLUMNS_MAX ? PQnfields(result) : COLUMNS_MAX;

    for (int i = 0; i < count; i++)
        values_r[i] = session_value_of(result, i);
    return (size_t)count;
}

/* Cancels the rest of a query. */
static void session_cancel(struct session *s)
{
    char ignored[256];
    PGcancel *request = PQgetCancel(s->connection);

    if (request != NULL)
        (void)PQcancel(request, ignored, sizeof ignored);
    PQfreeCancel(request);
}

bool session_query(struct session *s, const char *sql, const struct eventstore_value *parameters,
        size_t parameters_count,
        bool (*row)(void *context, const struct eventstore_value *values, size_t count),
        void *context, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct eventstore_value values[COLUMNS_MAX];
    PGresult *result;
    bool good = true;
    bool wanted = true;
    /* In a transaction the rest is read: after a cancellation nothing could follow. */
    const bool may_cancel = PQtransactionStatus(s->connection) == PQTRANS_IDLE;

    s->state[0] = '\0';
    if (!send_query(s, sql, parameters, parameters_count))
        return session_fail_connection(s, error_r);
    while ((result = session_next(s)) != NULL) {
        if (wanted && PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
            wanted = row(context, values, session_read_row(result, values));
            if (!wanted && may_cancel)
                session_cancel(s);
        } else if (wanted) {
            good = good && examine(s, result, error_r);
        }
        PQclear(result);
    }
    return good && (session_alive(s) || session_fail_connection(s, error_r));
}
