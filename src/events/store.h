// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_STORE_H
#define VERIMAIL_EVENTS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events/record_kind.h"

#define EVENTSTORE_ERROR_MAX 512 /* octets of an error text, with its NUL */

#define EVENTSTORE_SERVICE "events.db" /* the file of verimaild's events, in the state folder */
#define EVENTSTORE_MAIL "mail.db"      /* the file of verimail-milter's, likewise */

/* Where events are recorded (design, section 8): none, sqlite:PATH, postgresql://... Calls may wait
 * for disk and network, but not forever. A store belongs to one process and one thread. Several
 * processes may record in the same place at once. It is opened for one kind of event: a file of
 * SQLite has the tables of one kind, and a database of PostgreSQL has those of both.
 *
 * The table `event` has a row for each question that the service answered: id (ascending in the
 * order of recording), time (Unix milliseconds), verdict ("YES") and reason ("stamped"), would_be
 * ("forged", the reason of the NO that a domain under test does not say; else ""). The texts cause,
 * user, domain (the user's), host, receiving, ip, asker, stamp and digest follow, "" if not known.
 * They stand around issued (Unix seconds, 0 if not known). The last are listed (0 or 1) and ms.
 *
 * The table `mail` has a row for each message that the milter decided about: id, time, direction
 * ("in", "out"), action ("stamped", "passed", "marked", "rejected", "quarantined", "deferred"),
 * would_be (an action: in `mode = monitor` what it would have been; else ""). Then verdict ("YES",
 * "NO", "ALLOW", "temperror", "permerror"; "" for `out`) and reason (the service's, or why there
 * is no verdict or no stamp; else ""). The texts queue (id), message (Message-ID without <>),
 * author, domain (the author's), login, ip, receiving, service (address and port) and source
 * ("service", "cache", "peer") follow, "" if not known. The last are secure (0 or 1: DNSSEC vouches
 * for the way to the service), lookup (a DNS name), stamp (as in `event`) and ms. Messages of
 * domains that do not use Verimail have no row.
 *
 * When an id is visible, all lower ones are too. Ids begin again when a store is recreated.
 *
 * Roll-ups say how many rows there are, without a look at each. They change in the transaction that
 * changes the rows, and always say the same as these. A row of a roll-up has the start of an hour
 * or day in time (UTC), then keys, then sums. With PostgreSQL there are several rows with the same
 * keys: add them up.
 *
 * `event_hour` has the keys verdict, reason, would_be, domain, host, listed and network (that of ip
 * with its prefix if the verdict is YES; else ""), and the sum count. `event_day` is about what is
 * not YES, or about a user that is not listed: what ("user"; "network" and "receiving" for NO and
 * would_be), name, verdict, reason, would_be, domain, host ("" unless reason is "replayed"), listed
 * and count. A question has a row of "receiving" for each domain.
 *
 * `mail_hour` has the keys direction, action, would_be, verdict, reason, domain, service and
 * source, and the sums count and ms, and ms_most, the largest ms. It also counts the
 * messages without a row: direction "in", verdict "none", and no domain. These are kept for as long
 * as the oldest events may be. `mail_day` is about messages with a row that are neither YES nor
 * stamped: what ("author", "login"; "network" for NO), name, direction, action, would_be, verdict,
 * reason, domain and count.
 *
 * The tables `event_gap` and `mail_gap` have the columns time, lost and left_out: the number of
 * events that were lost before this time, and that were left out because too many like them came.
 * Queries quote the names of columns that are SQL words somewhere. */
struct eventstore;

enum eventstore_use {
    EVENTSTORE_RECORD, /* creates what is missing */
    EVENTSTORE_READ,   /* what is missing is an error */
};

/* The address for the value of the option `store` in the section `record`. "sqlite" becomes the
 * file of this name in the folder `state`. The caller frees it. NULL when out of memory. */
char *eventstore_address(const char *store, const char *state, const char *name);

/* NULL with a sentence in `error_r`. errno is ENOENT if the only fault is that nothing was ever
 * recorded there. */
struct eventstore *eventstore_open(const char *address, const struct record_kind *kind,
        enum eventstore_use use, char error_r[EVENTSTORE_ERROR_MAX]);
void eventstore_close(struct eventstore **store);
const char *eventstore_error(const struct eventstore *store);
const char *eventstore_backend(const struct eventstore *store); /* "sqlite" */

/* Events that are not in the record. */
struct eventstore_gap {
    uint64_t time; /* Unix milliseconds */
    uint64_t lost;
    uint64_t left_out;
};

/* Records all events, an array of the kind's structs, in one transaction, and with them `gap` if it
 * is not NULL. On false nothing was recorded, and you may try again: a lost connection is reopened.
 *
 * There is one exception: all events may have been recorded if a server was lost during COMMIT and
 * its outcome cannot be found out.
 *
 * Octets of texts that are not printable ASCII are recorded as %XX. */
bool eventstore_write(struct eventstore *store, const void *events, size_t count,
        const struct eventstore_gap *gap) __attribute__((warn_unused_result));
/* The room on the disk that a store to record in may take: from then on the oldest events make room
 * for new ones. */
void eventstore_set_size(struct eventstore *store, uint64_t octets);
/* Deletes some of the events and gaps older than `before` (Unix milliseconds), and of those that
 * take more room than the store may. Call it again soon if `*more_r` is true. */
bool eventstore_purge(struct eventstore *store, uint64_t before, bool *more_r)
        __attribute__((warn_unused_result));

/* Runs one of our queries and calls `row` for each row, until it returns false. Texts in `values`
 * are borrowed for the call. The SQL must work
 * with every type of store. Parameters are $1, $2 ..., at most 16, with numbers or texts as values.
 * There are at most 32 columns. NULL is read as the number 0, and fractions are cut off. */
bool eventstore_query(struct eventstore *store, const char *sql,
        const struct eventstore_value *parameters, size_t parameters_count,
        bool (*row)(void *context, const struct eventstore_value *values, size_t count),
        void *context) __attribute__((warn_unused_result));

/* Until the end, all queries see the record as it is at the first of them. */
bool eventstore_begin(struct eventstore *store) __attribute__((warn_unused_result));
void eventstore_end(struct eventstore *store);

struct eventstore_backend {
    const char *name;
    const char *scheme; /* prefix of its addresses */
    void *(*open)(const char *address, const struct record_kind *kind, enum eventstore_use use,
            char error_r[EVENTSTORE_ERROR_MAX]);
    void (*close)(void *store);
    bool (*write)(void *store, const void *events, size_t count, const struct eventstore_gap *gap,
            char error_r[EVENTSTORE_ERROR_MAX]);
    void (*set_size)(void *store, uint64_t octets);
    bool (*purge)(void *store, uint64_t before, bool *more_r, char error_r[EVENTSTORE_ERROR_MAX]);
    bool (*query)(void *store, const char *sql, const struct eventstore_value *parameters,
            size_t parameters_count,
            bool (*row)(void *context, const struct eventstore_value *values, size_t count),
            void *context, char error_r[EVENTSTORE_ERROR_MAX]);
    bool (*begin)(void *store, char error_r[EVENTSTORE_ERROR_MAX]);
    void (*end)(void *store);
};
extern const struct eventstore_backend eventstore_none; /* accepts all events and keeps none */

#endif
