// SPDX-License-Identifier: ISC
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "fixture_table.h"
#include "unit.h"

static void refused(const char *want)
{
    char error[TABLE_ERROR_MAX] = "";
    struct table *t = table_open_to_read(fixture_table_path, error);

    assert_null(t);
    assert_string_equal(error, want);
    t = table_open_to_write(fixture_table_path, error);
    assert_null(t);
    assert_string_equal(error, want);
}

/* And a lock file is not left behind. */
static void refused_without_litter(const char *want)
{
    char lock[sizeof fixture_table_path + 5];

    snprintf(lock, sizeof lock, "%s-lock", fixture_table_path);
    (void)unlink(lock);
    refused(want);
    assert_int_not_equal(access(lock, F_OK), 0);
}

BEFORE_EACH()
{
    fixture_table_set_up();
}

AFTER_EACH()
{
    fixture_table_tear_down();
}

TEST(what_is_no_table_is_refused)
{
    static char octets[16384];

    folder_path(&fixture_table_folder, "no/t", fixture_table_path);
    refused("No such file or directory");
    folder_path(&fixture_table_folder, "", fixture_table_path);
    refused("it is no table of users");
    folder_path(&fixture_table_folder, "t", fixture_table_path);
    memset(octets, 'x', sizeof octets);
    folder_write(&fixture_table_folder, "t", octets, 100, 0600);
    refused_without_litter("it is no table of users");
    folder_write(&fixture_table_folder, "t", octets, sizeof octets, 0600);
    refused_without_litter("it is no table of users");
    memset(octets, 0, sizeof octets);
    folder_write(&fixture_table_folder, "t", octets, sizeof octets, 0600);
    refused_without_litter("it is no table of users");
    assert_int_equal(unlink(fixture_table_path), 0);
    char error[TABLE_ERROR_MAX];
    assert_null(table_open_to_read(fixture_table_path, error));
    assert_string_equal(error, "No such file or directory");
    assert_int_not_equal(access(fixture_table_path, F_OK), 0);
}

/* An LMDB database of somebody else's. */
TEST(another_database_is_refused)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    char octets[] = "counts";
    MDB_val value = {sizeof octets, octets};

    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, fixture_table_path, MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &value, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    refused("it is no table of users");
    refused_without_litter("it is no table of users");
}

static void spoil(off_t at, const char *octets, size_t len)
{
    const int fd = open(fixture_table_path, O_WRONLY);

    fixture_table_must(fd >= 0 && pwrite(fd, octets, len, at) == (ssize_t)len && close(fd) == 0);
}

/* Everything that a table can be used for; whatever comes of it. */
static bool use_all(void *context)
{
    char error[TABLE_ERROR_MAX];
    struct fixture_table_look l = {0};
    struct row row;
    char user[64];

    (void)context;
    struct table *t = table_open_to_read(fixture_table_path, error);
    for (size_t i = 0; t != NULL && i < FIXTURE_TABLE_MANY; i += 37) {
        fixture_table_user(user, i);
        const enum table_result result = table_get(t, text_of(user), &row);
        if (result == TABLE_ABSENT) {
            print_error("%s is not there\n", user);
            return false;
        }
    }
    if (t != NULL)
        (void)table_each(t, fixture_table_look_at, &l);
    table_close(&t);
    t = table_open_to_write(fixture_table_path, error);
    if (t != NULL && table_begin(t) == TABLE_OK && table_clear(t, true) == TABLE_OK)
        (void)table_commit(t);
    table_close(&t);
    return true;
}

/* A page of the file becomes something else, with the table closed. Nobody may crash over it, and
 * nobody's row be missing. */
