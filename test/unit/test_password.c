// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/keyfile.h"
#include "base/password.h"
#include "folder.h"

static struct folder folder;

static void a_file_has_one_line(void **state)
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

    (void)state;
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

static void what_is_no_password_is_refused(void **state)
{
    static const char content[KEYFILE_MAX] = "a\0b";
    char path[FOLDER_PATH_MAX];
    const char *error = NULL;

    (void)state;
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

static void a_password_becomes_stars(void **state)
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

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", rows[i].text);
        password_blot(text, rows[i].password);
        assert_string_equal(text, rows[i].want);
    }
}

static int make_folder(void **state)
{
    (void)state;
    folder = folder_make();
    return sodium_init() < 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_file_has_one_line),
            cmocka_unit_test(what_is_no_password_is_refused),
            cmocka_unit_test(a_password_becomes_stars),
    };

    return cmocka_run_group_tests_name("password", tests, make_folder, remove_folder);
}
