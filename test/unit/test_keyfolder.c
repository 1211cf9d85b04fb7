// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/keyfolder.h"
#include "folder.h"
#include "unit.h"

static struct folder folder;

BEFORE_EACH()
{
    folder = folder_make();
    assert_int_equal(chmod(folder.path, 0750), 0);
}

AFTER_EACH()
{
    folder_remove(&folder);
}

/* What is listed: the names without the folder, with a space behind each; or the sentence. */
static const char *listed(const char *path, enum key_kind kind)
{
    static char text[4096];
    struct writer w = writer_of(text, sizeof text);
    struct keyfolder list;
    const char *error = "no sentence";

    if (keyfolder_list(path, kind, &list, &error)) {
        assert_null(error);
        for (size_t i = 0; i < list.count; i++) {
            const size_t len = strlen(path);
            assert_memory_equal(list.paths[i], path, len);
            assert_int_equal(list.paths[i][len], '/');
            writer_string(&w, list.paths[i] + len + 1);
            writer_string(&w, " ");
        }
    } else {
        writer_string(&w, error);
    }
    writer_char(&w, '\0');
    keyfolder_free(&list);
    assert_int_equal(list.count, 0);
    return text;
}

TEST(a_file_is_itself)
{
    static const char *const paths[] = {"/dev/null", "/nowhere/at all", "/dev/null/below"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct keyfolder list;
        const char *error;
        assert_true(keyfolder_list(paths[i], KEY_HOST_SECRET, &list, &error));
        assert_int_equal(list.count, 1);
        assert_string_equal(list.paths[0], paths[i]);
        assert_false(list.is_folder);
        keyfolder_free(&list);
    }
}

TEST(key_files_are_listed_newest_first)
{
    static const char *const names[] = {"2026-11-01T0411.key", "2026-12-01T0411.key",
            "2025-12-24.key", "b.key", "a.key", "2026-12-01T0411.pub", ".hidden.key", ".key",
            "a.key~", "#a.key#", "a.key.AbCdEf", "a.key.swp", "README", "old.KEY", "a.pub.bak"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        folder_write(&folder, names[i], "k", 1, 0600);
    assert_string_equal(listed(folder.path, KEY_SERVICE_SECRET),
            "b.key a.key 2026-12-01T0411.key 2026-11-01T0411.key 2025-12-24.key ");
    assert_string_equal(listed(folder.path, KEY_HOST_SECRET),
            "b.key a.key 2026-12-01T0411.key 2026-11-01T0411.key 2025-12-24.key ");
    assert_string_equal(listed(folder.path, KEY_HOST_PUBLIC), "2026-12-01T0411.pub ");
    assert_string_equal(listed(folder.path, KEY_SERVICE_PUBLIC), "2026-12-01T0411.pub ");
}

TEST(a_slash_at_the_end_does_not_matter)
{
    char path[FOLDER_PATH_MAX];
    char wanted[FOLDER_PATH_MAX];
    struct keyfolder list;
    const char *error;

    folder_write(&folder, "a.key", "k", 1, 0600);
    folder_path(&folder, "", path);
    folder_path(&folder, "a.key", wanted);
    assert_true(keyfolder_list(path, KEY_HOST_SECRET, &list, &error));
    assert_true(list.is_folder);
    assert_string_equal(list.paths[0], wanted);
    keyfolder_free(&list);
}

TEST(folders_that_are_refused)
{
    char name[32];

    assert_non_null(strstr(listed(folder.path, KEY_HOST_SECRET), "without a file *.key"));
    assert_non_null(strstr(listed(folder.path, KEY_HOST_PUBLIC), "without a file *.pub"));
    for (int i = 0; i < KEYFOLDER_MAX; i++) {
        (void)snprintf(name, sizeof name, "%03d.key", i);
        folder_write(&folder, name, "k", 1, 0600);
    }
    assert_int_equal(strncmp(listed(folder.path, KEY_HOST_SECRET), "063.key 062.key ", 16), 0);
    folder_write(&folder, "more.key", "k", 1, 0600);
    assert_string_equal(listed(folder.path, KEY_HOST_SECRET), "is a folder with more than 64 keys");
    folder_write(&folder, "one.pub", "k", 1, 0644);
    assert_string_equal(listed(folder.path, KEY_HOST_PUBLIC), "one.pub ");
    assert_int_equal(chmod(folder.path, 0757), 0);
    assert_non_null(strstr(listed(folder.path, KEY_HOST_PUBLIC), "everybody may put keys"));
}

/* Reading it then says what is wrong with it. */
TEST(what_has_the_name_of_a_key_file_counts)
{
    char path[FOLDER_PATH_MAX];

    folder_path(&folder, "sub.key", path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_string_equal(listed(folder.path, KEY_HOST_SECRET), "sub.key ");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_string_equal(listed(folder.path, KEY_HOST_SECRET), "sub.key ");
}