TEST(a_damaged_page_is_an_error)
{
    static char zeros[4096];
    static char ones[4096];
    static char noise[4096];
    const char *const contents[] = {zeros, ones, noise};
    struct stat about;
    unsigned seed = 7;

    memset(ones, 0xff, sizeof ones);
    for (size_t i = 0; i < sizeof noise; i++) {
        seed = seed * 1103515245 + 12345;
        noise[i] = (char)(seed >> 16);
    }
    for (size_t content = 0; content < 3; content++) {
        for (off_t page = 2;; page++) {
            struct table *t = fixture_table_open(true);
            fixture_table_build_many(t, 1);
            table_close(&t);
            assert_int_equal(stat(fixture_table_path, &about), 0);
            if (page >= about.st_size / 4096)
                break;
            spoil(page * 4096, contents[content], 4096);
            if (child_end(use_all, NULL) != 0)
                fail_msg("page %ld, content %zu", (long)page, content);
            assert_int_equal(unlink(fixture_table_path), 0);
        }
    }
}

/* While it is in use, by a reader that had opened it before. */
static bool survive(void *context)
{
    const char *how = context;
    struct table *t = fixture_table_open(false);
    struct fixture_table_look l = {0};
    char user[64];
    struct row row;

    fixture_table_must(
            table_each(t, fixture_table_look_at, &l) == TABLE_OK && l.rows == FIXTURE_TABLE_MANY);
    if (strcmp(how, "removed") == 0) {
        fixture_table_must(unlink(fixture_table_path) == 0);
        while (table_get(t, text_of("user000000@example.org"), &row) == TABLE_OK)
            continue;
        return strcmp(table_error(t), "it cannot be read: it was removed while it was in use") == 0;
    }
    fixture_table_must(
            truncate(fixture_table_path, strcmp(how, "emptied") == 0 ? 0 : 3 * 4096) == 0);
    for (size_t i = 0; i < FIXTURE_TABLE_MANY; i++) {
        fixture_table_user(user, i);
        if (table_get(t, text_of(user), &row) != TABLE_ERROR)
            return false;
    }
    if (table_each(t, fixture_table_look_at, &l) != TABLE_ERROR ||
            table_get(t, text_of("x@y"), &row) == TABLE_OK)
        return false;
    const bool good = strcmp(table_error(t), "it cannot be read: it is damaged") == 0;
    table_close(&t);
    return good;
}

TEST(a_file_that_shrinks_or_goes_is_an_error)
{
    static char ways[][10] = {"removed", "emptied", "cut"};

    for (size_t i = 0; i < 3; i++) {
        struct table *t = fixture_table_open(true);
        fixture_table_build_many(t, 1);
        fixture_table_build_many(t, 2);
        table_close(&t);
        if (child_end(survive, ways[i]) != 0)
            fail_msg("it was %s", ways[i]);
        (void)unlink(fixture_table_path);
    }
}

/* The guard is for the table's file alone. */
static bool crash(void *context)
{
    const int signum = *(int *)context;

    (void)signal(signum, SIG_DFL); /* cmocka has one of its own */
    (void)fixture_table_open(true);
    raise(signum);
    return true;
}

/* A page of this file is not there either. */
static bool run_into_nothing(void *context)
{
    char octet;

    (void)context;
    (void)signal(SIGBUS, SIG_DFL);
    (void)fixture_table_open(true);
    const int fd = open(fixture_table_path, O_RDONLY);
    const volatile char *page = mmap(NULL, 1 << 24, PROT_READ, MAP_SHARED, fd, 0);
    octet = page[(1 << 24) - 1];
    return octet == 0;
}

TEST(other_crashes_stay_crashes)
{
    int signals[] = {SIGSEGV, SIGBUS, SIGFPE};

    for (size_t i = 0; i < 3; i++) {
        const int end = child_end(crash, &signals[i]);
        assert_true(WIFSIGNALED(end));
        assert_int_equal(WTERMSIG(end), signals[i]);
    }
    const int end = child_end(run_into_nothing, NULL);
    assert_true(WIFSIGNALED(end));
    assert_int_equal(WTERMSIG(end), SIGBUS);
}
