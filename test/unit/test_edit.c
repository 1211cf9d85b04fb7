// SPDX-License-Identifier: ISC
#include "config/edit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "unit.h"

static const struct edit_step root[] = {{NULL, NULL}};
static const struct edit_step service[] = {{"service", NULL}, {NULL, NULL}};
static const struct edit_step domain[] = {{"domain", "example.org"}, {NULL, NULL}};
static const struct edit_step idn[] = {{"domain", "xn--bcher-kva.example"}, {NULL, NULL}};
static const struct edit_step bob[] = {{"domain", "example.org"}, {"user", "bob"}, {NULL, NULL}};

static struct edit *edit_of(const char *text)
{
    struct edit *edit = edit_init(text_of(text));

    assert_non_null(edit);
    return edit;
}

static void assert_text(const struct edit *edit, const char *wanted)
{
    const struct text got = edit_text(edit);

    if (got.len != strlen(wanted) || memcmp(got.at, wanted, got.len) != 0)
        fail_msg("got:\n%.*s\nwanted:\n%s", (int)got.len, got.at, wanted);
}

/* What is found, and on which line; NULL: nothing. */
static const struct {
    struct unit_row row;
    const char *text;
    const struct edit_step *path;
    const char *option;
    const char *wanted;
    unsigned line;
} finds[] = {
        {{.name = "an option"}, "service { workers = 2 }", service, "workers", "workers = 2", 1},
        {{.name = "a list"}, "service {\n listen = {\"a\", # }\n b} }", service, "listen",
                "listen = {\"a\", # }\n b}", 2},
        {{.name = "a section"}, "# c\ndomain example.org { user bob { } }", bob, NULL,
                "user bob { }", 2},
        {{.name = "an outer section"}, "domain example.org { user bob { } }x", domain, NULL,
                "domain example.org { user bob { } }", 1},
        {{.name = "case and quotes"}, "domain \"Example.ORG\" { user \"BOB\" {} }", bob, NULL,
                "user \"BOB\" {}", 1},
        {{.name = "a domain as people write it"},
                "domain b\xc3\xbc"
                "cher.example { ttl = 1 }",
                idn, "ttl", "ttl = 1", 1},
        {{.name = "not in a comment"}, "# service { workers = 1 }\nservice { /* workers = 1 */\n}",
                service, "workers", NULL, 0},
        {{.name = "not in a text"}, "service { run_as = \"workers = 1\" }", service, "workers",
                NULL, 0},
        {{.name = "not in a section within"}, "domain example.org { user bob { hosts = {} } }",
                domain, "hosts", NULL, 0},
        {{.name = "not of another section"},
                "domain example.com { user bob { } } domain example.org { user alice { } }", bob,
                NULL, NULL, 0},
        {{.name = "behind a section that is alike"},
                "domain example.org { user alice { hosts = {} } user bob { hosts = {a} } }", bob,
                "hosts", "hosts = {a}", 1},
        {{.name = "the section does not end"}, "domain example.org { user bob {", bob, NULL, NULL,
                0},
        {{.name = "the comment before does not end"}, "/* domain example.org { user bob { } }", bob,
                NULL, NULL, 0},
        {{.name = "nothing"}, "", bob, NULL, NULL, 0},
        {{.name = "no braces"}, "domain example.org user bob", bob, NULL, NULL, 0},
};

TEST_EACH(what_is_looked_for_is_found, finds)
{
    struct edit *edit = edit_of(row->text);
    struct edit_place place;
    const bool found = row->option != NULL ? edit_find_option(edit, row->path, row->option, &place)
                                           : edit_find_section(edit, row->path, &place);

    assert_int_equal(found, row->wanted != NULL);
    if (found) {
        const struct text got = edit_text_at(edit, &place);
        assert_int_equal(got.len, strlen(row->wanted));
        assert_memory_equal(got.at, row->wanted, got.len);
        assert_int_equal(place.line, row->line);
    }
    edit_free(&edit);
}

