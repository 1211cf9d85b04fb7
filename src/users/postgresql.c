// SPDX-License-Identifier: ISC
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "users/directory_backend.h"
#include "users/mailbox.h"
#include "users/rule_words.h"

#define COLUMNS_MAX 6
#define WORDS_MAX (ROW_TEXT_MAX * 2)
#define CONNECT_LEAST 2 /* seconds; libpq treats less as this */
#define BEHIND 1000     /* milliseconds; the server's own limit comes first and names the cause */

struct reading {
    PGconn *connection;
    const struct config_directory *directory;
    struct row_set *rows;
    int columns[COLUMNS_MAX]; /* index of each column; -1: missing */
    uint64_t row;             /* row number, from 1 */
    bool silent;              /* the server did not answer in time */
    char *error;
};

enum column { ADDRESS, HOSTS, MORE_HOSTS, ALLOW_UNAUTHORIZED, NOT_BEFORE, ALIAS };
static const char *const names[COLUMNS_MAX] = {
        "address", "hosts", "more_hosts", "allow_unauthorized", "not_before", "alias"};

/* Messages of libpq and servers may have several lines. */
static bool postgresql_fail(struct reading *r, const char *sentence)
{
    const char *host = PQhost(r->connection);
    const char *database = PQdb(r->connection);
    const int used = snprintf(r->error, DIRECTORY_ERROR_MAX,
            "PostgreSQL, database %.128s at %.128s: ", database != NULL ? database : "?",
            host != NULL && *host != '\0' ? host : "?");

    char *at = r->error + used;
    snprintf(at, DIRECTORY_ERROR_MAX - (size_t)used, "%s", sentence);
    for (; *at != '\0'; at++)
        if (*at == '\n' || *at == '\t')
            *at = ' ';
    while (at[-1] == ' ')
        *--at = '\0';
    return false;
}

static bool postgresql_fail_connection(struct reading *r)
{
    return postgresql_fail(r, r->silent ? "gives no answer" : PQerrorMessage(r->connection));
}

/* By default notices go to standard error. */
static void postgresql_ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

/* Parameters before the address are defaults that it may override; those after it override it. */
static PGconn *postgresql_connect_to(const struct config_directory *directory, const char *password)
{
    const char *keywords[10] = {
            "connect_timeout", "fallback_application_name", "dbname", "client_encoding"};
    char seconds[24];
    const char *values[10] = {seconds, "verimail", directory->source.at, "UTF8"};
    size_t count = 4;

    snprintf(seconds, sizeof seconds, "%" PRIu64,
            directory->timeout > CONNECT_LEAST ? directory->timeout : CONNECT_LEAST);
    if (password != NULL) {
        keywords[count] = "password";
        values[count++] = password;
    }
    if (directory->ca.at != NULL) {
        keywords[count] = "sslmode";
        values[count++] = "verify-full";
        keywords[count] = "sslrootcert";
        values[count++] = directory->ca.at;
    }
    return PQconnectdbParams(keywords, values, 1);
}

/* Waits until something can be read. False when the connection is lost or the server is silent too
 * long. */
static bool postgresql_wait_for(struct reading *r, uint64_t deadline)
{
    const uint64_t now = mono_ms();
    struct pollfd fd = {.fd = PQsocket(r->connection), .events = POLLIN};

    if (fd.fd < 0)
        return false;
    if (poll(&fd, 1, now < deadline ? (int)(deadline - now) : 0) == 0) {
        r->silent = true;
        return false;
    }
    return PQconsumeInput(r->connection) == 1;
}

/* The next result. NULL: there is none, or the connection is lost. */
static PGresult *postgresql_next(struct reading *r)
{
    const uint64_t deadline = mono_ms() + r->directory->timeout * 1000 + BEHIND;

    while (PQisBusy(r->connection))
        if (!postgresql_wait_for(r, deadline))
            return NULL;
    return PQgetResult(r->connection);
}

/* Whether the result is complete, after a NULL from postgresql_next(). */
static bool is_over(struct reading *r)
{
    return (!r->silent && PQstatus(r->connection) == CONNECTION_OK) ||
           postgresql_fail_connection(r);
}

