// SPDX-License-Identifier: ISC
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/disk.h"
#include "command/revoke.h"

#define NOTES ".revoked"
#define NONE "-" /* in place of words: there was no row */
#define LINE_MAX_OCTETS (ADDRESS_MAX + ROW_TEXT_MAX + 8)

enum table_result revoke_row_get(
        const struct revoke_row *row, struct row *row_r, char error_r[TABLE_ERROR_MAX])
{
    struct table *table = table_open_to_read(row->path, error_r);

    if (table == NULL)
        return TABLE_ERROR;
    const enum table_result result = table_get(table, text_of(row->key), row_r);
    if (result == TABLE_ERROR)
        snprintf(error_r, TABLE_ERROR_MAX, "%s", table_error(table));
    table_close(&table);
    return result;
}

/* The line of this user among the notes, without its end; false: there is none. */
static bool revoke_row_find_note(const struct revoke_row *row, const char *path, char *line_r)
{
    FILE *in = fopen(path, "re");
    bool found = false;

    while (in != NULL && !found && fgets(line_r, LINE_MAX_OCTETS, in) != NULL) {
        line_r[strcspn(line_r, "\n")] = '\0';
        struct reader r = reader_of(text_of(line_r));
        found = text_equal(reader_field(&r, ' '), text_of(row->key));
    }
    if (in != NULL)
        fclose(in);
    return found;
}

/* Copies all lines but this user's. */
static void revoke_row_copy_notes(const struct revoke_row *row, const char *path, FILE *out)
{
    FILE *in = fopen(path, "re");
    char line[LINE_MAX_OCTETS];

    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        struct reader r = reader_of(text_of(line));
        if (!text_equal(reader_field(&r, ' '), text_of(row->key)))
            fputs(line, out);
    }
    if (in != NULL)
        fclose(in);
}

/* Writes the notes anew, with `words` for this user; NULL: without it. False with errno. */
static bool revoke_row_write_note(const struct revoke_row *row, const char *path, const char *words)
{
    char *temporary = NULL;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return false;
    const int fd = mkostemp(temporary, O_CLOEXEC);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = out != NULL;
    if (ok) {
        revoke_row_copy_notes(row, path, out);
        if (words != NULL)
            fprintf(out, "%s %s\n", row->key, words);
        ok = fflush(out) == 0 && fsync(fd) == 0;
        ok = fclose(out) == 0 && ok && rename(temporary, path) == 0 && disk_sync_folder(path);
    } else if (fd >= 0) {
        close(fd);
    }
    const int error = errno;
    if (!ok && fd >= 0)
        (void)unlink(temporary);
    free(temporary);
    errno = error;
    return ok;
}

static enum status revoke_row_fail(const struct revoke_row *row, const char *error)
{
    char date[DATE_TEXT_MAX];

    date_format(row->unix_now + 1, date);
    command_complain(row->invocation,
            "%s: %s: as somebody who may write it: verimail table set %s %s %s%s", row->path, error,
            row->path, row->key,
            row->only_sent ? "not_before=" : "hosts=", row->only_sent ? date : "");
    return STATUS_CREATE;
}

/* Writes the row; NULL: deletes it. */
static enum table_result revoke_row_put(
        const struct revoke_row *row, const struct row *new, char error_r[TABLE_ERROR_MAX])
{
    struct table *table =
            access(row->path, F_OK) == 0 ? table_open_to_write(row->path, error_r) : NULL;

    if (table == NULL) {
        if (access(row->path, F_OK) != 0)
            snprintf(error_r, TABLE_ERROR_MAX, "%s", strerror(errno));
        return TABLE_ERROR;
    }
    enum table_result result = table_begin(table);
    if (result == TABLE_OK)
        result = new != NULL ? table_put(table, text_of(row->key), new)
                             : table_delete(table, text_of(row->key));
    if (result != TABLE_ERROR)
        result = table_commit(table);
    if (result == TABLE_ERROR)
        snprintf(error_r, TABLE_ERROR_MAX, "%s", table_error(table));
    table_close(&table);
    return result;
}

static char *revoke_row_notes(const struct revoke_row *row)
{
    char *path = NULL;

    return asprintf(&path, "%s" NOTES, row->path) < 0 ? NULL : path;
}

/* Whether the row is what a revocation made of it. */
static bool revoke_row_is_ours(const struct row *old)
{
    return !old->is_alias && old->pinned &&
           ((old->rule.mode == RULE_HOSTS_ONLY && old->rule.hosts.count == 0 &&
                    !old->rule.allow_unauthorized) ||
                   old->rule.not_before > 0);
}

/* Notes what the row was, unless it is noted already. */
static bool revoke_row_keep(const struct revoke_row *row, const struct row *old)
{
    char *path = revoke_row_notes(row);
    char octets[ROW_TEXT_MAX + 1];
    char line[LINE_MAX_OCTETS];
    struct writer words = writer_of(octets, sizeof octets - 1);
    bool ok = path != NULL && (old == NULL || row_format(old, &words));

    octets[writer_text(&words).len] = '\0';
    if (ok && !(old != NULL && revoke_row_is_ours(old) && revoke_row_find_note(row, path, line)))
        ok = revoke_row_write_note(row, path, old != NULL ? octets : NONE);
    const int error = errno;
    free(path);
    errno = error;
    return ok;
}

enum status revoke_row_take(const struct revoke_row *row, const struct rule *rule)
{
    char error[TABLE_ERROR_MAX];
    struct row old;
    struct row new = {.pinned = true};
    const enum table_result found = revoke_row_get(row, &old, error);

    if (found == TABLE_ERROR)
        return revoke_row_fail(row, error);
    new.rule = row->only_sent ? *rule : (struct rule){.mode = RULE_HOSTS_ONLY};
    if (row->only_sent)
        new.rule.not_before = row->unix_now + 1; /* what was issued in this second, too */
    if (!revoke_row_keep(row, found == TABLE_OK ? &old : NULL))
        return revoke_row_fail(row, strerror(errno));
    if (revoke_row_put(row, &new, error) == TABLE_ERROR)
        return revoke_row_fail(row, error);
    printf("%s: the row of %s is written\n", row->path, row->key);
    return STATUS_OK;
}

enum status revoke_row_restore(const struct revoke_row *row, bool *found_r)
{
    char *path = revoke_row_notes(row);
    char line[LINE_MAX_OCTETS];
    char error[TABLE_ERROR_MAX] = "its note is damaged";
    struct row old;

    *found_r = path != NULL && revoke_row_find_note(row, path, line);
    if (!*found_r) {
        free(path);
        return STATUS_OK;
    }
    struct reader r = reader_of(text_of(line));
    (void)reader_field(&r, ' ');
    const struct text words = reader_rest(&r);
    const bool had_row = !text_equal(words, text_of(NONE));
    const bool ok = (!had_row || row_parse(words, &old, error)) &&
                    revoke_row_put(row, had_row ? &old : NULL, error) != TABLE_ERROR &&
                    revoke_row_write_note(row, path, NULL);
    free(path);
    if (!ok) {
        command_complain(row->invocation, "%s: %s", row->path, error);
        return STATUS_CREATE;
    }
    printf("%s: the row of %s is %s\n", row->path, row->key,
            had_row ? "what it was" : "gone again");
    return STATUS_OK;
}
