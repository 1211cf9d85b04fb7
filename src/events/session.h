// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_SESSION_H
#define VERIMAIL_EVENTS_SESSION_H

#include "events/store.h"

/* A connection to PostgreSQL in which nothing waits for ever: a server that goes silent is left
 * after SESSION_TIMEOUT. What fails says so in a sentence, and the connection may be lost by it.
 */
struct session;

#define SESSION_CONNECT "5"   /* seconds for each of the server's addresses */
#define SESSION_TIMEOUT 15000 /* milliseconds of a server's silence */

/* The address is one of libpq's URIs, without a password in it. NULL with a sentence. A session
 * that is `patient` waits for its queries' first rows for as long as they take. */
struct session *session_open(const char *address, bool patient, char error_r[EVENTSTORE_ERROR_MAX]);
void session_close(struct session **session);
/* Whether the connection still stands, as far as one knows. NULL is none. */
bool session_alive(const struct session *session);
/* Whether it was lost because the server said nothing for too long. NULL is none. */
bool session_is_silent(const struct session *session);
/* It is not alive any more. */
void session_abandon(struct session *session);
/* Whether what failed last failed with this SQLSTATE. */
bool session_failed_with(const struct session *session, const char *state);

/* Statements with semicolons between. */
bool session_run(struct session *session, const char *sql, char error_r[EVENTSTORE_ERROR_MAX])
        __attribute__((warn_unused_result));
/* The same; the last one's result is a number: that of its first row's first column, or else how
 * many rows were touched. */
bool session_number(struct session *session, const char *sql, int64_t *number_r,
        char error_r[EVENTSTORE_ERROR_MAX]) __attribute__((warn_unused_result));
/* COPY ... FROM STDIN with these lines. */
bool session_copy(struct session *session, const char *sql, struct text lines,
        char error_r[EVENTSTORE_ERROR_MAX]) __attribute__((warn_unused_result));
/* As eventstore_query(). */
bool session_query(struct session *session, const char *sql,
        const struct eventstore_value *parameters, size_t parameters_count,
        bool (*row)(void *context, const struct eventstore_value *values, size_t count),
        void *context, char error_r[EVENTSTORE_ERROR_MAX]) __attribute__((warn_unused_result));

#endif