static bool postgresql_run(struct reading *r, const char *sql)
{
    bool good = true;
    PGresult *result;

    if (PQsendQuery(r->connection, sql) == 0)
        return postgresql_fail_connection(r);
    while ((result = postgresql_next(r)) != NULL) {
        if (good && PQresultStatus(result) != PGRES_COMMAND_OK)
            good = postgresql_fail(r, PQresultErrorMessage(result));
        PQclear(result);
    }
    return good && is_over(r);
}

/* Begins a read-only transaction, in which the query is the only statement. PQsendQueryParams()
 * also accepts only one. */
static bool postgresql_begin(struct reading *r)
{
    char sql[256];

    snprintf(sql, sizeof sql,
            "SET default_transaction_read_only = on; SET datestyle = ISO; SET statement_timeout = "
            "%" PRIu64 "000; BEGIN READ ONLY",
            r->directory->timeout);
    return postgresql_run(r, sql) && ((PQsendQueryParams(r->connection, r->directory->query.at, 0,
                                               NULL, NULL, NULL, NULL, 0) == 1 &&
                                              PQsetSingleRowMode(r->connection) == 1) ||
                                             postgresql_fail_connection(r));
}

static bool find_column(struct reading *r, const char *name, int at)
{
    char sentence[256];

    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        if (r->columns[i] < 0) {
            r->columns[i] = at;
            return true;
        }
        snprintf(sentence, sizeof sentence, "a second column: %s: expected one", name);
        return postgresql_fail(r, sentence);
    }
    snprintf(sentence, sizeof sentence,
            "unknown column: %.64s: expected address, hosts, more_hosts, allow_unauthorized, "
            "not_before or alias",
            name);
    return postgresql_fail(r, sentence);
}

/* An unknown column is refused: it could be a misspelled restriction. */
static bool find_columns(struct reading *r, const PGresult *result)
{
    for (size_t i = 0; i < COLUMNS_MAX; i++)
        r->columns[i] = -1;
    for (int i = 0; i < PQnfields(result); i++)
        if (!find_column(r, PQfname(result, i), i))
            return false;
    return r->columns[ADDRESS] >= 0 || postgresql_fail(r, "the query has no column `address`");
}

/* False: the value is NULL, or there is no such column. */
static bool postgresql_get(
        const struct reading *r, const PGresult *result, enum column column, struct text *value_r)
{
    const int at = r->columns[column];

    if (at < 0 || PQgetisnull(result, 0, at))
        return false;
    *value_r = (struct text){PQgetvalue(result, 0, at), (size_t)PQgetlength(result, 0, at)};
    return true;
}

static bool put_hosts(const struct reading *r, const PGresult *result, enum column column,
        struct writer *words, char error_r[ROW_ERROR_MAX])
{
    char buffer[ROW_TEXT_MAX];
    struct writer hosts = writer_of(buffer, sizeof buffer);
    struct text value;

    if (!postgresql_get(r, result, column, &value))
        return true;
    if (!rule_words_add_hosts(value, &hosts, error_r))
        return false;
    if (column == HOSTS || writer_text(&hosts).len > 0)
        rule_words_put(words, names[column], writer_text(&hosts));
    return true;
}

static bool put_flag(const struct reading *r, const PGresult *result, struct writer *words,
        char error_r[ROW_ERROR_MAX])
{
    struct text value;
    bool flag = false;

    if (!postgresql_get(r, result, ALLOW_UNAUTHORIZED, &value))
        return true;
    if (!rule_words_flag(value, &flag, error_r))
        return false;
    if (flag)
        rule_words_put(words, names[ALLOW_UNAUTHORIZED], text_of("yes"));
    return true;
}

static bool put_not_before(const struct reading *r, const PGresult *result, struct writer *words,
        char error_r[ROW_ERROR_MAX])
{
    char date[DATE_TEXT_MAX];
    struct text value;

    if (!postgresql_get(r, result, NOT_BEFORE, &value))
        return true;
    if (!rule_words_date(value, date, error_r))
        return false;
    rule_words_put(words, names[NOT_BEFORE], text_of(date));
    return true;
}