/* An option is set, and nothing else changes. */
static const struct {
    struct unit_row row;
    const char *text;
    const struct edit_step *path;
    const char *option;
    const char *value;
    const char *wanted; /* NULL: cannot be set */
} sets[] = {
        {{.name = "in place"}, "service { # first\n  workers = 2 # two\n}\n", service, "workers",
                "3", "service { # first\n  workers = 3 # two\n}\n"},
        {{.name = "a list in place"}, "service { listen = {a, /* } */\n b} workers = 1 }", service,
                "listen", "{c}", "service { listen = {c} workers = 1 }"},
        {{.name = "a new line"}, "domain example.org {\n\tuser bob {\n\t}\n}\n", bob, "hosts", "{}",
                "domain example.org {\n\tuser bob {\n\t    hosts = {}\n\t}\n}\n"},
        {{.name = "CRLF"}, "service {\r\n    workers = 1\r\n}\r\n", service, "run_as", "x",
                "service {\r\n    workers = 1\r\n    run_as = x\r\n}\r\n"},
        {{.name = "in an empty section"}, "domain example.org { user bob {} } # end", bob, "hosts",
                "{}", "domain example.org { user bob { hosts = {} } } # end"},
        {{.name = "on the line of others"}, "domain example.org { user bob { not_before = x } }",
                bob, "hosts", "{}",
                "domain example.org { user bob { not_before = x hosts = {} } }"},
        {{.name = "behind a comment"}, "service { # nothing\n# more\n  }", service, "workers", "1",
                "service { # nothing\n# more\n      workers = 1\n  }"},
        {{.name = "no such section"}, "service { }", bob, "hosts", "{}", NULL},
};

TEST_EACH(an_option_is_set, sets)
{
    struct edit *edit = edit_of(row->text);

    assert_int_equal(edit_set(edit, row->path, row->option, row->value), row->wanted != NULL);
    assert_text(edit, row->wanted != NULL ? row->wanted : row->text);
    edit_free(&edit);
}

static const struct {
    struct unit_row row;
    const char *text;
    const struct edit_step *path;
    const char *option; /* NULL: the section itself */
    const char *wanted;
} removals[] = {
        {{.name = "with its line"}, "service {\n  workers = 1\n  run_as = x\n}", service, "workers",
                "service {\n  run_as = x\n}"},
        {{.name = "with its line, CRLF"}, "service {\r\n workers = 1 \r\n}", service, "workers",
                "service {\r\n}"},
        {{.name = "its comment stays"}, "service {\n  workers = 1 # one\n}", service, "workers",
                "service {\n  # one\n}"},
        {{.name = "among others"}, "service { workers = 1 run_as = x }", service, "workers",
                "service { run_as = x }"},
        {{.name = "the last"}, "service { run_as = x workers = 1 }", service, "workers",
                "service { run_as = x }"},
        {{.name = "a section"}, "domain example.org {\n  user bob {\n }\n  user al { }\n}", bob,
                NULL, "domain example.org {\n  user al { }\n}"},
        {{.name = "without a line end"}, "domain example.org { }", domain, NULL, ""},
};

TEST_EACH(nothing_else_is_removed, removals)
{
    struct edit *edit = edit_of(row->text);
    struct edit_place place;

    assert_true(row->option != NULL ? edit_find_option(edit, row->path, row->option, &place)
                                    : edit_find_section(edit, row->path, &place));
    assert_true(edit_remove(edit, &place));
    assert_text(edit, row->wanted);
    edit_free(&edit);
}

static const struct {
    struct unit_row row;
    const char *text;
    const struct edit_step *path;
    const char *wanted;
} additions[] = {
        {{.name = "the end of the file"}, "log { }\n", root, "log { }\nuser x { }\n"},
        {{.name = "a file without its last line end"}, "log { }", root, "log { }\nuser x { }\n"},
        {{.name = "an empty file"}, "", root, "user x { }\n"},
        {{.name = "a section's end"}, "domain example.org {\n    user bob { }\n}\n", domain,
                "domain example.org {\n    user bob { }\n    user x { }\n}\n"},
        {{.name = "on the line"}, "domain example.org { user bob { }}", domain,
                "domain example.org { user bob { } user x { } }"},
};

