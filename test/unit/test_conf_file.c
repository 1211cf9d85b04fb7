// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "setup/conf_file.h"
#include "unit.h"

static struct folder folder;
static char path[FOLDER_PATH_MAX];

BEFORE_EACH()
{
    folder = folder_make();
    folder_path(&folder, "v.conf", path);
}

AFTER_EACH()
{
    folder_remove(&folder);
}

static const struct edit_step stamp[] = {{"stamp", NULL}, {NULL, NULL}};

struct add_row {
    struct unit_row unit;
    const char *before;
    const char *after;
};

static const struct add_row add_rows[] = {
        {{"to one"}, "stamp { domains = {\"a\"} }", "stamp { domains = {\"b\", \"a\"} }"},
        {{"to none"}, "stamp { domains = { } }", "stamp { domains = {\"b\" } }"},
        {{"to a text without braces"}, "stamp { domains = a }", "stamp { domains = {\"b\", a} }"},
        {{"no such option"}, "stamp { }", "stamp { domains = {\"b\"} }"},
        {{"over lines"}, "stamp {\n    domains = {\n        \"a\", # ours\n    }\n}\n",
                "stamp {\n    domains = {\"b\", \n        \"a\", # ours\n    }\n}\n"},
};

TEST_EACH(a_text_is_added_to_a_list, add_rows)
{
    struct conf_file file;
    char error[CONF_FILE_ERROR_MAX];

    folder_write(&folder, "v.conf", row->before, strlen(row->before), 0644);
    assert_true(conf_file_read(path, &file, error));
    assert_false(conf_file_is_changed(&file));
    assert_true(conf_file_add_text(&file, stamp, "domains", "b"));
    assert_true(conf_file_is_changed(&file));
    const struct text text = edit_text(file.edit);
    assert_int_equal(text.len, strlen(row->after));
    assert_memory_equal(text.at, row->after, text.len);
    conf_file_free(&file);
}

TEST(a_file_is_changed_and_put_back)
{
    static const char old[] = "stamp { }";
    struct conf_file file;
    char error[CONF_FILE_ERROR_MAX];
    char content[64];
    struct stat st;

    folder_write(&folder, "v.conf", old, strlen(old), 0640);
    assert_true(conf_file_read(path, &file, error));
    assert_true(conf_file_add_text(&file, stamp, "domains", "b"));
    assert_true(conf_file_write(&file, error));
    assert_true(folder_read(&folder, "v.conf", content, sizeof content));
    assert_string_equal(content, "stamp { domains = {\"b\"} }");
    assert_int_equal(folder_count(&folder), 2);
    assert_true(conf_file_restore(&file, error));
    assert_true(folder_read(&folder, "v.conf", content, sizeof content));
    assert_string_equal(content, old);
    assert_int_equal(folder_count(&folder), 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    conf_file_free(&file);
}

TEST(a_new_file_is_made_and_removed)
{
    struct conf_file file;
    char error[CONF_FILE_ERROR_MAX];
    char content[64];

    assert_true(conf_file_read(path, &file, error));
    assert_true(file.is_new);
    assert_true(edit_append(file.edit, (const struct edit_step[]){{NULL, NULL}}, "stamp { }"));
    assert_true(conf_file_write(&file, error));
    assert_true(folder_read(&folder, "v.conf", content, sizeof content));
    assert_string_equal(content, "stamp { }\n");
    assert_true(conf_file_restore(&file, error));
    assert_int_equal(folder_count(&folder), 0);
    conf_file_free(&file);
}

struct print_row {
    struct unit_row unit;
    const char *before; /* NULL: no such file */
    const char *after;
};

static const struct print_row print_rows[] = {
        {{"new"}, NULL, "> stamp { domains = {\"b\"} }\n"},
        {{"changed"}, "stamp { domains = {\"a\"} }\n",
                "> --- %s\n> +++ new\n> @@ -1 +1 @@\n> -stamp { domains = {\"a\"} }\n"
                "> +stamp { domains = {\"b\", \"a\"} }\n"},
};

TEST_EACH(a_change_is_shown, print_rows)
{
    struct conf_file file;
    char error[CONF_FILE_ERROR_MAX];
    char *shown = NULL;
    char *want = NULL;
    size_t len = 0;

    if (row->before != NULL)
        folder_write(&folder, "v.conf", row->before, strlen(row->before), 0644);
    assert_true(conf_file_read(path, &file, error));
    if (row->before == NULL)
        assert_true(edit_append(file.edit, (const struct edit_step[]){{NULL, NULL}}, "stamp { }"));
    assert_true(conf_file_add_text(&file, stamp, "domains", "b"));
    FILE *out = open_memstream(&shown, &len);
    conf_file_print_change(&file, "> ", out);
    fclose(out);
    const char *name = strstr(row->after, "%s");
    assert_true(asprintf(&want, "%.*s%s%s",
                        (int)(name != NULL ? (size_t)(name - row->after) : strlen(row->after)),
                        row->after, name != NULL ? path : "", name != NULL ? name + 2 : "") >= 0);
    assert_string_equal(shown, want);
    free(want);
    free(shown);
    conf_file_free(&file);
}
