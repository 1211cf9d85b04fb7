// SPDX-License-Identifier: ISC
#include "users/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/password.h"
#include "users/directory_backend.h"

#define TABLE_SCHEME "lmdb:"

/* A sync that asked the directory earlier must not write later, because its rows are older. So the
 * syncs of the tables in one folder run one at a time, under this lock, which is taken before the
 * first question. Waits for at most so many seconds. Returns a descriptor; closing it releases the
 * lock. -1 with errno: EWOULDBLOCK if another sync still has the lock. `path`: of a table. */
int sync_lock_take(const char *path, uint64_t seconds);

#define AGAIN 50 /* milliseconds */

static int open_folder(const char *path)
{
    char *copy = strdup(path);

    if (copy == NULL)
        return -1;
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int error = errno;
    free(copy);
    errno = error;
    return fd;
}

int sync_lock_take(const char *path, uint64_t seconds)
{
    const struct timespec again = {.tv_nsec = AGAIN * 1000000L};
    const uint64_t end = mono_ms() + seconds * 1000;
    const int fd = open_folder(path);

    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EINTR && (errno != EWOULDBLOCK || mono_ms() >= end)) {
            const int error = errno;
            close(fd);
            errno = error;
            return -1;
        }
        nanosleep(&again, NULL);
    }
    return fd;
}

const char *directory_path(const struct config_directory *directory)
{
    return directory->table.at + strlen(TABLE_SCHEME);
}

static bool directory_ask(const struct config_directory *directory, struct row_set *rows,
        char error_r[DIRECTORY_ERROR_MAX])
{
    const char *error = NULL;
    char *password = NULL;

    if (directory->password.at != NULL) {
        password = password_load(directory->password.at, &error);
        if (password == NULL) {
            snprintf(error_r, DIRECTORY_ERROR_MAX, "%s %s", directory->password.at, error);
            return false;
        }
    }
    const char *scheme = directory_postgresql.scheme;
    const struct directory_backend *backend =
            strncmp(directory->source.at, scheme, strlen(scheme)) == 0 ? &directory_postgresql
                                                                       : &directory_ldap;
    const bool read = backend->read(directory, password, rows, error_r);
    if (!read)
        password_blot(error_r, password);
    sodium_free(password);
    return read;
}

static enum directory_result directory_fail(const struct config_directory *directory,
        const char *error, char error_r[DIRECTORY_ERROR_MAX])
{
    snprintf(error_r, DIRECTORY_ERROR_MAX, "%s: %s", directory_path(directory), error);
    return DIRECTORY_UNWRITTEN;
}

/* Runs within a transaction, which the caller ends. */
static enum directory_result renew(const struct config_directory *directory, bool believe,
        struct table *table, struct row_set *rows, struct directory_counts *counts_r,
        char error_r[DIRECTORY_ERROR_MAX])
{
    char error[TABLE_ERROR_MAX];
    enum directory_result result = DIRECTORY_OK;
    struct difference *difference = difference_find(table, rows, counts_r, error);

    if (difference == NULL)
        return directory_fail(directory, error, error_r);
    /* So many users do not leave between two syncs: the directory sent only a part. */
    if (!believe && counts_r->after < counts_r->before / 2 + counts_r->before % 2) {
        snprintf(error_r, DIRECTORY_ERROR_MAX,
                "%" PRIu64 " rows instead of %" PRIu64 " before: expected at least half of them",
                counts_r->after, counts_r->before);
        result = DIRECTORY_FEW;
    } else if (difference_write(difference, table) != TABLE_OK)
        result = directory_fail(directory, table_error(table), error_r);
    difference_free(&difference);
    return result;
}

static enum directory_result write_table(const struct config_directory *directory, bool believe,
        struct row_set *rows, struct directory_counts *counts_r, char error_r[DIRECTORY_ERROR_MAX])
{
    char error[TABLE_ERROR_MAX];
    struct table *table = table_open_to_write(directory_path(directory), error);

    if (table == NULL)
        return directory_fail(directory, error, error_r);
    enum directory_result result = DIRECTORY_UNWRITTEN;
    if (table_begin(table) != TABLE_OK)
        result = directory_fail(directory, table_error(table), error_r);
    else
        result = renew(directory, believe, table, rows, counts_r, error_r);
    if (result == DIRECTORY_OK && table_commit(table) != TABLE_OK)
        result = directory_fail(directory, table_error(table), error_r);
    table_close(&table); /* this aborts an open transaction */
    return result;
}

static enum directory_result sync_gathered(const struct config_directory *directory, bool believe,
        struct row_set *rows, struct directory_counts *counts_r, char error_r[DIRECTORY_ERROR_MAX])
{
    size_t count;

    if (!directory_ask(directory, rows, error_r))
        return DIRECTORY_UNREAD;
    if (!row_set_finish(rows, error_r))
        return DIRECTORY_WRONG;
    counts_r->skipped = row_set_skipped(rows);
    counts_r->without = row_set_passed(rows);
    (void)row_set_rows(rows, &count);
    if (count == 0 && !believe) {
        snprintf(error_r, DIRECTORY_ERROR_MAX, "there is no row at all: expected at least one");
        return DIRECTORY_FEW;
    }
    return write_table(directory, believe, rows, counts_r, error_r);
}

enum directory_result directory_sync(const struct config_directory *directory, bool believe,
        const struct directory_notes *notes, struct directory_counts *counts_r,
        char error_r[DIRECTORY_ERROR_MAX])
{
    struct row_set *rows = row_set_init(notes);
    enum directory_result result = DIRECTORY_UNREAD;

    *counts_r = (struct directory_counts){0};
    const int turn = sync_lock_take(directory_path(directory), directory->timeout);
    if (rows == NULL)
        snprintf(error_r, DIRECTORY_ERROR_MAX, "%s", strerror(ENOMEM));
    else if (turn >= 0)
        result = sync_gathered(directory, believe, rows, counts_r, error_r);
    else if (errno == EWOULDBLOCK)
        snprintf(error_r, DIRECTORY_ERROR_MAX,
                "another sync of a table in this folder is under way");
    else
        result = directory_fail(directory, strerror(errno), error_r);
    if (turn >= 0)
        close(turn);
    row_set_free(&rows);
    return result;
}
