// SPDX-License-Identifier: ISC
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/run_as.h"
#include "folder.h"
#include "unit.h"

#define WARNING "CONFIG:7: warning: the user nobody cannot read this file (Permission denied): "

/* What is said of a file of root's, in a folder that anyone may enter. */
static const struct {
    struct unit_row row;
    mode_t mode;
    bool of_the_group;
    bool warns;
} files[] = {
        {{.name = "root's alone"}, 0600, false, true},
        {{.name = "the group may not"}, 0600, true, true},
        {{.name = "the group may"}, 0640, true, false},
        {{.name = "another group may"}, 0640, false, true},
        {{.name = "anyone may"}, 0644, false, false},
};

TEST_EACH(root_is_warned_of_what_the_user_cannot_read, files)
{
    const struct passwd *user = getpwnam("nobody");
    struct problems *warnings = problems_init("CONFIG");
    char path[FOLDER_PATH_MAX];

    assert_non_null(warnings);
    if (geteuid() != 0)
        skip();
    struct folder folder = folder_make();
    folder_path(&folder, "key", path);
    folder_write(&folder, "key", "secret", 6, row->mode);
    assert_non_null(user);
    assert_int_equal(chmod(folder.path, 0755), 0);
    assert_int_equal(chown(path, 0, row->of_the_group ? user->pw_gid : 0), 0);
    run_as_check_file("nobody", path, 7, warnings);
    const char *text = problems_text(warnings);
    assert_int_equal(problems_count(warnings), row->warns ? 1 : 0);
    if (row->warns) {
        assert_memory_equal(text, WARNING, strlen(WARNING));
        assert_non_null(strstr(text, path));
        char remedy[3 * FOLDER_PATH_MAX];
        (void)snprintf(remedy, sizeof remedy, "chgrp nogroup %s && chmod g+r %s\n", path, path);
        assert_non_null(strstr(text, remedy));
    }
    problems_free(&warnings);
    folder_remove(&folder);
}

TEST(unknown_user_is_not_the_file_s_fault)
{
    struct problems *warnings = problems_init("CONFIG");

    assert_non_null(warnings);
    run_as_check_file("verimail-no-such-user", "/etc/shadow", 7, warnings);
    assert_int_equal(problems_count(warnings), 0);
    problems_free(&warnings);
}

TEST(a_folder_above_may_be_in_the_way)
{
    struct problems *warnings = problems_init("CONFIG");
    char path[FOLDER_PATH_MAX];
    char remedy[3 * FOLDER_PATH_MAX];

    assert_non_null(warnings);
    if (geteuid() != 0)
        skip();
    struct folder folder = folder_make();
    folder_path(&folder, "key", path);
    folder_write(&folder, "key", "secret", 6, 0644);
    assert_int_equal(chmod(folder.path, 0700), 0);
    run_as_check_file("nobody", path, 7, warnings);
    assert_int_equal(problems_count(warnings), 1);
    (void)snprintf(remedy, sizeof remedy,
            "expected that the user nobody may enter it: chgrp nogroup %s && chmod g+rx %s\n",
            folder.path, folder.path);
    assert_non_null(strstr(problems_text(warnings), remedy));
    problems_free(&warnings);
    folder_remove(&folder);
}

static const struct {
    struct unit_row row;
    const char *below; /* the folder that is looked at is below this one; "": this one */
    bool is_owner;
    const char *error; /* NULL: nothing is said */
    const char *command;
} folders[] = {
        {{.name = "its own"}, "", true, NULL, NULL},
        {{.name = "root's"}, "", false, "Permission denied", "chown nobody"},
        {{.name = "none"}, "/nowhere", false, "No such file or directory",
                "install -d -m 750 -o nobody -g nogroup"},
};

/* Of a socket it is the folder around it. */
TEST_EACH(the_folder_of_a_daemon, folders)
{
    const struct passwd *user = getpwnam("nobody");
    struct problems *warnings = problems_init("CONFIG");
    char path[FOLDER_PATH_MAX];
    char socket[FOLDER_PATH_MAX + 16];
    char want[4 * FOLDER_PATH_MAX] = "";

    assert_non_null(warnings);
    if (geteuid() != 0)
        skip();
    struct folder folder = folder_make();
    assert_int_equal(chmod(folder.path, 0755), 0);
    assert_int_equal(chown(folder.path, row->is_owner ? user->pw_uid : 0, 0), 0);
    (void)snprintf(path, sizeof path, "%s%s", folder.path, row->below);
    (void)snprintf(socket, sizeof socket, "unix:%s/socket", path);
    run_as_check_folder("nobody", path, 3, warnings);
    run_as_check_socket("nobody", socket, 4, warnings);
    run_as_check_socket("nobody", "inet:1@127.0.0.1", 5, warnings);
    for (int line = 3; line < 5 && row->error != NULL; line++) {
        const size_t len = strlen(want);
        (void)snprintf(want + len, sizeof want - len,
                "CONFIG:%d: warning: the user nobody cannot make files in this folder (%s): %s: "
                "expected a folder of the user nobody: %s %s\n",
                line, row->error, path, row->command, path);
    }
    assert_string_equal(problems_text(warnings), want);
    problems_free(&warnings);
    folder_remove(&folder);
}

TEST(a_user_that_is_not_there_can_be_made)
{
    char nobody[] = "verimail-no-such-user";
    char root[] = "root";
    struct config_text run_as = {nobody, 9};
    struct problems *problems = problems_init("CONFIG");
    struct identity identity;

    assert_non_null(problems);
    if (geteuid() != 0)
        skip();
    assert_false(run_as_find(&run_as, &identity, problems));
    assert_string_equal(problems_text(problems),
            "CONFIG:9: run_as: verimail-no-such-user: expected a user of this machine: useradd "
            "--system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin "
            "verimail-no-such-user\n");
    problems_free(&problems);
    problems = problems_init("CONFIG");
    assert_non_null(problems);
    run_as.at = root;
    assert_false(run_as_find(&run_as, &identity, problems));
    assert_string_equal(problems_text(problems),
            "CONFIG:9: run_as: root: expected a user of this machine, not root\n");
    problems_free(&problems);
}
