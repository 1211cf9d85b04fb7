// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "folder.h"
#include "users/table.h"

#define MANY 2000 /* rows of a table that has more than one page */

static struct folder folder;
static char path[FOLDER_PATH_MAX];

static int set_up(void **state)
{
    (void)state;
    folder = folder_make();
    folder_path(&folder, "t", path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct table *open_it(bool write)
{
    char why[TABLE_WHY_MAX] = "";
    struct table *t = write ? table_open_to_write(path, why) : table_open_to_read(path, why);

    if (t == NULL)
        print_error("%s\n", why);
    must(t != NULL);
    return t;
}

static void put(struct table *t, const char *user, const char *values)
{
    char why[ROW_WHY_MAX];
    struct row row;

    must(row_parse(text_of(values), &row, why));
    must(table_put(t, text_of(user), &row) == TABLE_OK);
}

/* A table of these rows, and nothing else: user, values, ..., NULL. */
static void build(const char *const *rows)
{
    struct table *t = open_it(true);

    must(table_begin(t) == TABLE_OK && table_clear(t, false) == TABLE_OK);
    for (; *rows != NULL; rows += 2)
        put(t, rows[0], rows[1]);
    must(table_commit(t) == TABLE_OK);
    table_close(&t);
}

static void user_name(char room[64], size_t i)
{
    snprintf(room, 64, "user%06zu@example.org", i);
}

/* MANY rows that all say `hosts=VERSION`. */
static void build_many(struct table *t, unsigned version)
{
    char user[64];
    char values[64];

    must(table_begin(t) == TABLE_OK && table_clear(t, false) == TABLE_OK);
    snprintf(values, sizeof values, "hosts=v%u", version);
    for (size_t i = 0; i < MANY; i++) {
        user_name(user, i);
        put(t, user, values);
    }
    must(table_commit(t) == TABLE_OK);
}

static const char *found(struct table *t, const char *local, const char *domain)
{
    static char room[ROW_TEXT_MAX + 1];
    struct writer w = writer_of(room, ROW_TEXT_MAX);
    struct row row;

    switch (table_find(t, text_of(local), text_of(domain), &row)) {
    case TABLE_OK:
        must(row_format(&row, &w));
        *w.at = '\0';
        return room;
    case TABLE_ABSENT:
        return "absent";
    case TABLE_ERROR:
        break;
    }
    return table_error(t);
}

static void rows_are_found(void **state)
{
    static const char *const rows[] = {"alice@example.org", "hosts=a", "bob@example.org", "",
            "*@example.org", "hosts=", "a%20%C3%BC@example.org", "more_hosts=x", "zoe@example.org",
            "allow_unauthorized=yes pinned=yes", NULL};
    static const char *const wanted[][3] = {
            {"alice", "example.org", "hosts=a"},
            {"ALICE", "Example.ORG", "hosts=a"},
            {"bob", "example.org", ""},
            {"*", "example.org", "hosts="},
            {"A%20%C3%BC", "example.org", "more_hosts=x"},
            {"zoe", "example.org", "allow_unauthorized=yes pinned=yes"},
            {"carol", "example.org", "absent"},
            {"alice+x", "example.org", "absent"},
            {"alice", "example.net", "absent"},
            {"", "", "absent"},
            {"zz", "z", "absent"},
            {"\x01", "a", "absent"},
    };

    (void)state;
    build(rows);
    for (int write = 0; write < 2; write++) { /* inside a writer's transaction, too */
        struct table *t = open_it(write == 1);
        if (write == 1)
            assert_int_equal(table_begin(t), TABLE_OK);
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            assert_string_equal(found(t, wanted[i][0], wanted[i][1]), wanted[i][2]);
        table_close(&t);
        assert_null(t);
    }
    table_close(&(struct table *){NULL});
}

static void aliases_are_followed(void **state)
{
    static const char *const rows[] = {"a0@example.org", "hosts=end", "a1@example.org",
            "alias=a0@example.org", "a2@example.org", "alias=a1@example.org", "a3@example.org",
            "alias=a2@example.org", "a4@example.org", "alias=a3@example.org", "a5@example.org",
            "alias=a4@example.org", "a6@example.org", "alias=a5@example.org", "a7@example.org",
            "alias=a6@example.org", "a8@example.org", "alias=a7@example.org", "a9@example.org",
            "alias=a8@example.org", "self@example.org", "alias=self@example.org", "x@example.org",
            "alias=y@example.org", "y@example.org", "alias=x@example.org", "lost@example.org",
            "alias=nobody@example.org", "far@example.org", "alias=A0@Example.net", "a0@example.net",
            "more_hosts=net", "odd@example.org", "alias=A%20B@example.org", "a%20b@example.org",
            "hosts=odd", NULL};
    static const char *const wanted[][2] = {{"a0", "hosts=end"}, {"a1", "hosts=end"},
            {"a7", "hosts=end"}, {"a8", "hosts=end"}, {"a9", "absent"}, {"self", "absent"},
            {"x", "absent"}, {"lost", "absent"}, {"far", "more_hosts=net"}, {"odd", "hosts=odd"}};
    struct row row;

    (void)state;
    build(rows);
    struct table *t = open_it(false);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_string_equal(found(t, wanted[i][0], "example.org"), wanted[i][1]);
    assert_int_equal(table_get(t, text_of("a1@example.org"), &row), TABLE_OK);
    assert_true(row.is_alias);
    assert_string_equal(row.alias.text, "a0@example.org");
    table_close(&t);
}

struct listing {
    char text[1024];
    size_t most;
};

static bool list(void *context, struct text key, struct text values)
{
    struct listing *l = context;
    const size_t len = strlen(l->text);

    snprintf(l->text + len, sizeof l->text - len, "%.*s %.*s;", (int)key.len, key.at,
            (int)values.len, values.len > 0 ? values.at : "");
    return --l->most > 0;
}

static void a_table_is_listed_in_order(void **state)
{
    static const char *const rows[] = {"b@example.org", "hosts=b", "a@example.org", "",
            "*@example.org", "pinned=yes", "c@example.org", "alias=a@example.org", NULL};
    static const char *const none[] = {NULL};
    struct listing all = {.most = 10};
    struct listing two = {.most = 2};
    struct listing empty = {.most = 10};
    uint64_t count = 99;

    (void)state;
    build(rows);
    struct table *t = open_it(false);
    assert_int_equal(table_each(t, list, &all), TABLE_OK);
    assert_string_equal(all.text, "*@example.org pinned=yes;a@example.org ;b@example.org hosts=b;"
                                  "c@example.org alias=a@example.org;");
    assert_int_equal(table_each(t, list, &two), TABLE_OK);
    assert_string_equal(two.text, "*@example.org pinned=yes;a@example.org ;");
    assert_int_equal(table_count(t, &count), TABLE_OK);
    assert_int_equal(count, 4);
    table_close(&t);
    build(none);
    t = open_it(false);
    assert_int_equal(table_each(t, list, &empty), TABLE_OK);
    assert_string_equal(empty.text, "");
    assert_int_equal(table_count(t, &count), TABLE_OK);
    assert_int_equal(count, 0);
    assert_string_equal(found(t, "a", "example.org"), "absent");
    table_close(&t);
}

static void a_transaction_is_all_or_nothing(void **state)
{
    static const char *const rows[] = {"a@example.org", "hosts=a", "b@example.org", "hosts=b",
            "p@example.org", "hosts=p pinned=yes", NULL};
    char long_key[600];
    struct row row = {.names = {NULL}};

    (void)state;
    build(rows);
    struct table *t = open_it(true);
    assert_int_equal(table_begin(t), TABLE_OK);
    put(t, "a@example.org", "hosts=new");
    assert_int_equal(table_delete(t, text_of("b@example.org")), TABLE_OK);
    assert_int_equal(table_delete(t, text_of("b@example.org")), TABLE_ABSENT);
    assert_string_equal(found(t, "a", "example.org"), "hosts=new");
    table_abort(t);
    assert_string_equal(found(t, "a", "example.org"), "hosts=a");
    assert_string_equal(found(t, "b", "example.org"), "hosts=b");

    memset(long_key, 'x', sizeof long_key);
    assert_int_equal(table_begin(t), TABLE_OK);
    assert_int_equal(table_clear(t, false), TABLE_OK);
    assert_int_equal(table_put(t, (struct text){long_key, sizeof long_key}, &row), TABLE_ERROR);
    assert_int_equal(table_commit(t), TABLE_ERROR); /* a step failed, and so did all */
    assert_string_equal(found(t, "a", "example.org"), "hosts=a");

    assert_int_equal(table_begin(t), TABLE_OK);
    assert_int_equal(table_clear(t, true), TABLE_OK);
    put(t, "z@example.org", "");
    put(t, "c@example.org", "");
    assert_int_equal(table_commit(t), TABLE_OK);
    struct listing all = {.most = 10};
    assert_int_equal(table_each(t, list, &all), TABLE_OK);
    assert_string_equal(
            all.text, "c@example.org ;p@example.org hosts=p pinned=yes;z@example.org ;");
    table_close(&t);
}

/* A reader in a process of its own: sees each table whole, and never an older one after a newer. */
struct look {
    unsigned version;
    size_t rows;
    bool mixed;
};

static bool look_at(void *context, struct text key, struct text values)
{
    struct look *l = context;
    struct reader r = reader_of(values);
    uint64_t version = 0;

    (void)key;
    (void)reader_until(&r, 'v');
    must(text_decimal(reader_rest(&r), UINT32_MAX, &version));
    l->mixed = l->mixed || (l->rows > 0 && version != l->version);
    l->version = (unsigned)version;
    l->rows++;
    return true;
}

#define VERSIONS 60

static bool read_on(void *context)
{
    struct table *t = open_it(false);
    unsigned last = 0;

    (void)context;
    while (last < VERSIONS) {
        struct look l = {0};
        if (table_each(t, look_at, &l) != TABLE_OK || l.mixed || l.rows != MANY || l.version < last)
            return false;
        last = l.version;
        const char *values = found(t, "user001999", "example.org");
        if (strncmp(values, "hosts=v", 7) != 0 || strtoul(values + 7, NULL, 10) < last)
            return false;
    }
    table_close(&t);
    return true;
}

static void readers_see_the_old_or_the_new(void **state)
{
    struct table *t = open_it(true);
    int readers[3];

    (void)state;
    build_many(t, 1);
    table_close(&t); /* it never crosses a fork */
    for (size_t i = 0; i < 3; i++) {
        readers[i] = fork();
        assert_true(readers[i] >= 0);
        if (readers[i] == 0)
            _exit(read_on(NULL) ? 0 : 1);
    }
    t = open_it(true);
    for (unsigned version = 2; version <= VERSIONS; version++)
        build_many(t, version);
    table_close(&t);
    for (size_t i = 0; i < 3; i++) {
        int status = -1;
        assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
        assert_int_equal(status, 0);
    }
}

static void what_is_replaced_is_used_again(void **state)
{
    struct table *t = open_it(true);
    struct stat first;
    struct stat last;

    (void)state;
    build_many(t, 1);
    assert_int_equal(stat(path, &first), 0);
    for (unsigned i = 0; i < 40; i++)
        build_many(t, 2);
    table_close(&t);
    assert_int_equal(stat(path, &last), 0);
    assert_in_range(last.st_size, first.st_size, first.st_size * 4);
}

/* Each of two adds its rows to what it finds, a row in a transaction. */
static bool add_rows(void *context)
{
    struct table *t = open_it(true);
    char user[64];

    for (int i = 0; i < 50; i++) {
        snprintf(user, sizeof user, "%s%d@example.org", (const char *)context, i);
        must(table_begin(t) == TABLE_OK);
        put(t, user, "");
        must(table_commit(t) == TABLE_OK);
    }
    table_close(&t);
    return true;
}

static void two_writers_wait_for_each_other(void **state)
{
    char a[] = "a";
    char b[] = "b";
    uint64_t count = 0;
    int status = -1;

    (void)state;
    const pid_t other = fork();
    assert_true(other >= 0);
    if (other == 0)
        _exit(add_rows(a) ? 0 : 1);
    assert_int_equal(child_end(add_rows, b), 0);
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_int_equal(status, 0);
    struct table *t = open_it(false);
    assert_int_equal(table_count(t, &count), TABLE_OK);
    assert_int_equal(count, 100);
    table_close(&t);
}

static void a_killed_writer_leaves_old_or_new(void **state)
{
    char octet;

    (void)state;
    struct table *t = open_it(true);
    build_many(t, 1);
    table_close(&t);
    for (unsigned i = 0; i < 30; i++) {
        int pipe_ends[2];
        struct look l = {0};
        assert_int_equal(pipe(pipe_ends), 0);
        const pid_t writer = fork();
        assert_true(writer >= 0);
        if (writer == 0) {
            t = open_it(true);
            must(write(pipe_ends[1], "", 1) == 1);
            for (unsigned version = 2;; version++)
                build_many(t, version);
        }
        close(pipe_ends[1]);
        assert_int_equal(read(pipe_ends[0], &octet, 1), 1);
        close(pipe_ends[0]);
        usleep(i * 400); /* any moment will do: each shall do no harm */
        kill(writer, SIGKILL);
        waitpid(writer, NULL, 0);
        t = open_it(false);
        assert_int_equal(table_each(t, look_at, &l), TABLE_OK);
        assert_false(l.mixed);
        assert_int_equal(l.rows, MANY);
        table_close(&t);
    }
    t = open_it(true); /* and the next one is not kept waiting */
    build_many(t, 1);
    table_close(&t);
}

static void refused(const char *want)
{
    char why[TABLE_WHY_MAX] = "";
    struct table *t = table_open_to_read(path, why);

    assert_null(t);
    assert_string_equal(why, want);
    t = table_open_to_write(path, why);
    assert_null(t);
    assert_string_equal(why, want);
}

static void what_is_no_table_is_refused(void **state)
{
    static char octets[16384];

    (void)state;
    folder_path(&folder, "no/t", path);
    refused("No such file or directory");
    folder_path(&folder, "", path);
    refused("it is no table of users");
    folder_path(&folder, "t", path);
    memset(octets, 'x', sizeof octets);
    folder_write(&folder, "t", octets, 100, 0600);
    refused("it is no table of users");
    folder_write(&folder, "t", octets, sizeof octets, 0600);
    refused("it is no table of users");
    memset(octets, 0, sizeof octets);
    folder_write(&folder, "t", octets, sizeof octets, 0600);
    refused("it is no table of users");
    assert_int_equal(unlink(path), 0);
    char why[TABLE_WHY_MAX];
    assert_null(table_open_to_read(path, why));
    assert_string_equal(why, "No such file or directory");
    assert_int_not_equal(access(path, F_OK), 0);
}

/* An LMDB database of somebody else's. */
static void another_database_is_refused(void **state)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    char octets[] = "counts";
    MDB_val value = {sizeof octets, octets};

    (void)state;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &value, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    refused("it is no table of users");
}

static void spoil(off_t at, const char *octets, size_t len)
{
    const int fd = open(path, O_WRONLY);

    must(fd >= 0 && pwrite(fd, octets, len, at) == (ssize_t)len && close(fd) == 0);
}

/* Everything that a table can be used for; whatever comes of it. */
static bool use_all(void *context)
{
    char why[TABLE_WHY_MAX];
    struct look l = {0};
    struct row row;
    char user[64];

    (void)context;
    struct table *t = table_open_to_read(path, why);
    for (size_t i = 0; t != NULL && i < MANY; i += 37) {
        user_name(user, i);
        const enum table_result result = table_get(t, text_of(user), &row);
        if (result == TABLE_ABSENT) {
            print_error("%s is not there\n", user);
            return false;
        }
    }
    if (t != NULL)
        (void)table_each(t, look_at, &l);
    table_close(&t);
    t = table_open_to_write(path, why);
    if (t != NULL && table_begin(t) == TABLE_OK && table_clear(t, true) == TABLE_OK)
        (void)table_commit(t);
    table_close(&t);
    return true;
}

/* A page of the file becomes something else, with the table closed. Nobody may crash over it, and
 * nobody's row be missing. */
static void a_damaged_page_is_an_error(void **state)
{
    static char zeros[4096];
    static char ones[4096];
    static char noise[4096];
    const char *const contents[] = {zeros, ones, noise};
    struct stat about;
    unsigned seed = 7;

    (void)state;
    memset(ones, 0xff, sizeof ones);
    for (size_t i = 0; i < sizeof noise; i++) {
        seed = seed * 1103515245 + 12345;
        noise[i] = (char)(seed >> 16);
    }
    for (size_t content = 0; content < 3; content++) {
        for (off_t page = 2;; page++) {
            struct table *t = open_it(true);
            build_many(t, 1);
            table_close(&t);
            assert_int_equal(stat(path, &about), 0);
            if (page >= about.st_size / 4096)
                break;
            spoil(page * 4096, contents[content], 4096);
            if (child_end(use_all, NULL) != 0)
                fail_msg("page %ld, content %zu", (long)page, content);
            assert_int_equal(unlink(path), 0);
        }
    }
}

/* While it is in use, by a reader that had opened it before. */
static bool survive(void *context)
{
    const char *how = context;
    struct table *t = open_it(false);
    struct look l = {0};
    char user[64];
    struct row row;

    must(table_each(t, look_at, &l) == TABLE_OK && l.rows == MANY);
    if (strcmp(how, "removed") == 0) {
        must(unlink(path) == 0);
        while (table_get(t, text_of("user000000@example.org"), &row) == TABLE_OK)
            continue;
        return strcmp(table_error(t), "it cannot be read: it was removed while it was in use") == 0;
    }
    must(truncate(path, strcmp(how, "emptied") == 0 ? 0 : 3 * 4096) == 0);
    for (size_t i = 0; i < MANY; i++) {
        user_name(user, i);
        if (table_get(t, text_of(user), &row) != TABLE_ERROR)
            return false;
    }
    if (table_each(t, look_at, &l) != TABLE_ERROR || table_get(t, text_of("x@y"), &row) == TABLE_OK)
        return false;
    const bool good = strcmp(table_error(t), "it cannot be read: it is damaged") == 0;
    table_close(&t);
    return good;
}

static void a_file_that_shrinks_or_goes_is_an_error(void **state)
{
    static char ways[][10] = {"removed", "emptied", "cut"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct table *t = open_it(true);
        build_many(t, 1);
        build_many(t, 2);
        table_close(&t);
        if (child_end(survive, ways[i]) != 0)
            fail_msg("it was %s", ways[i]);
        (void)unlink(path);
    }
}

/* The guard is for the table's file alone. */
static bool crash(void *context)
{
    const int signum = *(int *)context;

    (void)signal(signum, SIG_DFL); /* cmocka has one of its own */
    (void)open_it(true);
    raise(signum);
    return true;
}

/* A page of this file is not there either. */
static bool run_into_nothing(void *context)
{
    char octet;

    (void)context;
    (void)signal(SIGBUS, SIG_DFL);
    (void)open_it(true);
    const int fd = open(path, O_RDONLY);
    const volatile char *page = mmap(NULL, 1 << 24, PROT_READ, MAP_SHARED, fd, 0);
    octet = page[(1 << 24) - 1];
    return octet == 0;
}

static void other_crashes_stay_crashes(void **state)
{
    int signals[] = {SIGSEGV, SIGBUS, SIGFPE};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const int end = child_end(crash, &signals[i]);
        assert_true(WIFSIGNALED(end));
        assert_int_equal(WTERMSIG(end), signals[i]);
    }
    const int end = child_end(run_into_nothing, NULL);
    assert_true(WIFSIGNALED(end));
    assert_int_equal(WTERMSIG(end), SIGBUS);
}

