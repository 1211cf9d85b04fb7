// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "folder.h"
#include "milter/bundle.h"
#include "part.h"
#include "unit.h"

#define SERVICE_KEY "service-public:D13rKMCoIj9LkLgtUHgo2aNEpwXEQBrRDrLt-cwkrk9mRRFv"
/* The folder's files are named by %s. */
#define CONFIG                                                                                     \
    "stamp { host = m.example.org\n key = \"%s/key\"\n service_key = \"" SERVICE_KEY "\"\n"        \
    "domains = {example.org} }\n"                                                                  \
    "milter { socket = \"unix:/s\" \n logins = \"%s/logins\" }\n"

struct reading {
    struct folder folder;
    struct bundle bundle;
    struct config *config;
    struct problems *problems;
    char path[FOLDER_PATH_MAX];
};

static struct reading reading_begin(const char *config)
{
    struct reading r = {.folder = folder_make()};
    char text[2048];

    snprintf(text, sizeof text, "%s", config);
    if (strcmp(config, CONFIG) == 0)
        snprintf(text, sizeof text, CONFIG, r.folder.path, r.folder.path);
    folder_write(&r.folder, "conf", text, strlen(text), 0644);
    folder_path(&r.folder, "conf", r.path);
    r.problems = problems_init("f");
    assert_non_null(r.problems);
    return r;
}

static void reading_end(struct reading *r)
{
    bundle_clear(&r->bundle);
    config_free(&r->config);
    problems_free(&r->problems);
    folder_remove(&r->folder);
}

static bool reading_try(struct reading *r)
{
    return bundle_read(r->path, &r->bundle, &r->config, r->problems);
}