static bool put_alias(const struct reading *r, const PGresult *result, struct writer *words,
        char error_r[ROW_ERROR_MAX])
{
    char buffer[ADDRESS_MAX + 1];
    struct text value;
    struct text key;

    if (!postgresql_get(r, result, ALIAS, &value) || value.len == 0)
        return true;
    if (mailbox_read(value, buffer, &key) != MAILBOX_PLAIN) {
        snprintf(error_r, ROW_ERROR_MAX, "bad alias: %.100s: expected an address", value.at);
        return false;
    }
    rule_words_put(words, names[ALIAS], key);
    return true;
}

/* `*@example.org` stands for all other users of the domain. */
static bool postgresql_find_user(
        struct text address, char buffer[ADDRESS_MAX + 1], struct text *user_r)
{
    if (address.len > 1 && memcmp(address.at, "*@", 2) == 0)
        return row_parse_user(address, buffer, user_r);
    return mailbox_read(address, buffer, user_r) == MAILBOX_PLAIN;
}

static bool postgresql_take_row(struct reading *r, const PGresult *result)
{
    char origin[32];
    char octets[WORDS_MAX];
    char buffer[ADDRESS_MAX + 1];
    char error[ROW_ERROR_MAX];
    char sentence[DIRECTORY_ERROR_MAX];
    struct writer words = writer_of(octets, sizeof octets);
    struct text address = {"NULL", 4};
    struct text user;

    snprintf(origin, sizeof origin, "row %" PRIu64, ++r->row);
    if (!postgresql_get(r, result, ADDRESS, &address) ||
            !postgresql_find_user(address, buffer, &user)) {
        row_set_skip(r->rows, address, text_of(origin));
        return true;
    }
    if (!put_hosts(r, result, HOSTS, &words, error) ||
            !put_hosts(r, result, MORE_HOSTS, &words, error) ||
            !put_flag(r, result, &words, error) || !put_not_before(r, result, &words, error) ||
            !put_alias(r, result, &words, error)) {
        snprintf(sentence, sizeof sentence, "%.*s: %s", (int)user.len, user.at, error);
        row_set_refuse(r->rows, text_of(origin), sentence);
        return true;
    }
    return row_set_put(r->rows, user, writer_text(&words), text_of(origin)) ||
           postgresql_fail(r, "out of memory");
}

static bool postgresql_take_result(struct reading *r, const PGresult *result)
{
    switch ((int)PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
        return (r->row > 0 || find_columns(r, result)) && postgresql_take_row(r, result);
    case PGRES_TUPLES_OK: /* the end of the rows */
        return r->row > 0 || find_columns(r, result);
    case PGRES_COMMAND_OK:
    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_EMPTY_QUERY:
        return postgresql_fail(r, "the query gives no rows: expected a SELECT");
    default:
        return postgresql_fail(r, PQresultErrorMessage(result));
    }
}

static bool postgresql_read_rows(struct reading *r)
{
    bool good = postgresql_begin(r);
    bool any = false;
    PGresult *result;

    while (good && (result = postgresql_next(r)) != NULL) {
        good = postgresql_take_result(r, result);
        any = true;
        PQclear(result);
    }
    return good && is_over(r) && (any || postgresql_fail(r, "gives no answer"));
}

static bool read_postgresql(const struct config_directory *directory, const char *password,
        struct row_set *rows, char error_r[DIRECTORY_ERROR_MAX])
{
    struct reading r = {.connection = postgresql_connect_to(directory, password),
            .directory = directory,
            .rows = rows,
            .error = error_r};
    bool good = false;

    if (r.connection == NULL) {
        snprintf(error_r, DIRECTORY_ERROR_MAX, "out of memory");
        return false;
    }
    PQsetNoticeProcessor(r.connection, postgresql_ignore_notice, NULL);
    if (PQstatus(r.connection) == CONNECTION_OK)
        good = postgresql_read_rows(&r);
    else
        (void)postgresql_fail_connection(&r);
    PQfinish(r.connection);
    return good;
}

const struct directory_backend directory_postgresql = {"postgresql://", read_postgresql};
