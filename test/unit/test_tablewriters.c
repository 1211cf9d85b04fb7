// SPDX-License-Identifier: ISC
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "fixture_table.h"
#include "unit.h"

#define VERSIONS 60

/* A reader in a process of its own: sees each table whole, and never an older one after a newer. */
static bool read_on(void *context)
{
    struct table *t = fixture_table_open(false);
    unsigned last = 0;

    (void)context;
    while (last < VERSIONS) {
        struct fixture_table_look l = {0};
        if (table_each(t, fixture_table_look_at, &l) != TABLE_OK || l.mixed ||
                l.rows != FIXTURE_TABLE_MANY || l.version < last)
            return false;
        last = l.version;
        const char *values = fixture_table_found(t, "user001999", "example.org");
        if (strncmp(values, "hosts=v", 7) != 0 || strtoul(values + 7, NULL, 10) < last)
            return false;
    }
    table_close(&t);
    return true;
}

BEFORE_EACH()
{
    fixture_table_set_up();
}

AFTER_EACH()
{
    fixture_table_tear_down();
}

TEST(readers_see_the_old_or_the_new)
{
    struct table *t = fixture_table_open(true);
    int readers[3];

    fixture_table_build_many(t, 1);
    table_close(&t); /* it never crosses a fork */
    for (size_t i = 0; i < 3; i++) {
        readers[i] = fork();
        assert_true(readers[i] >= 0);
        if (readers[i] == 0)
            _exit(read_on(NULL) ? 0 : 1);
    }
    t = fixture_table_open(true);
    for (unsigned version = 2; version <= VERSIONS; version++)
        fixture_table_build_many(t, version);
    table_close(&t);
    for (size_t i = 0; i < 3; i++) {
        int status = -1;
        assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
        assert_int_equal(status, 0);
    }
}

TEST(what_is_replaced_is_used_again)
{
    struct table *t = fixture_table_open(true);
    struct stat first;
    struct stat last;

    fixture_table_build_many(t, 1);
    assert_int_equal(stat(fixture_table_path, &first), 0);
    for (unsigned i = 0; i < 40; i++)
        fixture_table_build_many(t, 2);
    table_close(&t);
    assert_int_equal(stat(fixture_table_path, &last), 0);
    assert_in_range(last.st_size, first.st_size, first.st_size * 4);
}

/* Each of two adds its rows to what it finds, a row in a transaction. */
static bool add_rows(void *context)
{
    struct table *t = fixture_table_open(true);
    char user[64];

    for (int i = 0; i < 50; i++) {
        snprintf(user, sizeof user, "%s%d@example.org", (const char *)context, i);
        fixture_table_must(table_begin(t) == TABLE_OK);
        fixture_table_put(t, user, "");
        fixture_table_must(table_commit(t) == TABLE_OK);
    }
    table_close(&t);
    return true;
}

TEST(two_writers_wait_for_each_other)
{
    char a[] = "a";
    char b[] = "b";
    uint64_t count = 0;
    int status = -1;

    const pid_t other = fork();
    assert_true(other >= 0);
    if (other == 0)
        _exit(add_rows(a) ? 0 : 1);
    assert_int_equal(child_end(add_rows, b), 0);
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_int_equal(status, 0);
    struct table *t = fixture_table_open(false);
    assert_int_equal(table_count(t, &count), TABLE_OK);
    assert_int_equal(count, 100);
    table_close(&t);
}

TEST(a_killed_writer_leaves_old_or_new)
{
    char octet;

    struct table *t = fixture_table_open(true);
    fixture_table_build_many(t, 1);
    table_close(&t);
    for (unsigned i = 0; i < 30; i++) {
        int pipe_ends[2];
        struct fixture_table_look l = {0};
        assert_int_equal(pipe(pipe_ends), 0);
        const pid_t writer = fork();
        assert_true(writer >= 0);
        if (writer == 0) {
            t = fixture_table_open(true);
            fixture_table_must(write(pipe_ends[1], "", 1) == 1);
            for (unsigned version = 2;; version++)
                fixture_table_build_many(t, version);
        }
        close(pipe_ends[1]);
        assert_int_equal(read(pipe_ends[0], &octet, 1), 1);
        close(pipe_ends[0]);
        usleep(i * 400); /* any moment will do: each shall do no harm */
        kill(writer, SIGKILL);
        waitpid(writer, NULL, 0);
        t = fixture_table_open(false);
        assert_int_equal(table_each(t, fixture_table_look_at, &l), TABLE_OK);
        assert_false(l.mixed);
        assert_int_equal(l.rows, FIXTURE_TABLE_MANY);
        table_close(&t);
    }
    t = fixture_table_open(true); /* and the next one is not kept waiting */
    fixture_table_build_many(t, 1);
    table_close(&t);
}