static void assert_problem(struct reading *r, size_t count, const char *want)
{
    const char *got = problems_text(r->problems);

    if (strstr(got, want) == NULL || problems_count(r->problems) != count) {
        print_error("got: %swant %zu with: %s\n", got, count, want);
        fail();
    }
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(files_are_read)
{
    struct reading r = reading_begin(CONFIG);

    folder_write(&r.folder, "key", "a key\n", 6, 0600);
    folder_write(&r.folder, "logins", "a\0b\n", 4, 0644);
    assert_true(reading_try(&r));
    assert_int_equal(problems_count(r.problems), 0);
    assert_non_null(r.config);
    assert_string_equal(r.bundle.path, r.path);
    assert_int_equal(r.bundle.config_len, strlen(r.bundle.config));
    part_assert(r.bundle.logins, r.bundle.logins_len, "a\0b\n", 4);
    assert_int_equal(r.bundle.key_len, 6);
    assert_memory_equal(r.bundle.key, "a key\n", 6);
    reading_end(&r);
}

/* Of a folder the newest key counts, and it is named when it cannot be used. */
TEST(the_newest_key_of_a_folder_is_read)
{
    struct reading r = reading_begin(CONFIG);
    char path[FOLDER_PATH_MAX];

    folder_write(&r.folder, "logins", "", 0, 0644);
    folder_path(&r.folder, "key", path);
    assert_int_equal(mkdir(path, 0750), 0);
    assert_false(reading_try(&r));
    assert_problem(&r, 1, "f:2: unusable host key (is a folder without a file *.key): ");
    reading_end(&r);

    r = reading_begin(CONFIG);
    folder_write(&r.folder, "logins", "", 0, 0644);
    folder_path(&r.folder, "key", path);
    assert_int_equal(mkdir(path, 0750), 0);
    folder_write(&r.folder, "key/2026-11-01.key", "old", 3, 0600);
    folder_write(&r.folder, "key/2026-12-01.key", "new", 3, 0600);
    folder_write(&r.folder, "key/2026-12-02.key~", "copy", 4, 0600);
    assert_true(reading_try(&r));
    assert_int_equal(r.bundle.key_len, 3);
    assert_memory_equal(r.bundle.key, "new", 3);
    folder_path(&r.folder, "key/2026-12-01.key", path);
    assert_string_equal(r.bundle.key_path, path);
    reading_end(&r);

    r = reading_begin(CONFIG);
    folder_write(&r.folder, "logins", "", 0, 0644);
    folder_path(&r.folder, "key", path);
    assert_int_equal(mkdir(path, 0750), 0);
    folder_write(&r.folder, "key/2026-12-01.key", "new", 3, 0604);
    assert_false(reading_try(&r));
    assert_problem(&r, 1, "/key/2026-12-01.key: expected a file that verimail-milter can read");
    reading_end(&r);
}

TEST(what_is_not_named_is_not_read)
{
    struct reading r = reading_begin("milter { socket = \"unix:/s\" logins = any }\n"
                                     "verify { authserv_id = mx.example.org }");

    assert_true(reading_try(&r));
    assert_null(r.bundle.key);
    assert_null(r.bundle.logins);
    reading_end(&r);
}

TEST(empty_files_are_files)
{
    struct reading r = reading_begin(CONFIG);

    folder_write(&r.folder, "key", "", 0, 0600);
    folder_write(&r.folder, "logins", "", 0, 0600);
    assert_true(reading_try(&r));
    assert_non_null(r.bundle.key);
    assert_int_equal(r.bundle.key_len, 0);
    part_assert(r.bundle.logins, r.bundle.logins_len, "", 0);
    reading_end(&r);
}

TEST(all_that_cannot_be_read_is_named)
{
    struct reading r = reading_begin(CONFIG);
    char path[FOLDER_PATH_MAX];

    assert_false(reading_try(&r));
    assert_non_null(r.config);
    assert_problem(&r, 2, "f:2: unusable host key (No such file or directory): ");
    assert_problem(&r, 2, "f:6: unusable table of logins (No such file or directory): ");
    reading_end(&r);

    r = reading_begin(CONFIG);
    folder_write(&r.folder, "key", "a key\n", 6, 0644);
    folder_path(&r.folder, "logins", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(reading_try(&r));
    assert_problem(&r, 2, "(may be read by everybody: it should have mode 0600 or 0640)");
    assert_problem(&r, 2, "f:6: unusable table of logins (Invalid argument): ");
    reading_end(&r);

    r = reading_begin(CONFIG);
    folder_write(&r.folder, "key", "a key\n", 6, 0600);
    folder_path(&r.folder, "logins", path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(reading_try(&r));
    assert_problem(&r, 1, "f:6: unusable table of logins (Is a directory): ");
    reading_end(&r);
}

TEST(a_table_may_be_too_long)
{
    struct reading r = reading_begin(CONFIG);
    char path[FOLDER_PATH_MAX];

    folder_write(&r.folder, "key", "a key\n", 6, 0600);
    folder_write(&r.folder, "logins", "", 0, 0600);
    folder_path(&r.folder, "logins", path);
    assert_int_equal(truncate(path, CONFIG_MAX + 1), 0);
    assert_false(reading_try(&r));
    assert_problem(&r, 1, "f:6: unusable table of logins (File too large): ");
    reading_end(&r);
}

TEST(the_configuration_itself)
{
    static const struct {
        const char *config;
        const char *want;
    } table[] = {
            {"service { }\n", "f:1: "},
            {"nonsense", "f:1: "},
            {"", "f: no section: milter: expected milter { ... }\n"},
            {"milter { socket = x }\n", "f:1: "},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct reading r = reading_begin(table[i].config);
        assert_false(reading_try(&r));
        assert_null(r.config);
        assert_true(problems_count(r.problems) > 0);
        assert_problem(&r, problems_count(r.problems), table[i].want);
        reading_end(&r);
    }
    struct reading r = reading_begin("");
    strcat(r.path, "-not");
    assert_false(reading_try(&r));
    assert_null(r.config);
    assert_problem(&r, 1, "f: cannot be read: No such file or directory\n");
    reading_end(&r);
}

static const struct {
    struct unit_row row;
    const char *option;
    mode_t mode;
    bool good;
} modes[] = {
        {{"no secret"}, "", 0644, true},
        {{"a secret"}, "relayed_mark = \"X: 0123456789abcdef\"", 0640, true},
        {{"a secret that everybody may read"}, "relayed_mark = \"X: 0123456789abcdef\"", 0644,
                false},
};

TEST_EACH(a_secret_in_the_configuration, modes)
{
    char config[512];

    snprintf(config, sizeof config,
            "verify { authserv_id = m.example.org }\nmilter { socket = \"unix:/s\"\n%s }\n",
            row->option);
    struct reading r = reading_begin(config);
    assert_int_equal(chmod(r.path, row->mode), 0);
    assert_int_equal(reading_try(&r), row->good);
    if (!row->good)
        assert_problem(&r, 1,
                "f:3: relayed_mark in a file that everybody may read: expected a "
                "file of mode 0600 or 0640: the mark is a secret\n");
    reading_end(&r);
    /* The programs that read the file alone refuse it too. */
    r = reading_begin(config);
    assert_int_equal(chmod(r.path, row->mode), 0);
    r.config = config_read(r.path, r.problems);
    assert_int_equal(r.config != NULL, row->good);
    if (!row->good)
        assert_problem(&r, 1, "f:3: relayed_mark in a file that everybody may read");
    reading_end(&r);
}
