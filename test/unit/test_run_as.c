// SPDX-License-Identifier: ISC
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/run_as.h"
#include "folder.h"
#include "unit.h"

#define WARNING "CONFIG:7: the user nobody cannot read this file (Permission denied): "

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
        assert_non_null(strstr(text, "chgrp nogroup FILE && chmod 640 FILE"));
    }
    problems_free(&warnings);
    folder_remove(&folder);
}

TEST(unknown_user_is_not_the_file_s_fault)
{
    struct problems *warnings = problems_init("CONFIG");

    run_as_check_file("verimail-no-such-user", "/etc/shadow", 7, warnings);
    assert_int_equal(problems_count(warnings), 0);
    problems_free(&warnings);
}
