// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "fault.h"
#include "fixture_replay.h"
#include "replay/clean_flag.h"
#include "replay/replay.h"
#include "unit.h"

#define TODAY FIXTURE_REPLAY_TODAY

static char address[FOLDER_PATH_MAX + 8];

BEFORE_EACH()
{
    fixture_replay_set_up();
    snprintf(address, sizeof address, "lmdb:%s", fixture_replay_path);
}

static void count(uint64_t number, enum replay_count want)
{
    struct fixture_replay c;

    fixture_replay_open(&c, TODAY);
    const enum replay_count got = fixture_replay_ask(&c, TODAY, number, 1);
    replay_close(&c.replay);
    assert_int_equal(got, want);
}

static enum clean_flag_state state_of_mark(void)
{
    struct clean_flag *mark = fixture_replay_flag();
    const enum clean_flag_state state = clean_flag_state(mark);
    clean_flag_close(&mark);
    return state;
}

AFTER_EACH()
{
    fixture_replay_tear_down();
}

TEST(only_a_file_of_ours_needs_it)
{
    static const char *const none[] = {"none", "memory:", "redis://127.0.0.1", "unix:/x", ""};
    struct replay_sync *sync = NULL;

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(replay_sync_init(none[i]));
    replay_sync_free(&sync);
}

TEST(a_file_that_comes_later_is_waited_for)
{
    struct replay_sync *sync = replay_sync_init(address);

    assert_non_null(sync);
    assert_true(replay_sync_run(sync));
    assert_true(replay_sync_finish(sync));
    assert_int_not_equal(access(fixture_replay_path, F_OK), 0); /* nothing is made */
    assert_int_not_equal(access(fixture_replay_beside("-mark"), F_OK), 0);
    count(1, REPLAY_WITHIN);
    assert_true(replay_sync_run(sync));
    assert_int_equal(state_of_mark(), CLEAN_FLAG_IN_USE);
    replay_sync_free(&sync);
    assert_null(sync);
}

TEST(what_was_finished_is_believed_after_a_boot)
{
    struct replay_sync *sync = replay_sync_init(address);

    assert_non_null(sync);
    count(1, REPLAY_WITHIN);
    assert_true(replay_sync_run(sync));
    assert_true(replay_sync_finish(sync));
    assert_int_equal(state_of_mark(), CLEAN_FLAG_CLEAN);
    boot_change(fixture_replay_beside("-mark"));
    count(1, REPLAY_OVER);
    /* It is in use again, and what only was synced is not enough. */
    assert_true(replay_sync_run(sync));
    assert_int_equal(state_of_mark(), CLEAN_FLAG_IN_USE);
    boot_change(fixture_replay_beside("-mark"));
    count(1, REPLAY_FAILED);
    replay_sync_free(&sync);
}

TEST(one_that_is_damaged_is_not_made_whole)
{
    struct replay_sync *sync = replay_sync_init(address);

    assert_non_null(sync);
    count(1, REPLAY_WITHIN);
    struct clean_flag *mark = fixture_replay_flag();
    clean_flag_set_damaged(mark);
    clean_flag_close(&mark);
    assert_true(replay_sync_finish(sync));
    assert_int_equal(state_of_mark(), CLEAN_FLAG_DAMAGED);
    replay_sync_free(&sync);
}

static bool syncs(const struct replay_sync *sync, const char *wanted)
{
    char link[64];
    char target[FOLDER_PATH_MAX];

    (void)sync;
    for (int fd = 3; fd < 64; fd++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        const ssize_t len = readlink(link, target, sizeof target - 1);
        if (len <= 0)
            continue;
        target[len] = '\0';
        if (strcmp(target, wanted) == 0)
            return true;
    }
    return false;
}

/* One that was set aside is no longer the one to be written. */
TEST(it_follows_a_store_that_is_recreated)
{
    struct replay_sync *sync = replay_sync_init(address);
    char lost[FOLDER_PATH_MAX];

    assert_non_null(sync);
    folder_path(&fixture_replay_folder, "replay.lost", lost);
    count(1, REPLAY_WITHIN);
    assert_true(replay_sync_run(sync));
    assert_true(syncs(sync, fixture_replay_path));
    boot_change(fixture_replay_beside("-mark"));
    count(1, REPLAY_FAILED);
    assert_true(syncs(sync, lost));
    assert_true(replay_sync_run(sync));
    assert_true(syncs(sync, fixture_replay_path));
    assert_false(syncs(sync, lost));
    replay_sync_free(&sync);
    assert_false(syncs(sync, fixture_replay_path));
}

TEST(what_cannot_be_written_is_said)
{
    struct replay_sync *sync = replay_sync_init(address);

    assert_non_null(sync);
    assert_int_equal(mkdir(fixture_replay_path, 0700), 0);
    errno = 0;
    assert_false(replay_sync_run(sync));
    assert_int_equal(errno, EISDIR);
    assert_false(replay_sync_finish(sync));
    assert_int_equal(rmdir(fixture_replay_path), 0);
    count(1, REPLAY_WITHIN);
    assert_int_equal(unlink(fixture_replay_beside("-mark")), 0);
    assert_int_equal(mkdir(fixture_replay_beside("-mark"), 0700), 0);
    errno = 0;
    assert_false(replay_sync_finish(sync));
    assert_int_equal(errno, EISDIR);
    replay_sync_free(&sync);
}

/* The store, then its mark, each once. */
TEST(after_a_failed_sync_it_is_not_believed_after_a_boot)
{
    static const struct {
        const char *kind;
        uint32_t n;
    } faults[] = {{"fdatasync", 1}, {"msync", 1}, {"fsync", 1}};

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct replay_sync *sync = replay_sync_init(address);
        count(1, REPLAY_WITHIN);
        fault_once(faults[i].kind, faults[i].n);
        assert_false(replay_sync_run(sync));
        assert_int_equal(fault_end(), 1);
        assert_true(replay_sync_run(sync));
        replay_sync_free(&sync);
        sync = replay_sync_init(address); /* of another recorder */
        errno = 0;
        assert_false(replay_sync_finish(sync));
        assert_int_equal(errno, EIO);
        replay_sync_free(&sync);
        assert_int_equal(state_of_mark(), CLEAN_FLAG_IN_USE);
        count(1, REPLAY_OVER); /* the same boot */
        boot_change(fixture_replay_beside("-mark"));
        count(1, REPLAY_FAILED);
        fixture_replay_forget();
    }
}

/* The mark cannot be opened when the sync fails; it learns of it later. */
TEST(a_failed_sync_is_not_forgotten_when_the_mark_cannot_be_opened)
{
    struct replay_sync *sync = replay_sync_init(address);
    char away[FOLDER_PATH_MAX];

    assert_non_null(sync);
    folder_path(&fixture_replay_folder, "away", away);
    count(1, REPLAY_WITHIN);
    fault_always("open", "-mark");
    errno = 0;
    assert_false(replay_sync_run(sync));
    assert_int_equal(errno, EMFILE);
    fault_once("fdatasync", 1);
    assert_int_equal(rename(fixture_replay_beside("-mark"), away), 0);
    assert_false(replay_sync_run(sync));
    assert_int_equal(fault_end(), 1);
    assert_int_equal(rename(away, fixture_replay_beside("-mark")), 0);
    assert_true(replay_sync_run(sync));
    assert_false(replay_sync_finish(sync));
    assert_int_equal(state_of_mark(), CLEAN_FLAG_IN_USE);
    replay_sync_free(&sync);
}
