// SPDX-License-Identifier: ISC
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memstream.h"
#include "events/postgresql.h"

static void postgresql_rollup_put_keys(FILE *out, const struct rollup *rollup)
{
    fputs("time", out);
    for (size_t i = 0; i < rollup->keys_count; i++)
        fprintf(out, ", %s", rollup->keys[i].name);
    fputs(", part", out);
}

void postgresql_rollup_put_table(
        FILE *out, const struct record_kind *kind, const struct rollup *rollup)
{
    fprintf(out,
            "CREATE TABLE IF NOT EXISTS verimail.%s_%s (part bigint NOT NULL, time bigint NOT NULL",
            kind->table, rollup->suffix);
    for (size_t i = 0; i < rollup->keys_count; i++)
        fprintf(out, ", %s %s NOT NULL", rollup->keys[i].name,
                rollup->keys[i].is_text ? "text" : "bigint");
    for (size_t i = 0; i < rollup->sums_count; i++)
        fprintf(out, ", %s bigint NOT NULL", rollup->sums[i]);
    fputs(", PRIMARY KEY (", out);
    postgresql_rollup_put_keys(out, rollup);
    fputs("));", out);
}

bool postgresql_rollup_open(struct postgresql *p)
{
    for (size_t i = 0; p->kind->rollups[i] != NULL; i++) {
        p->tallies[i] = rollup_init(p->kind->rollups[i]);
        if (p->tallies[i] == NULL)
            return false;
    }
    return true;
}

void postgresql_rollup_close(struct postgresql *p)
{
    for (size_t i = 0; i < RECORD_KIND_ROLLUPS_MAX; i++)
        rollup_free(&p->tallies[i]);
}

void postgresql_rollup_clear(struct postgresql *p)
{
    for (size_t i = 0; p->kind->rollups[i] != NULL; i++)
        rollup_clear(p->tallies[i]);
}

void postgresql_rollup_note(
        struct postgresql *p, const struct eventstore_value *values, int64_t part)
{
    for (size_t i = 0; p->kind->rollups[i] != NULL; i++)
        rollup_note(p->tallies[i], values, part);
}

/* All octets of keys are printable ASCII. */
static void postgresql_rollup_put_text(FILE *out, struct text t)
{
    putc('\'', out);
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == '\'')
            putc('\'', out);
        putc(t.at[i], out);
    }
    putc('\'', out);
}

static void postgresql_rollup_put_entry(
        FILE *out, const struct rollup *rollup, const struct rollup_entry *entry, int64_t sign)
{
    fprintf(out, "(%" PRId64 ",%" PRId64, entry->part, entry->time);
    for (size_t i = 0; i < rollup->keys_count; i++) {
        putc(',', out);
        if (entry->keys[i].is_text)
            postgresql_rollup_put_text(out, entry->keys[i].text);
        else
            fprintf(out, "%" PRId64, entry->keys[i].number);
    }
    for (size_t i = 0; i < rollup->sums_count; i++)
        fprintf(out, ",%" PRId64, sign * entry->sums[i]);
    putc(')', out);
}

static void postgresql_rollup_put_changes(FILE *out, const struct record_kind *kind,
        const struct rollup *rollup, const struct rollup_tally *tally, int64_t sign)
{
    struct rollup_entry entry;
    int64_t first = INT64_MAX;
    int64_t last = 0;

    if (rollup_count(tally) == 0)
        return;
    fprintf(out, "INSERT INTO verimail.%s_%s AS old VALUES ", kind->table, rollup->suffix);
    for (size_t i = 0; i < rollup_count(tally); i++) {
        rollup_entry(tally, i, &entry);
        first = entry.time < first ? entry.time : first;
        last = entry.time > last ? entry.time : last;
        if (i > 0)
            putc(',', out);
        postgresql_rollup_put_entry(out, rollup, &entry, sign);
    }
    fputs(" ON CONFLICT (", out);
    postgresql_rollup_put_keys(out, rollup);
    fputs(") DO UPDATE SET ", out);
    for (size_t i = 0; i < rollup->sums_count; i++) {
        const bool is_most = rollup->has_most && i + 1 == rollup->sums_count;
        fprintf(out,
                is_most ? "%s%s = greatest(old.%s, excluded.%s)" : "%s%s = old.%s + excluded.%s",
                i > 0 ? ", " : "", rollup->sums[i], rollup->sums[i], rollup->sums[i]);
    }
    fputs(";", out);
    if (sign < 0)
        fprintf(out,
                "DELETE FROM verimail.%s_%s WHERE count <= 0 AND time BETWEEN %" PRId64
                " AND %" PRId64 ";",
                kind->table, rollup->suffix, first, last);
}

bool postgresql_rollup_apply(struct postgresql *p, int64_t sign, char error_r[EVENTSTORE_ERROR_MAX])
{
    const struct record_kind *kind = p->kind;
    char *sql = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&sql, &len);
    bool done = out != NULL;

    for (size_t i = 0; done && kind->rollups[i] != NULL; i++) {
        done = !rollup_has_failed(p->tallies[i]);
        postgresql_rollup_put_changes(out, kind, kind->rollups[i], p->tallies[i], sign);
    }
    if (out == NULL || !memstream_close(out, &sql) || !done) {
        free(sql);
        snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
        return false;
    }
    done = len == 0 || session_run(p->session, sql, error_r);
    free(sql);
    return done;
}

bool postgresql_rollup_drop(struct postgresql *p, int64_t part, char error_r[EVENTSTORE_ERROR_MAX])
{
    char sql[128];
    bool done = true;

    for (size_t i = 0; p->kind->rollups[i] != NULL; i++) {
        snprintf(sql, sizeof sql, "DELETE FROM verimail.%s_%s WHERE part = %" PRId64,
                p->kind->table, p->kind->rollups[i]->suffix, part);
        done = done && session_run(p->session, sql, error_r);
    }
    return done;
}

bool postgresql_rollup_trim(
        struct postgresql *p, uint64_t before, char error_r[EVENTSTORE_ERROR_MAX])
{
    char sql[128];
    bool done = true;

    for (size_t i = 0; p->kind->rollups[i] != NULL; i++) {
        const struct rollup *rollup = p->kind->rollups[i];
        if (before < rollup->span)
            continue;
        snprintf(sql, sizeof sql, "DELETE FROM verimail.%s_%s WHERE time <= %" PRIu64,
                p->kind->table, rollup->suffix, before - rollup->span);
        done = done && session_run(p->session, sql, error_r);
    }
    return done;
}
