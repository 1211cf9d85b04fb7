// SPDX-License-Identifier: ISC
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot.h"
#include "fault.h"
#include "folder.h"
#include "replay/clean_flag.h"
#include "unit.h"

static struct folder folder;
static char path[FOLDER_PATH_MAX];

BEFORE_EACH()
{
    folder = folder_make();
    folder_path(&folder, "mark", path);
}

AFTER_EACH()
{
    folder_remove(&folder);
}

static struct clean_flag *open_it(void)
{
    char error[CLEAN_FLAG_ERROR_MAX] = "";
    struct clean_flag *flag = clean_flag_open(path, error);

    if (flag == NULL)
        fail_msg("%s", error);
    return flag;
}

/* In use, by a process that has gone since. */
static void leave_in_use(void)
{
    struct clean_flag *flag = open_it();

    assert_true(clean_flag_use(flag));
    clean_flag_close(&flag);
}

TEST(a_new_one_is_empty_and_then_in_use)
{
    struct stat about;

    struct clean_flag *flag = open_it();
    assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_EMPTY);
    assert_false(clean_flag_is_good(flag)); /* nothing in it can be believed */
    assert_int_equal(clean_flag_begun(flag), 0);
    assert_true(clean_flag_use(flag));
    assert_true(clean_flag_use(flag));
    assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_IN_USE);
    assert_true(clean_flag_is_good(flag));
    clean_flag_close(&flag);
    assert_null(flag);
    clean_flag_close(&flag);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    flag = open_it(); /* by the next process of the same boot */
    assert_true(clean_flag_is_good(flag));
    clean_flag_close(&flag);
}

TEST(whoever_dies_before_its_use_leaves_it_empty)
{
    struct clean_flag *flag = open_it();
    clean_flag_close(&flag);
    flag = open_it();
    assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_EMPTY);
    clean_flag_close(&flag);
}

TEST(another_boot_is_believed_only_when_left_whole)
{
    leave_in_use();
    boot_change(path);
    struct clean_flag *flag = open_it();
    assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_IN_USE);
    assert_false(clean_flag_is_good(flag));
    assert_true(clean_flag_use(flag)); /* of this boot from now on */
    assert_true(clean_flag_is_good(flag));
    assert_true(clean_flag_set_clean(flag));
    clean_flag_close(&flag);
    boot_change(path);
    flag = open_it();
    assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_CLEAN);
    assert_true(clean_flag_is_good(flag));
    assert_true(clean_flag_use(flag)); /* and whole no more */
    assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_IN_USE);
    clean_flag_close(&flag);
    boot_change(path);
    flag = open_it();
    assert_false(clean_flag_is_good(flag));
    clean_flag_close(&flag);
}

TEST(only_what_is_in_use_becomes_whole)
{
    struct clean_flag *flag = open_it();
    assert_true(clean_flag_set_clean(flag));
    assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_EMPTY);
    assert_true(clean_flag_use(flag));
    clean_flag_set_damaged(flag);
    assert_false(clean_flag_is_good(flag));
    assert_true(clean_flag_set_clean(flag));
    assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_DAMAGED);
    clean_flag_close(&flag);
    flag = open_it(); /* for the next one, too */
    assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_DAMAGED);
    assert_false(clean_flag_is_good(flag));
    clean_flag_close(&flag);
}

TEST(all_see_what_one_says)
{
    struct clean_flag *a = open_it();
    clean_flag_unlock(a);
    struct clean_flag *b = open_it();
    assert_true(clean_flag_use(b));
    const uint32_t epoch = clean_flag_epoch(a);
    assert_int_equal(clean_flag_epoch(b), epoch);
    assert_int_equal(clean_flag_state(a), CLEAN_FLAG_IN_USE);
    clean_flag_set_damaged(a);
    assert_int_equal(clean_flag_state(b), CLEAN_FLAG_DAMAGED);
    clean_flag_recreate(b, 1767225600);
    assert_int_equal(clean_flag_state(a), CLEAN_FLAG_BEGINNING);
    assert_int_not_equal(clean_flag_epoch(a), epoch);
    assert_int_equal(clean_flag_epoch(a), clean_flag_epoch(b));
    assert_int_equal(clean_flag_begun(a), 1767225600);
    assert_true(clean_flag_use(b));
    assert_true(clean_flag_is_good(a));
    clean_flag_close(&a);
    clean_flag_close(&b);
}