static bool made_for_its_folder(void *context)
{
    struct stat about;

    (void)context;
    must(chown(folder.path, 12345, 23456) == 0);
    struct table *t = open_it(true);
    must(geteuid() == 0 && getegid() == 0);
    build_many(t, 1); /* what was opened is written as root, or anybody */
    table_close(&t);
    must(stat(path, &about) == 0);
    const bool mine = about.st_uid == 12345 && about.st_gid == 23456;
    const bool shut = (about.st_mode & 07777) == 0600;
    char lock[FOLDER_PATH_MAX];
    folder_path(&folder, "t-lock", lock);
    must(stat(lock, &about) == 0);
    return mine && shut && about.st_uid == 12345 && about.st_gid == 23456 &&
           (about.st_mode & 07777) == 0600;
}

/* A link in somebody's folder leads root to nothing that is not his. */
static bool not_led_astray(void *context)
{
    char target[] = "/tmp/verimail-test-target-XXXXXX";
    char why[TABLE_WHY_MAX];
    char new_file[sizeof target + 4];

    (void)context;
    must(chown(folder.path, 12345, 23456) == 0);
    must(mkdtemp(target) != NULL);
    snprintf(new_file, sizeof new_file, "%s/new", target);
    must(symlink(new_file, path) == 0);
    const bool opened = table_open_to_write(path, why) != NULL;
    const bool made = access(new_file, F_OK) == 0;
    (void)unlink(new_file);
    must(rmdir(target) == 0);
    return !opened && !made && geteuid() == 0;
}

static void root_acts_as_the_folders_owner(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(child_end(made_for_its_folder, NULL), 0);
    assert_int_equal(unlink(path), 0);
    char lock[FOLDER_PATH_MAX];
    folder_path(&folder, "t-lock", lock);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(child_end(not_led_astray, NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(rows_are_found),
            TEST(aliases_are_followed),
            TEST(a_table_is_listed_in_order),
            TEST(a_transaction_is_all_or_nothing),
            TEST(readers_see_the_old_or_the_new),
            TEST(what_is_replaced_is_used_again),
            TEST(two_writers_wait_for_each_other),
            TEST(a_killed_writer_leaves_old_or_new),
            TEST(what_is_no_table_is_refused),
            TEST(another_database_is_refused),
            TEST(a_damaged_page_is_an_error),
            TEST(a_file_that_shrinks_or_goes_is_an_error),
            TEST(other_crashes_stay_crashes),
            TEST(root_acts_as_the_folders_owner),
    };

    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
