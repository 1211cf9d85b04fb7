// SPDX-License-Identifier: ISC
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/keyfile.h"
#include "child.h"
#include "fault.h"
#include "folder.h"
#include "unit.h"

static struct folder folder;

/* What becomes of a file: "" when it is loaded, else the sentence. */
static const char *loaded(const char *name, size_t want_len)
{
    char path[FOLDER_PATH_MAX];
    const char *error = "no sentence";
    size_t len = SIZE_MAX;

    folder_path(&folder, name, path);
    char *content = keyfile_load(path, &len, &error);
    if (content == NULL)
        return error;
    assert_int_equal(len, want_len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(content[i], 'k');
    sodium_free(content);
    return "";
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

BEFORE_EACH()
{
    folder = folder_make();
}

AFTER_EACH()
{
    folder_remove(&folder);
}

TEST(sizes_at_their_edges)
{
    static char content[KEYFILE_MAX + 1];

    memset(content, 'k', sizeof content);
    folder_write(&folder, "empty", content, 0, 0600);
    assert_string_equal(loaded("empty", 0), "");
    folder_write(&folder, "largest", content, KEYFILE_MAX, 0600);
    assert_string_equal(loaded("largest", KEYFILE_MAX), "");
    folder_write(&folder, "larger", content, KEYFILE_MAX + 1, 0600);
    assert_string_equal(loaded("larger", 0), "is too large for a key");
}

TEST(modes_that_anybody_can_read)
{
    static const mode_t fine[] = {0600, 0640, 0660, 0400, 0440, 0601, 0602};
    static const mode_t open[] = {0604, 0644, 0666, 0444, 0004};

    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        folder_write(&folder, "key", "k", 1, fine[i]);
        if (strcmp(loaded("key", 1), "") != 0) {
            print_error("mode %o: %s\n", (unsigned)fine[i], loaded("key", 1));
            fail();
        }
        char path[FOLDER_PATH_MAX];
        folder_path(&folder, "key", path);
        assert_int_equal(unlink(path), 0);
    }
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        folder_write(&folder, "key", "k", 1, open[i]);
        if (geteuid() != 0 && (open[i] & 0400) == 0)
            continue;
        assert_non_null(strstr(loaded("key", 1), "may be read by everybody"));
    }
}

TEST(only_plain_files)
{
    char path[FOLDER_PATH_MAX];

    assert_string_equal(loaded("nothing", 0), strerror(ENOENT));
    assert_string_equal(loaded(".", 0), "is no plain file");
    folder_path(&folder, "fifo", path);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes: it must not wait */
    assert_string_equal(loaded("fifo", 0), "is no plain file");
}

TEST(keys_are_read)
{
    static const unsigned char secret[KEY_OCTETS] = {1, 2, 3};
    unsigned char key[KEY_OCTETS];
    char text[KEY_TEXT_MAX + 1];
    char content[256];
    char path[FOLDER_PATH_MAX];
    const char *error = NULL;

    key_format(KEY_SERVICE_SECRET, secret, text);
    const int len = snprintf(content, sizeof content, "# a comment\r\n\n %s \n", text);
    folder_write(&folder, "secret", content, (size_t)len, 0640);
    folder_path(&folder, "secret", path);
    assert_true(keyfile_read(path, KEY_SERVICE_SECRET, key, &error));
    assert_memory_equal(key, secret, sizeof key);
    assert_false(keyfile_read(path, KEY_HOST_SECRET, key, &error));
    assert_string_equal(error, "is a key of another kind: the secret half of a service's");
    assert_true(sodium_is_zero(key, sizeof key));
    folder_write(&folder, "secret", "", 0, 0640);
    assert_false(keyfile_read(path, KEY_SERVICE_SECRET, key, &error));
    assert_string_equal(error, key_result_text(KEY_NOT_KEY));
    folder_write(&folder, "secret", content, (size_t)len, 0644);
    assert_false(keyfile_read(path, KEY_SERVICE_SECRET, key, &error));
    assert_non_null(strstr(error, "everybody"));
}

TEST(new_file_is_its_owners)
{
    char path[FOLDER_PATH_MAX];
    char buffer[64];
    struct stat st;

    folder_path(&folder, "new", path);
    const mode_t mask = umask(0);
    assert_true(keyfile_create(path, "secret\n", 7));
    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(folder_read(&folder, "new", buffer, sizeof buffer));
    assert_string_equal(buffer, "secret\n");
    errno = 0;
    assert_false(keyfile_create(path, "other\n", 6));
    assert_int_equal(errno, EEXIST);
    assert_true(folder_read(&folder, "new", buffer, sizeof buffer));
    assert_string_equal(buffer, "secret\n");
}

TEST(links_are_not_written_through)
{
    char path[FOLDER_PATH_MAX];

    folder_path(&folder, "link", path);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_false(keyfile_create(path, "secret\n", 7));
    assert_int_equal(errno, EEXIST);
    assert_string_equal(loaded("elsewhere", 0), strerror(ENOENT));
}

TEST(nothing_is_left_of_a_file_that_failed)
{
    char path[FOLDER_PATH_MAX];
    struct rlimit before;

    folder_path(&folder, "nowhere/new", path);
    assert_false(keyfile_create(path, "k", 1));
    assert_int_equal(errno, ENOENT);
    /* A file that cannot be as long as it should: the write fails halfway. */
    folder_path(&folder, "halfway", path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {3, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const bool created = keyfile_create(path, "secret\n", 7);
    const int error = errno;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(created);
    assert_int_equal(error, EFBIG);
    assert_string_equal(loaded("halfway", 0), strerror(ENOENT));
    assert_int_equal(folder_count(&folder), 0);
}

static bool is_killed_while_it_writes(void *context)
{
    const struct rlimit small = {3, 3};

    (void)signal(SIGXFSZ, SIG_DFL);
    (void)setrlimit(RLIMIT_FSIZE, &small);
    return keyfile_create(context, "secret\n", 7);
}

/* A write beyond the limit first writes up to it, and the next one kills. */
TEST(a_part_of_a_key_is_no_key)
{
    char path[FOLDER_PATH_MAX];
    char buffer[64];

    folder_path(&folder, "key", path);
    const int end = child_end(is_killed_while_it_writes, path);
    assert_true(WIFSIGNALED(end));
    assert_int_equal(WTERMSIG(end), SIGXFSZ);
    assert_int_equal(folder_count(&folder), 1); /* it did begin */
    assert_true(keyfile_create(path, "secret\n", 7));
    assert_true(folder_read(&folder, "key", buffer, sizeof buffer));
    assert_string_equal(buffer, "secret\n");
}

TEST(a_file_that_is_not_on_the_disk_is_none)
{
    static const struct {
        const char *kind;
        uint32_t n;
        int error;
    } faults[] = {{"fsync", 1, EIO}, {"fsync", 2, EIO}, {"write", 1, ENOSPC}};
    char path[FOLDER_PATH_MAX];

    folder_path(&folder, "key", path);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        fault_once(faults[i].kind, faults[i].n);
        const bool created = keyfile_create(path, "secret\n", 7);
        const int error = errno;
        assert_int_equal(fault_end(), 1);
        assert_false(created);
        assert_int_equal(error, faults[i].error);
        assert_int_equal(folder_count(&folder), 0);
    }
}