TEST_EACH(an_item_becomes_the_last, additions)
{
    struct edit *edit = edit_of(row->text);

    assert_true(edit_append(edit, row->path, "user x { }"));
    assert_text(edit, row->wanted);
    edit_free(&edit);
}

/* Whatever place a file is cut at, nothing is found beyond it, and nothing is read beyond it. */
TEST(a_file_may_end_anywhere)
{
    static const char text[] = "a = {b, \"c\\\"d\"} # e\ndomain \"example.org\" { /* f */ x = 'y'\n"
                               "user bob { hosts = {g, h} } }";
    struct edit_place place;

    for (size_t len = 0; len <= strlen(text); len++) {
        struct edit *edit = edit_init((struct text){text, len});
        assert_non_null(edit);
        if (edit_find_option(edit, bob, "hosts", &place))
            assert_true(place.end <= len);
        assert_int_equal(edit_find_section(edit, domain, &place), len == strlen(text));
        edit_free(&edit);
    }
}

static struct folder folder;

BEFORE_EACH()
{
    folder = folder_make();
}

AFTER_EACH()
{
    folder_remove(&folder);
}

static void assert_file(const char *path, const char *wanted)
{
    struct edit *edit = edit_load(path);

    assert_non_null(edit);
    assert_text(edit, wanted);
    edit_free(&edit);
}

TEST(a_file_is_exchanged_and_a_copy_kept)
{
    char path[FOLDER_PATH_MAX];
    char copy[EDIT_PATH_MAX];
    char second[EDIT_PATH_MAX];
    struct stat st;

    folder_path(&folder, "conf", path);
    folder_write(&folder, "conf", "service { }\n", 12, 0640);
    struct edit *edit = edit_load(path);
    assert_non_null(edit);
    assert_true(edit_set(edit, service, "workers", "2"));
    assert_true(edit_save(edit, path, copy));
    assert_file(path, "service { workers = 2 }\n");
    assert_file(copy, "service { }\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    edit_free(&edit);

    edit = edit_load(path);
    assert_non_null(edit);
    assert_true(edit_set(edit, service, "workers", "3"));
    assert_true(edit_save(edit, path, second));
    assert_string_not_equal(copy, second);
    assert_file(second, "service { workers = 2 }\n");
    edit_free(&edit);
}

TEST(a_link_is_followed)
{
    char path[FOLDER_PATH_MAX];
    char link[FOLDER_PATH_MAX];
    char copy[EDIT_PATH_MAX];
    struct stat st;

    folder_path(&folder, "conf", path);
    folder_path(&folder, "link", link);
    folder_write(&folder, "conf", "service { }\n", 12, 0600);
    assert_int_equal(symlink("conf", link), 0);
    struct edit *edit = edit_load(link);
    assert_non_null(edit);
    assert_true(edit_set(edit, service, "workers", "2"));
    assert_true(edit_save(edit, link, copy));
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_file(path, "service { workers = 2 }\n");
    edit_free(&edit);
}

TEST(a_file_that_another_changed_stays)
{
    char path[FOLDER_PATH_MAX];
    char copy[EDIT_PATH_MAX];

    folder_path(&folder, "conf", path);
    folder_write(&folder, "conf", "service { }\n", 12, 0600);
    struct edit *edit = edit_load(path);
    assert_non_null(edit);
    assert_true(edit_set(edit, service, "workers", "2"));
    folder_write(&folder, "conf", "log { }\n", 8, 0600);
    assert_false(edit_save(edit, path, copy));
    assert_int_equal(errno, EAGAIN);
    assert_file(path, "log { }\n");
    edit_free(&edit);
}

TEST(a_missing_file_is_an_error)
{
    char path[FOLDER_PATH_MAX];

    folder_path(&folder, "none", path);
    assert_null(edit_load(path));
    assert_int_equal(errno, ENOENT);
}