TEST(what_makes_no_sense_is_damaged)
{
    static const struct {
        const char *content;
        size_t len;
    } table[] = {
            {"x", 1},
            {"verimail-replay-1", 18},
            {"verimail-replay", 15},
            {"\0\0\0\0\0\0\0x", 8},
    };
    static char octets[8192];
    bool ok = true;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        folder_write(&folder, "mark", table[i].content, table[i].len, 0600);
        struct clean_flag *flag = open_it();
        if (clean_flag_state(flag) != CLEAN_FLAG_DAMAGED || clean_flag_is_good(flag))
            print_error("row %zu\n", i);
        ok = ok && clean_flag_state(flag) == CLEAN_FLAG_DAMAGED && !clean_flag_is_good(flag);
        clean_flag_recreate(flag, 1); /* and it is mended by this */
        ok = ok && clean_flag_use(flag) && clean_flag_is_good(flag);
        clean_flag_close(&flag);
    }
    assert_true(ok);
    memset(octets, 0xff, sizeof octets);
    folder_write(&folder, "mark", octets, sizeof octets, 0600);
    struct clean_flag *flag = open_it();
    assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_DAMAGED);
    clean_flag_close(&flag);
}

/* Each octet of one that is in use, turned over: whatever it then says, it is no other good one
 * that says it. */
TEST(no_octet_makes_another_boot_good)
{
    char octets[4096];

    leave_in_use();
    boot_change(path);
    const int fd = open(path, O_RDWR);
    const ssize_t len = read(fd, octets, sizeof octets);
    assert_true(len > 0 && len < (ssize_t)sizeof octets);
    for (ssize_t i = 0; i < len; i++) {
        const char turned = (char)~octets[i];
        assert_int_equal(pwrite(fd, octets, (size_t)len, 0), len);
        assert_int_equal(pwrite(fd, &turned, 1, i), 1);
        struct clean_flag *flag = open_it();
        if (clean_flag_is_good(flag))
            fail_msg("octet %zd", i);
        clean_flag_close(&flag);
    }
    close(fd);
}

static void is_refused(const char *want)
{
    char error[CLEAN_FLAG_ERROR_MAX] = "";

    assert_null(clean_flag_open(path, error));
    assert_string_equal(error, want);
}

TEST(what_cannot_be_opened_is_said)
{
    folder_path(&folder, "no/mark", path);
    is_refused("No such file or directory");
    folder_path(&folder, "mark", path);
    assert_int_equal(mkdir(path, 0700), 0);
    is_refused("Is a directory");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/dev/null", path), 0);
    is_refused("Too many levels of symbolic links");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    is_refused("Invalid argument");
}

/* A process that died while it made the file leaves zeros. */
TEST(zeros_are_a_new_one)
{
    static const char zeros[200];

    for (size_t len = 0; len <= sizeof zeros; len += 8) {
        folder_write(&folder, "mark", zeros, len, 0600);
        struct clean_flag *flag = open_it();
        assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_EMPTY);
        clean_flag_close(&flag);
    }
}

TEST(without_the_boot_s_id_nothing_is_known_and_nothing_changes)
{
    leave_in_use();
    fault_always("open", "/boot_id");
    is_refused("/proc/sys/kernel/random/boot_id: Too many open files");
    fault_once("read", 1);
    is_refused("/proc/sys/kernel/random/boot_id: Input/output error");
    (void)fault_end();
    struct clean_flag *flag = open_it();
    assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_IN_USE);
    assert_true(clean_flag_is_good(flag));
    clean_flag_close(&flag);
}

/* Each call that opening makes, when it fails once: for a new flag, and for one in use. */
TEST(a_call_that_fails_once_changes_nothing)
{
    static const char *const kinds[] = {
            "open", "flock", "fstat", "ftruncate", "posix_fallocate", "mmap", "read"};
    char error[CLEAN_FLAG_ERROR_MAX];

    for (int in_use = 0; in_use < 2; in_use++) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            uint32_t met = 1;
            for (uint32_t n = 1; met != 0; n++) {
                (void)unlink(path);
                if (in_use != 0)
                    leave_in_use();
                fault_once(kinds[i], n);
                struct clean_flag *flag = clean_flag_open(path, error);
                met = fault_end();
                if (met != 0 && flag != NULL)
                    fail_msg("%s %u: it was opened", kinds[i], n);
                clean_flag_close(&flag);
                flag = open_it();
                if (clean_flag_state(flag) !=
                                (in_use != 0 ? CLEAN_FLAG_IN_USE : CLEAN_FLAG_EMPTY) ||
                        clean_flag_is_good(flag) != (in_use != 0))
                    fail_msg("%s %u: state %d", kinds[i], n, clean_flag_state(flag));
                clean_flag_close(&flag);
            }
        }
    }
}

