// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "fixture_table.h"
#include "unit.h"

BEFORE_EACH()
{
    fixture_table_set_up();
}

AFTER_EACH()
{
    fixture_table_tear_down();
}

TEST(rows_are_found)
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

    fixture_table_build(rows);
    for (int write = 0; write < 2; write++) { /* inside a writer's transaction, too */
        struct table *t = fixture_table_open(write == 1);
        if (write == 1)
            assert_int_equal(table_begin(t), TABLE_OK);
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            assert_string_equal(fixture_table_found(t, wanted[i][0], wanted[i][1]), wanted[i][2]);
        table_close(&t);
        assert_null(t);
    }
    table_close(&(struct table *){NULL});
}

TEST(aliases_are_followed)
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

    fixture_table_build(rows);
    struct table *t = fixture_table_open(false);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_string_equal(fixture_table_found(t, wanted[i][0], "example.org"), wanted[i][1]);
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

TEST(a_table_is_listed_in_order)
{
    static const char *const rows[] = {"b@example.org", "hosts=b", "a@example.org", "",
            "*@example.org", "pinned=yes", "c@example.org", "alias=a@example.org", NULL};
    static const char *const none[] = {NULL};
    struct listing all = {.most = 10};
    struct listing two = {.most = 2};
    struct listing empty = {.most = 10};
    uint64_t count = 99;

    fixture_table_build(rows);
    struct table *t = fixture_table_open(false);
    assert_int_equal(table_each(t, list, &all), TABLE_OK);
    assert_string_equal(all.text, "*@example.org pinned=yes;a@example.org ;b@example.org hosts=b;"
                                  "c@example.org alias=a@example.org;");
    assert_int_equal(table_each(t, list, &two), TABLE_OK);
    assert_string_equal(two.text, "*@example.org pinned=yes;a@example.org ;");
    assert_int_equal(table_count(t, &count), TABLE_OK);
    assert_int_equal(count, 4);
    table_close(&t);
    fixture_table_build(none);
    t = fixture_table_open(false);
    assert_int_equal(table_each(t, list, &empty), TABLE_OK);
    assert_string_equal(empty.text, "");
    assert_int_equal(table_count(t, &count), TABLE_OK);
    assert_int_equal(count, 0);
    assert_string_equal(fixture_table_found(t, "a", "example.org"), "absent");
    table_close(&t);
}

TEST(a_transaction_is_all_or_nothing)
{
    static const char *const rows[] = {"a@example.org", "hosts=a", "b@example.org", "hosts=b",
            "p@example.org", "hosts=p pinned=yes", NULL};
    char long_key[600];
    struct row row = {.names = {NULL}};

    fixture_table_build(rows);
    struct table *t = fixture_table_open(true);
    assert_int_equal(table_begin(t), TABLE_OK);
    fixture_table_put(t, "a@example.org", "hosts=new");
    assert_int_equal(table_delete(t, text_of("b@example.org")), TABLE_OK);
    assert_int_equal(table_delete(t, text_of("b@example.org")), TABLE_ABSENT);
    assert_string_equal(fixture_table_found(t, "a", "example.org"), "hosts=new");
    table_abort(t);
    assert_string_equal(fixture_table_found(t, "a", "example.org"), "hosts=a");
    assert_string_equal(fixture_table_found(t, "b", "example.org"), "hosts=b");

    memset(long_key, 'x', sizeof long_key);
    assert_int_equal(table_begin(t), TABLE_OK);
    assert_int_equal(table_clear(t, false), TABLE_OK);
    assert_int_equal(table_put(t, (struct text){long_key, sizeof long_key}, &row), TABLE_ERROR);
    assert_int_equal(table_commit(t), TABLE_ERROR); /* a step failed, and so did all */
    assert_string_equal(fixture_table_found(t, "a", "example.org"), "hosts=a");

    assert_int_equal(table_begin(t), TABLE_OK);
    assert_int_equal(table_clear(t, true), TABLE_OK);
    fixture_table_put(t, "z@example.org", "");
    fixture_table_put(t, "c@example.org", "");
    assert_int_equal(table_commit(t), TABLE_OK);
    struct listing all = {.most = 10};
    assert_int_equal(table_each(t, list, &all), TABLE_OK);
    assert_string_equal(
            all.text, "c@example.org ;p@example.org hosts=p pinned=yes;z@example.org ;");
    table_close(&t);
}

static bool made_for_its_folder(void *context)
{
    struct stat about;

    (void)context;
    fixture_table_must(chown(fixture_table_folder.path, 12345, 23456) == 0);
    struct table *t = fixture_table_open(true);
    fixture_table_must(geteuid() == 0 && getegid() == 0);
    fixture_table_build_many(t, 1); /* what was opened is written as root, or anybody */
    table_close(&t);
    fixture_table_must(stat(fixture_table_path, &about) == 0);
    const bool mine = about.st_uid == 12345 && about.st_gid == 23456;
    const bool shut = (about.st_mode & 07777) == 0600;
    char lock[FOLDER_PATH_MAX];
    folder_path(&fixture_table_folder, "t-lock", lock);
    fixture_table_must(stat(lock, &about) == 0);
    return mine && shut && about.st_uid == 12345 && about.st_gid == 23456 &&
           (about.st_mode & 07777) == 0600;
}

/* A link in somebody's folder leads root to nothing that is not his. */
static bool not_led_astray(void *context)
{
    char target[] = "/tmp/verimail-test-target-XXXXXX";
    char error[TABLE_ERROR_MAX];
    char new_file[sizeof target + 4];

    (void)context;
    fixture_table_must(chown(fixture_table_folder.path, 12345, 23456) == 0);
    fixture_table_must(mkdtemp(target) != NULL);
    snprintf(new_file, sizeof new_file, "%s/new", target);
    fixture_table_must(symlink(new_file, fixture_table_path) == 0);
    const bool opened = table_open_to_write(fixture_table_path, error) != NULL;
    const bool made = access(new_file, F_OK) == 0;
    (void)unlink(new_file);
    fixture_table_must(rmdir(target) == 0);
    return !opened && !made && geteuid() == 0;
}

TEST(root_acts_as_the_folders_owner)
{
    if (geteuid() != 0)
        skip();
    assert_int_equal(child_end(made_for_its_folder, NULL), 0);
    assert_int_equal(unlink(fixture_table_path), 0);
    char lock[FOLDER_PATH_MAX];
    folder_path(&fixture_table_folder, "t-lock", lock);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(child_end(not_led_astray, NULL), 0);
}
