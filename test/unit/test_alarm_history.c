// SPDX-License-Identifier: ISC
#include <string.h>
#include <sys/stat.h>

#include "folder.h"
#include "recorder/alarm_history.h"
#include "unit.h"

#define NOW UINT64_C(1800000000)

static struct folder folder;

BEFORE_EACH()
{
    folder = folder_make();
}

AFTER_EACH()
{
    folder_remove(&folder);
}

static const struct {
    struct unit_row row;
    const char *content; /* NULL: no file */
    bool has;
} files[] = {
        {{.name = "no file"}, NULL, false},
        {{.name = "empty"}, "", false},
        {{.name = "for an hour"}, "1800003600 alice@example.org\n", true},
        {{.name = "for a second"}, "1800000001 alice@example.org\n", true},
        {{.name = "until now"}, "1800000000 alice@example.org\n", false},
        {{.name = "for 31 days"}, "1802678400 alice@example.org\n", true},
        {{.name = "longer than any"}, "1802678401 alice@example.org\n", false},
        {{.name = "another user"}, "1800003600 lalice@example.org\n", false},
        {{.name = "a longer name"}, "1800003600 alice@example.org.uk\n", false},
        {{.name = "not the first"}, "1800003600 bob@example.org\n1800003599 alice@example.org\n",
                true},
        {{.name = "behind what is no line of ours"}, "\nx y\n12\n1800003600 alice@example.org\n",
                true},
        {{.name = "cut"}, "1800003600 alice@exa", false},
        {{.name = "a time beyond all"}, "99999999999999999999 alice@example.org\n", false},
};

TEST_EACH(alarms_of_earlier_processes_are_known, files)
{
    if (row->content != NULL)
        folder_write(&folder, ALARM_HISTORY_FILE, row->content, strlen(row->content), 0600);
    assert_int_equal(alarm_history_has(folder.path, "alice@example.org", NOW), row->has);
}

TEST(old_alarms_are_forgotten)
{
    char content[256];

    assert_true(alarm_history_add(folder.path, "alice@example.org", 3600, NOW));
    assert_true(alarm_history_add(folder.path, "bob@example.org", 3600, NOW + 1));
    assert_true(alarm_history_add(folder.path, "STAMP", 100000, NOW + 1));
    assert_true(alarm_history_has(folder.path, "alice@example.org", NOW + 1));
    assert_true(alarm_history_add(folder.path, "\"carol x\"@example.org", 3600, NOW + 3600));
    assert_true(folder_read(&folder, ALARM_HISTORY_FILE, content, sizeof content));
    assert_string_equal(content, "1800003601 bob@example.org\n1800100001 STAMP\n"
                                 "1800007200 \"carol x\"@example.org\n");
    assert_true(alarm_history_has(folder.path, "\"carol x\"@example.org", NOW + 3601));
}

TEST(file_that_cannot_be_written_is_an_error)
{
    char path[FOLDER_PATH_MAX];
    char content[256];

    assert_true(alarm_history_add(folder.path, "alice@example.org", 3600, NOW));
    folder_path(&folder, ALARM_HISTORY_FILE ".new", path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(alarm_history_add(folder.path, "bob@example.org", 3600, NOW));
    assert_true(folder_read(&folder, ALARM_HISTORY_FILE, content, sizeof content));
    assert_string_equal(content, "1800003600 alice@example.org\n");
}
