// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_STORE_H
#define VERIMAIL_EVENTS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events/event.h"

#define EVENTSTORE_ERROR_MAX 512 /* octets of a sentence, with a NUL */

/* Where events are recorded (design, section 8): none, sqlite:PATH, postgresql://... Calls may wait
 * for disk and network, but not for ever. One process's and one thread's; several may record in one
 * store at once.
 *
 * The table `event`: id (grows with the order of recording), time (Unix milliseconds), verdict
 * ("YES"), reason ("stamped"), cause, user, domain (the user's), host, receiving, ip, asker (texts,
 * "" for what is not known), listed (0 or 1), ms. Whoever sees an id has seen all lower ones; where
 * a store is recreated, they begin anew. The table `gap`: time, count: so many events were lost
 * before this time. Names of columns that are SQL words somewhere are quoted in the queries.
 */
struct eventstore;

enum eventstore_use {
    EVENTSTORE_RECORD, /* makes what is not there */
    EVENTSTORE_READ,   /* what is not there is an error */
};

/* NULL with a sentence in `error_r`. */
struct eventstore *eventstore_open(
        const char *address, enum eventstore_use use, char error_r[EVENTSTORE_ERROR_MAX]);
void eventstore_close(struct eventstore **store);
const char *eventstore_error(const struct eventstore *store);
const char *eventstore_backend(const struct eventstore *store); /* "sqlite" */

/* All of them in one transaction, and the gap if `dropped` is not 0, at `now` (Unix milliseconds).
 * On false nothing was recorded, and the same may be tried again: a connection that was lost is
 * made anew. (Only a server that was lost in the middle of a COMMIT, and cannot be asked what
 * became of it, may have recorded all of it.) Octets of texts that are not printable ASCII are
 * recorded as %XX. */
bool eventstore_write(struct eventstore *store, const struct event *events, size_t count,
        uint64_t dropped, uint64_t now) __attribute__((warn_unused_result));
/* Deletes some of what is older than `before` (Unix milliseconds); to be called again soon when
 * `more_r`. */
bool eventstore_purge(struct eventstore *store, uint64_t before, bool *more_r)
        __attribute__((warn_unused_result));

/* A value of a row: a number or a text. */
struct eventstore_value {
    bool is_text;
    int64_t number;
    struct text text; /* borrowed for the call */
};

/* Runs a query of ours and calls `row` for each row, until it returns false. The SQL is understood
 * by every kind: parameters are $1, $2 ..., with values that are numbers or texts; at most 16 of
 * them, and 32 columns. NULL is the number 0, a fraction is cut to a whole number. */
bool eventstore_query(struct eventstore *store, const char *sql,
        const struct eventstore_value *parameters, size_t parameters_count,
        bool (*row)(void *context, const struct eventstore_value *values, size_t count),
        void *context) __attribute__((warn_unused_result));

struct eventstore_backend {
    const char *name;
    const char *scheme; /* what its addresses begin with */
    void *(*open)(const char *address, enum eventstore_use use, char error_r[EVENTSTORE_ERROR_MAX]);
    void (*close)(void *store);
    bool (*write)(void *store, const struct event *events, size_t count, uint64_t dropped,
            uint64_t now, char error_r[EVENTSTORE_ERROR_MAX]);
    bool (*purge)(void *store, uint64_t before, bool *more_r, char error_r[EVENTSTORE_ERROR_MAX]);
    bool (*query)(void *store, const char *sql, const struct eventstore_value *parameters,
            size_t parameters_count,
            bool (*row)(void *context, const struct eventstore_value *values, size_t count),
            void *context, char error_r[EVENTSTORE_ERROR_MAX]);
};
extern const struct eventstore_backend eventstore_none; /* takes all, has nothing */
extern const struct eventstore_backend eventstore_sqlite;
extern const struct eventstore_backend eventstore_postgresql;

#endif
