// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_SESSION_H
#define VERIMAIL_EVENTS_SESSION_H

#include "events/store.h"

/* A connection to PostgreSQL that never waits forever: it is dropped when the server is silent for
 * SESSION_TIMEOUT. A function that fails gives a sentence in `error_r`. The failure may also end
 * the connection. */
struct session;

#define SESSION_CONNECT "5"   /* seconds to connect to each of the server's addresses */
#define SESSION_TIMEOUT 15000 /* milliseconds of silence */

/* Connects to a libpq URI without a password in it. NULL with a sentence. A `patient` session waits
 * without limit for the first rows of a query. */
struct session *session_open(const char *address, bool patient, char error_r[EVENTSTORE_ERROR_MAX]);
void session_close(struct session **session);
/* Whether the connection is alive, as far as is known. False for NULL. */
bool session_alive(const struct session *session);
/* Whether the connection was lost because the server was silent for too long. False for NULL. */
bool session_is_silent(const struct session *session);
/* Treats the connection as lost. */
void session_abandon(struct session *session);
/* Whether the last failure had this SQLSTATE. */
bool session_failed_with(const struct session *session, const char *state);

/* Runs statements separated by semicolons. */
bool session_run(struct session *session, const char *sql, char error_r[EVENTSTORE_ERROR_MAX])
        __attribute__((warn_unused_result));
/* Like session_run(), with the last statement's result as a number. That is the first column of its
 * first row, or else the number of affected rows. */
bool session_number(struct session *session, const char *sql, int64_t *number_r,
        char error_r[EVENTSTORE_ERROR_MAX]) __attribute__((warn_unused_result));
/* Runs COPY ... FROM STDIN with these lines. */
bool session_copy(struct session *session, const char *sql, struct text lines,
        char error_r[EVENTSTORE_ERROR_MAX]) __attribute__((warn_unused_result));
/* See eventstore_query(). */
bool session_query(struct session *session, const char *sql,
        const struct eventstore_value *parameters, size_t parameters_count,
        bool (*row)(void *context, const struct eventstore_value *values, size_t count),
        void *context, char error_r[EVENTSTORE_ERROR_MAX]) __attribute__((warn_unused_result));

#endif
