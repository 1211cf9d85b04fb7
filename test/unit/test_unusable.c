// SPDX-License-Identifier: ISC
#include "config/unusable.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "folder.h"
#include "unit.h"

static struct folder folder;

BEFORE_EACH()
{
    folder = folder_make();
}

AFTER_EACH()
{
    folder_remove(&folder);
}

/* `which` is added with this error: what is said of it. */
static void assert_said(const char *path, int error, const char *want)
{
    struct problems *problems = problems_init("f");

    assert_non_null(problems);
    errno = error;
    unusable_add(problems, &(struct unusable){.line = 3,
                                   .which = "key",
                                   .path = path,
                                   .error = "why",
                                   .expected = "another"});
    assert_string_equal(problems_text(problems), want);
    problems_free(&problems);
}

TEST(what_was_expected_is_said)
{
    assert_said("/nowhere", 0, "f:3: unusable key (why): /nowhere: expected another\n");
    assert_said("/nowhere", ENOENT, "f:3: unusable key (why): /nowhere: expected another\n");
    /* It is over: nothing stands in the way any more. */
    assert_said("/dev/null", EACCES, "f:3: unusable key (why): /dev/null: expected another\n");
}

/* As nobody: what is said of a file that root alone may read, in a folder with this mode. */
static bool nobody_says(void *context)
{
    const struct passwd *user = getpwnam("nobody");
    const char *part = context;
    char path[FOLDER_PATH_MAX];
    char want[4 * FOLDER_PATH_MAX];
    const bool is_file = strcmp(part, folder.path) != 0;

    folder_path(&folder, "key", path);
    if (user == NULL || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
        return false;
    (void)snprintf(want, sizeof want,
            "f:3: unusable key (why): %s: expected that the user nobody may %s it: chgrp nogroup "
            "%s && chmod %s %s\n",
            path, is_file ? "read" : "enter", part, is_file ? "g+r" : "g+rx", part);
    assert_said(path, EACCES, want);
    (void)snprintf(want, sizeof want,
            "f: cannot be read: Permission denied: expected that the user nobody may %s it: chgrp "
            "nogroup %s && chmod %s %s\n",
            is_file ? "read" : "enter", part, is_file ? "g+r" : "g+rx", part);
    struct problems *problems = problems_init("f");
    assert_non_null(problems);
    errno = EACCES;
    unusable_add_config(problems, path);
    assert_string_equal(problems_text(problems), want);
    problems_free(&problems);
    return true;
}

static const struct {
    struct unit_row row;
    mode_t mode; /* of the folder */
    bool is_folder;
} rights[] = {{{"the file"}, 0755, false}, {{"the folder"}, 0700, true}};

TEST_EACH(what_lets_the_user_in_is_said, rights)
{
    char path[FOLDER_PATH_MAX];
    char part[FOLDER_PATH_MAX];

    if (geteuid() != 0)
        skip();
    folder_write(&folder, "key", "secret", 6, 0600);
    assert_int_equal(chmod(folder.path, row->mode), 0);
    folder_path(&folder, "key", path);
    (void)snprintf(part, sizeof part, "%s", row->is_folder ? folder.path : path);
    const int end = child_end(nobody_says, part);
    assert_true(WIFEXITED(end));
    assert_int_equal(WEXITSTATUS(end), 0);
}
