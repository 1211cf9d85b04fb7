// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "events/sqlite.h"

/* Writes the names of the columns behind `time`, with commas between. */
static void sqlite_rollup_put_keys(const struct rollup *rollup, struct writer *w)
{
    for (size_t i = 0; i < rollup->keys_count; i++) {
        writer_string(w, ", ");
        writer_string(w, rollup->keys[i].name);
    }
}

bool sqlite_rollup_make_table(struct sqlite *s, const struct rollup *rollup)
{
    char sql[SQLITE_SQL_MAX];
    struct writer w = writer_of(sql, sizeof sql);

    writer_string(&w, "CREATE TABLE IF NOT EXISTS ");
    writer_string(&w, s->kind->table);
    writer_string(&w, "_");
    writer_string(&w, rollup->suffix);
    writer_string(&w, " (time INTEGER NOT NULL");
    for (size_t i = 0; i < rollup->keys_count; i++) {
        writer_string(&w, ", ");
        writer_string(&w, rollup->keys[i].name);
        writer_string(&w, rollup->keys[i].is_text ? " TEXT NOT NULL" : " INTEGER NOT NULL");
    }
    for (size_t i = 0; i < rollup->sums_count; i++) {
        writer_string(&w, ", ");
        writer_string(&w, rollup->sums[i]);
        writer_string(&w, " INTEGER NOT NULL");
    }
    writer_string(&w, ", PRIMARY KEY (time");
    sqlite_rollup_put_keys(rollup, &w);
    writer_string(&w, ")) WITHOUT ROWID");
    writer_char(&w, '\0');
    return !w.failed && sqlite_run(s, sql);
}

static bool sqlite_rollup_prepare_add(struct sqlite *s, struct sqlite_rollup *r)
{
    const struct rollup *rollup = r->rollup;
    char sql[SQLITE_SQL_MAX];
    struct writer w = writer_of(sql, sizeof sql);

    writer_string(&w, "INSERT INTO ");
    writer_string(&w, s->kind->table);
    writer_string(&w, "_");
    writer_string(&w, rollup->suffix);
    writer_string(&w, " VALUES (?");
    for (size_t i = 0; i < rollup->keys_count + rollup->sums_count; i++)
        writer_string(&w, ",?");
    writer_string(&w, ") ON CONFLICT DO UPDATE SET ");
    for (size_t i = 0; i < rollup->sums_count; i++) {
        const bool is_most = rollup->has_most && i + 1 == rollup->sums_count;
        writer_string(&w, i > 0 ? ", " : "");
        writer_string(&w, rollup->sums[i]);
        writer_string(&w, is_most ? " = max(" : " = (");
        writer_string(&w, rollup->sums[i]);
        writer_string(&w, is_most ? ", excluded." : " + excluded.");
        writer_string(&w, rollup->sums[i]);
        writer_string(&w, ")");
    }
    writer_char(&w, '\0');
    return !w.failed && sqlite_prepare(s, sql, &r->add);
}

/* Prepares a statement about the roll-up's table, which is what the format has behind its verb. */
static bool sqlite_rollup_prepare(struct sqlite *s, const struct sqlite_rollup *r,
        const char *condition, sqlite3_stmt **statement_r)
{
    char sql[256];

    snprintf(sql, sizeof sql, "DELETE FROM %s_%s WHERE %s", s->kind->table, r->rollup->suffix,
            condition);
    return sqlite_prepare(s, sql, statement_r);
}

bool sqlite_rollup_open(struct sqlite *s)
{
    for (size_t i = 0; s->kind->rollups[i] != NULL; i++) {
        struct sqlite_rollup *r = &s->rollups[i];
        r->rollup = s->kind->rollups[i];
        r->tally = rollup_init(r->rollup);
        if (r->tally == NULL || !sqlite_rollup_prepare_add(s, r) ||
                !sqlite_rollup_prepare(
                        s, r, "count <= 0 AND time BETWEEN ?1 AND ?2", &r->delete_empty) ||
                !sqlite_rollup_prepare(s, r, "time <= ?1", &r->delete_old))
            return false;
    }
    return true;
}

void sqlite_rollup_close(struct sqlite *s)
{
    for (size_t i = 0; i < RECORD_KIND_ROLLUPS_MAX; i++) {
        sqlite3_finalize(s->rollups[i].add);
        sqlite3_finalize(s->rollups[i].delete_empty);
        sqlite3_finalize(s->rollups[i].delete_old);
        rollup_free(&s->rollups[i].tally);
    }
}

void sqlite_rollup_note(struct sqlite *s, const struct eventstore_value *values)
{
    for (size_t i = 0; s->kind->rollups[i] != NULL; i++)
        rollup_note(s->rollups[i].tally, values, 0);
}

static bool sqlite_rollup_add(
        const struct sqlite_rollup *r, const struct rollup_entry *entry, int64_t sign)
{
    const struct rollup *rollup = r->rollup;
    int at = 1;

    sqlite3_bind_int64(r->add, at++, entry->time);
    for (size_t i = 0; i < rollup->keys_count; i++)
        sqlite_bind(r->add, at++, &entry->keys[i]);
    for (size_t i = 0; i < rollup->sums_count; i++)
        sqlite3_bind_int64(r->add, at++, sign * entry->sums[i]);
    return sqlite_step(r->add);
}

/* Adds a tally to its table, or takes it from there. Rows that are empty then are deleted. */
static bool sqlite_rollup_apply_one(struct sqlite_rollup *r, int64_t sign)
{
    struct rollup_entry entry;
    int64_t first = INT64_MAX;
    int64_t last = 0;
    bool done = !rollup_has_failed(r->tally);

    for (size_t i = 0; done && i < rollup_count(r->tally); i++) {
        rollup_entry(r->tally, i, &entry);
        first = entry.time < first ? entry.time : first;
        last = entry.time > last ? entry.time : last;
        done = sqlite_rollup_add(r, &entry, sign);
    }
    if (!done || sign > 0 || rollup_count(r->tally) == 0)
        return done;
    sqlite3_bind_int64(r->delete_empty, 1, first);
    sqlite3_bind_int64(r->delete_empty, 2, last);
    return sqlite_step(r->delete_empty);
}

bool sqlite_rollup_apply(struct sqlite *s, int64_t sign)
{
    bool done = true;

    for (size_t i = 0; s->kind->rollups[i] != NULL; i++) {
        done = done && (sign == 0 || sqlite_rollup_apply_one(&s->rollups[i], sign));
        rollup_clear(s->rollups[i].tally);
    }
    return done;
}

bool sqlite_rollup_trim(struct sqlite *s, uint64_t before)
{
    bool done = true;

    for (size_t i = 0; s->kind->rollups[i] != NULL; i++) {
        const struct sqlite_rollup *r = &s->rollups[i];
        if (before < r->rollup->span)
            continue;
        sqlite3_bind_int64(r->delete_old, 1, record_number(before - r->rollup->span).number);
        done = done && sqlite_step(r->delete_old);
    }
    return done;
}