/* What may not be on the disk is not in use. */
TEST(a_use_that_is_not_on_the_disk_is_none)
{
    static const struct {
        const char *kind;
        uint32_t n;
    } faults[] = {{"msync", 1}, {"fsync", 1}, {"fsync", 2}, {"open", 1}};

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        (void)unlink(path);
        struct clean_flag *flag = open_it();
        clean_flag_begin(flag);
        fault_once(faults[i].kind, faults[i].n);
        const bool used = clean_flag_use(flag);
        assert_int_equal(fault_end(), 1);
        assert_false(used);
        assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_BEGINNING);
        assert_true(clean_flag_use(flag));
        assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_IN_USE);
        clean_flag_close(&flag);
    }
}

/* The kernel says once that something is not on the disk. Later syncs succeed without it. */
TEST(after_a_failed_sync_it_is_never_clean)
{
    static const char *const kinds[] = {"msync", "fsync", NULL};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        (void)unlink(path);
        leave_in_use();
        struct clean_flag *flag = open_it();
        if (kinds[i] != NULL) {
            fault_once(kinds[i], 1);
            assert_false(clean_flag_set_clean(flag));
            assert_int_equal(fault_end(), 1);
        } else {
            clean_flag_set_unsynced(flag);
        }
        assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_IN_USE);
        clean_flag_close(&flag);
        flag = open_it(); /* by another process */
        assert_true(clean_flag_is_good(flag));
        assert_true(clean_flag_use(flag));
        assert_false(clean_flag_set_clean(flag));
        assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_IN_USE);
        clean_flag_recreate(flag, 1);
        assert_true(clean_flag_use(flag));
        assert_true(clean_flag_set_clean(flag));
        assert_int_equal(clean_flag_state(flag), CLEAN_FLAG_CLEAN);
        clean_flag_close(&flag);
    }
}

TEST(the_latest_time_is_kept_and_nothing_begins_before_it)
{
    struct clean_flag *flag = open_it();

    assert_int_equal(clean_flag_latest(flag), 0);
    clean_flag_see(flag, 1000);
    clean_flag_see(flag, 999);
    assert_int_equal(clean_flag_latest(flag), 1000);
    clean_flag_close(&flag);
    flag = open_it();
    assert_int_equal(clean_flag_latest(flag), 1000);
    clean_flag_recreate(flag, 999);
    assert_int_equal(clean_flag_begun(flag), 1000);
    clean_flag_recreate(flag, 1001);
    assert_int_equal(clean_flag_begun(flag), 1001);
    assert_int_equal(clean_flag_latest(flag), 1001);
    clean_flag_close(&flag);
}

TEST(one_that_is_attached_is_the_same)
{
    errno = 0;
    assert_null(clean_flag_attach(path)); /* it makes none */
    assert_int_equal(errno, ENOENT);
    folder_write(&folder, "mark", "x", 1, 0600);
    assert_null(clean_flag_attach(path));
    assert_int_equal(errno, EINVAL);
    struct clean_flag *flag = open_it(); /* its lock is not waited for */
    struct clean_flag *other = clean_flag_attach(path);
    assert_non_null(other);
    clean_flag_see(other, 1000);
    clean_flag_set_unsynced(other);
    assert_true(clean_flag_sync(other));
    assert_int_equal(clean_flag_latest(flag), 1000);
    assert_false(clean_flag_set_clean(flag));
    clean_flag_close(&flag);
    clean_flag_close(&other);
}

TEST(one_that_was_removed_is_seen)
{
    struct clean_flag *flag = open_it();
    assert_false(clean_flag_is_removed(flag));
    assert_int_equal(unlink(path), 0);
    assert_true(clean_flag_is_removed(flag));
    clean_flag_close(&flag);
}

/* Whoever opens it waits for the one before. */
TEST(openings_follow_each_other)
{
    int ready[2];
    int done[2];
    int status = -1;
    char octet;

    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    struct clean_flag *flag = open_it();
    const pid_t other = fork();
    assert_true(other >= 0);
    if (other == 0) {
        (void)!write(ready[1], "", 1);
        char error[CLEAN_FLAG_ERROR_MAX];
        struct clean_flag *mine = clean_flag_open(path, error);
        const bool saw = mine != NULL && clean_flag_begun(mine) == 77;
        (void)!write(done[1], "", 1);
        _exit(saw ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &octet, 1), 1);
    struct pollfd fd = {.fd = done[0], .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 100), 0); /* it is kept waiting */
    clean_flag_recreate(flag, 77);
    clean_flag_unlock(flag);
    assert_int_equal(read(done[0], &octet, 1), 1);
    assert_int_equal(waitpid(other, &status, 0), other);
    assert_int_equal(status, 0);
    clean_flag_close(&flag);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(done[i]);
    }
}
