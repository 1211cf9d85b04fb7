// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/keyfile.h"
#include "base/password.h"
#include "folder.h"
#include "unit.h"

static struct folder folder;

BEFORE_ALL()
{
    folder = folder_make();
    assert_true(sodium_init() >= 0);
}

AFTER_ALL()
{
    folder_remove(&folder);
}

TEST(a_file_has_one_line)
{
    static const struct {
        const char *content;
        const char *want; /* NULL: refused */
        const char *error;
    } rows[] = {
            {"word", "word", NULL},
            {"word\n", "word", NULL},
            {"word\r\n", "word", NULL},
            {" two words \n\n", " two words ", NULL},
            {"", NULL, "is empty"},
            {"\n", NULL, "is empty"},
            {"\nword\n", NULL, "is empty"},
            {"word\nword\n", NULL, "is not one line"},
    };
    char path[FOLDER_PATH_MAX];

    folder_path(&folder, "password", path);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *error = NULL;
        folder_write(&folder, "password", rows[i].content, strlen(rows[i].content), 0600);
        char *got = password_load(path, &error);
        if ((got != NULL) != (rows[i].want != NULL) ||
                strcmp(got != NULL ? got : error,
                        rows[i].want != NULL ? rows[i].want : rows[i].error) != 0)
            fail_msg("\"%s\": got %s", rows[i].content, got != NULL ? got : error);
        sodium_free(got);
    }
}

TEST(what_is_no_password_is_refused)
{
    static const char content[KEYFILE_MAX] = "a\0b";
    char path[FOLDER_PATH_MAX];
    const char *error = NULL;

    folder_path(&folder, "password", path);
    folder_write(&folder, "password", content, 3, 0600);
    assert_null(password_load(path, &error));
    assert_string_equal(error, "is not one line");
    folder_write(&folder, "password", content, sizeof content, 0600);
    assert_null(password_load(path, &error));
    assert_string_equal(error, "is too long");
    folder_write(&folder, "password", "word", 4, 0644);
    assert_null(password_load(path, &error));
    assert_string_equal(error, "may be read by everybody: it should have mode 0600 or 0640");
    folder_path(&folder, "nothing", path);
    assert_null(password_load(path, &error));
    assert_string_equal(error, "No such file or directory");
}

TEST(a_password_becomes_stars)
{
    static const struct {
        const char *text;
        const char *password;
        const char *want;
    } rows[] = {
            {"user word is wrong", "word", "user **** is wrong"},
            {"wordword", "word", "********"},
            {"word", "word", "****"},
            {"Word wor", "word", "Word wor"},
            {"", "word", ""},
            {"an eel", "e", "an eel"},
            {"a word", NULL, "a word"},
            {"a word", "", "a word"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", rows[i].text);
        password_blot(text, rows[i].password);
        assert_string_equal(text, rows[i].want);
    }
}
