// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_POSTGRESQL_H
#define VERIMAIL_EVENTS_POSTGRESQL_H

#include <stdio.h>

#include "events/rollup.h"
#include "events/session.h"

extern const struct eventstore_backend eventstore_postgresql;

/* A store of events in PostgreSQL: postgresql.c; postgresql_rollup.c for its sums,
 * postgresql_size.c for its partitions and the room that they take. */
struct postgresql {
    const struct record_kind *kind;
    struct session *session;
    struct rollup_tally *tallies[RECORD_KIND_ROLLUPS_MAX]; /* of the transaction */
    enum eventstore_use use;
    int64_t size; /* octets; 0: no limit */
    int64_t span; /* ids in a partition */
    int64_t end;  /* of the last partition, as far as it is known */
    bool missing; /* it was opened for reading, and there are no tables */
    bool full;    /* events made room for others, which is logged once */
    char address[];
};

/* A writer holds this lock until its transaction ends. Ids therefore become visible in order, and
 * nobody writes while a partition is being created. The number is "verimail" in ASCII. */
#define POSTGRESQL_LOCK "SELECT pg_advisory_xact_lock(8531350866255505772);"

/* Runs several statements as one transaction, BEGIN to COMMIT. */
bool postgresql_transact(
        struct session *session, const char *sql, char error_r[EVENTSTORE_ERROR_MAX]);
void postgresql_roll_back(struct session *session);

/* The table's partitions hold ranges of ids, and so of time: the oldest makes room for new events
 * by being dropped, which needs no VACUUM. A partition's name has its end, the id behind its last.
 */

/* The sums of the kind. They are kept for each partition apart, by its end, so that they go with
 * it. Part 0 has what has no row. */

void postgresql_rollup_put_table(
        FILE *out, const struct record_kind *kind, const struct rollup *rollup);
bool postgresql_rollup_open(struct postgresql *p);
void postgresql_rollup_close(struct postgresql *p);
void postgresql_rollup_clear(struct postgresql *p);
/* Notes an event that is written or deleted in this transaction. */
void postgresql_rollup_note(
        struct postgresql *p, const struct eventstore_value *values, int64_t part);
/* Adds what was noted (`sign` 1), or takes it from the sums (-1). */
bool postgresql_rollup_apply(
        struct postgresql *p, int64_t sign, char error_r[EVENTSTORE_ERROR_MAX]);
/* In the transaction that drops the partition. */
bool postgresql_rollup_drop(struct postgresql *p, int64_t part, char error_r[EVENTSTORE_ERROR_MAX]);
/* Deletes sums of spans that end before, when no row is so old. */
bool postgresql_rollup_trim(
        struct postgresql *p, uint64_t before, char error_r[EVENTSTORE_ERROR_MAX]);

/* See eventstore_set_size(). 0: no limit. */
void postgresql_size_set(void *store, uint64_t octets);
/* Drops partitions until there is room for events of so many octets. */
bool postgresql_size_make_room(
        struct postgresql *p, size_t octets, char error_r[EVENTSTORE_ERROR_MAX]);
/* Makes sure that there is a partition for the next `count` ids, and more. */
bool postgresql_size_extend(struct postgresql *p, size_t count, char error_r[EVENTSTORE_ERROR_MAX]);
/* Finds the oldest partition if all its events are older than `before`, and no new event will go to
 * it. 0: it is not so old. */
bool postgresql_size_find_old(
        struct postgresql *p, uint64_t before, int64_t *end_r, char error_r[EVENTSTORE_ERROR_MAX]);
/* The end of the partition that this id belongs to; 0: there is none. */
bool postgresql_size_part(
        struct postgresql *p, int64_t id, int64_t *end_r, char error_r[EVENTSTORE_ERROR_MAX]);
/* Drops a partition, unless a reader is in the way. */
bool postgresql_size_drop(
        struct postgresql *p, int64_t end, bool *dropped_r, char error_r[EVENTSTORE_ERROR_MAX]);

#endif
