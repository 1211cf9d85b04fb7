// SPDX-License-Identifier: ISC
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "events/postgresql.h"

#define PARTITIONS 16    /* that share the room of the store */
#define EVENT_OCTETS 512 /* about, with indexes */
#define SPAN_LEAST 4096  /* events in a partition */
#define SPAN_MOST 2097152
#define PARTITION_TRIES 4
#define SQL_MAX 1024           /* octets */
#define LOCK_TIMED_OUT "55P03" /* SQLSTATE: lock_not_available */

void postgresql_size_set(void *store, uint64_t octets)
{
    struct postgresql *p = store;

    p->size = octets < INT64_MAX ? (int64_t)octets : INT64_MAX;
    p->span = p->size / PARTITIONS / EVENT_OCTETS;
    if (p->span < SPAN_LEAST)
        p->span = SPAN_LEAST;
    if (p->span > SPAN_MOST || p->size == 0)
        p->span = SPAN_MOST;
}

/* Finds the end of a partition, the id behind its last, among those that end behind `id`; `which`:
 * min or max. 0: there is none. */
static bool find_partition(struct postgresql *p, const char *which, int64_t id, int64_t *end_r,
        char error_r[EVENTSTORE_ERROR_MAX])
{
    const char *table = p->kind->table;
    char sql[SQL_MAX];

    snprintf(sql, sizeof sql,
            "SELECT coalesce(%s(right(relname::text, 19)::bigint), 0) FROM pg_inherits"
            " JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'verimail.%s'::regclass"
            " AND relname ~ '^%s_to_[0-9]{19}$' AND right(relname::text, 19)::bigint > %" PRId64,
            which, table, table, id);
    return session_number(p->session, sql, end_r, error_r);
}

bool postgresql_size_part(
        struct postgresql *p, int64_t id, int64_t *end_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    return find_partition(p, "min", id, end_r, error_r);
}

/* Adds a partition behind the last one. Reports do not hinder that. */
static bool add_partition(struct postgresql *p, int64_t begin, char error_r[EVENTSTORE_ERROR_MAX])
{
    const char *table = p->kind->table;
    const int64_t end = begin + p->span;
    char name[64];
    char sql[SQL_MAX];

    snprintf(name, sizeof name, "verimail.%s_to_%019" PRId64, table, end);
    snprintf(sql, sizeof sql,
            "BEGIN; SET LOCAL lock_timeout = 1000; " POSTGRESQL_LOCK
            "CREATE TABLE %s (LIKE verimail.%s INCLUDING DEFAULTS);"
            "ALTER TABLE verimail.%s ATTACH PARTITION %s FOR VALUES FROM (%" PRId64 ") TO (%" PRId64
            "); COMMIT;",
            name, table, table, name, begin, end);
    return postgresql_transact(p->session, sql, error_r);
}

/* The last id that was given. */
static bool last_id(struct postgresql *p, int64_t *last_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    char sql[64];

    snprintf(sql, sizeof sql, "SELECT last_value FROM verimail.%s_number", p->kind->table);
    return session_number(p->session, sql, last_r, error_r);
}

bool postgresql_size_extend(struct postgresql *p, size_t count, char error_r[EVENTSTORE_ERROR_MAX])
{
    int64_t last = 0;

    if (!last_id(p, &last, error_r))
        return false;
    const int64_t wanted = last + (int64_t)count + p->span / 2;
    if (wanted < p->end)
        return true;
    /* Another service may add one at the same time: then that is found at the next look. */
    for (int tries = 0; tries < PARTITION_TRIES; tries++) {
        if (!find_partition(p, "max", 0, &p->end, error_r))
            return false;
        if (wanted < p->end)
            return true;
        (void)!add_partition(p, p->end > last ? p->end : last, error_r);
    }
    return last + (int64_t)count < p->end;
}

bool postgresql_size_drop(
        struct postgresql *p, int64_t end, bool *dropped_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    struct session *s = p->session;
    char sql[256];

    snprintf(sql, sizeof sql,
            "BEGIN; SET LOCAL lock_timeout = 1000; " POSTGRESQL_LOCK
            "DROP TABLE IF EXISTS verimail.%s_to_%019" PRId64,
            p->kind->table, end);
    *dropped_r = session_run(s, sql, error_r) && postgresql_rollup_drop(p, end, error_r) &&
                 session_run(s, "COMMIT", error_r);
    if (*dropped_r)
        return true;
    const bool in_the_way = session_failed_with(s, LOCK_TIMED_OUT);
    postgresql_roll_back(s);
    return in_the_way;
}

/* Finds the oldest partition that no new event will go to; 0: there is none. */
static bool find_oldest(struct postgresql *p, int64_t *end_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    int64_t last = 0;

    if (!find_partition(p, "min", 0, end_r, error_r) || !last_id(p, &last, error_r))
        return false;
    if (*end_r > last + 1)
        *end_r = 0;
    return true;
}

bool postgresql_size_make_room(
        struct postgresql *p, size_t octets, char error_r[EVENTSTORE_ERROR_MAX])
{
    const int64_t most = p->size - p->size / 8 - 2 * (int64_t)octets;
    int64_t used = 0;
    int64_t oldest = 0;
    bool dropped = true;
    char sql[SQL_MAX];

    if (p->size == 0)
        return true;
    snprintf(sql, sizeof sql,
            "SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0)::bigint FROM pg_inherits"
            " WHERE inhparent = 'verimail.%s'::regclass",
            p->kind->table);
    while (dropped) {
        if (!session_number(p->session, sql, &used, error_r) ||
                (used > most && !find_oldest(p, &oldest, error_r)))
            return false;
        if (used <= most || oldest == 0)
            return true;
        if (!postgresql_size_drop(p, oldest, &dropped, error_r))
            return false;
        if (dropped && !p->full)
            log_event(LOG_LEVEL_NOTICE, "record-full", "store", p->address);
        p->full = p->full || dropped;
    }
    if (used + 2 * (int64_t)octets <= p->size)
        return true;
    snprintf(error_r, EVENTSTORE_ERROR_MAX,
            "%s: has no room until a report or another reader of the record ends", p->address);
    return false;
}

/* Whether all events of a partition are older than `before`. */
static bool is_old(struct postgresql *p, int64_t end, uint64_t before, bool *old_r,
        char error_r[EVENTSTORE_ERROR_MAX])
{
    char sql[128];
    int64_t newest = 0;

    snprintf(sql, sizeof sql, "SELECT coalesce(max(time), -1) FROM verimail.%s_to_%019" PRId64,
            p->kind->table, end);
    const bool done = session_number(p->session, sql, &newest, error_r);
    *old_r = done && newest < (int64_t)before;
    return done;
}

bool postgresql_size_find_old(
        struct postgresql *p, uint64_t before, int64_t *end_r, char error_r[EVENTSTORE_ERROR_MAX])
{
    bool old = false;

    if (!find_oldest(p, end_r, error_r) ||
            (*end_r > 0 && !is_old(p, *end_r, before, &old, error_r)))
        return false;
    if (!old)
        *end_r = 0;
    return true;
}
