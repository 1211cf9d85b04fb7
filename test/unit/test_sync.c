// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "counting.h"
#include "replay/mark.h"
#include "replay/sync.h"

#define TODAY COUNTING_TODAY

static char address[FOLDER_PATH_MAX + 8];

static int set_up(void **state)
{
    (void)counting_set_up(state);
    snprintf(address, sizeof address, "lmdb:%s", counting_path);
    return 0;
}

static void count(uint64_t number, enum replay_count want)
{
    struct counting c;

    counting_open(&c, TODAY);
    const enum replay_count got = counting_ask(&c, TODAY, number, 1);
    replay_close(&c.replay);
    assert_int_equal(got, want);
}

static enum mark_state state_of_mark(void)
{
    struct mark *mark = mark_open(counting_beside("-mark"));

    assert_non_null(mark);
    const enum mark_state state = mark_state(mark);
    mark_close(&mark);
    return state;
}

static void only_a_file_of_ours_needs_it(void **state)
{
    static const char *const none[] = {"none", "memory:", "redis://127.0.0.1", "unix:/x", ""};
    struct replay_sync *sync = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(replay_sync_init(none[i]));
    replay_sync_free(&sync);
}

static void a_file_that_comes_later_is_waited_for(void **state)
{
    struct replay_sync *sync = replay_sync_init(address);

    (void)state;
    assert_non_null(sync);
    assert_true(replay_sync_run(sync));
    assert_true(replay_sync_finish(sync));
    assert_int_not_equal(access(counting_path, F_OK), 0); /* nothing is made */
    assert_int_not_equal(access(counting_beside("-mark"), F_OK), 0);
    count(1, REPLAY_WITHIN);
    assert_true(replay_sync_run(sync));
    assert_int_equal(state_of_mark(), MARK_OPEN);
    replay_sync_free(&sync);
    assert_null(sync);
}

static void what_was_finished_is_believed_after_a_boot(void **state)
{
    struct replay_sync *sync = replay_sync_init(address);

    (void)state;
    count(1, REPLAY_WITHIN);
    assert_true(replay_sync_run(sync));
    assert_true(replay_sync_finish(sync));
    assert_int_equal(state_of_mark(), MARK_WHOLE);
    boot_change(counting_beside("-mark"));
    count(1, REPLAY_OVER);
    /* It is in use again, and what only was synced is not enough. */
    assert_true(replay_sync_run(sync));
    assert_int_equal(state_of_mark(), MARK_OPEN);
    boot_change(counting_beside("-mark"));
    count(1, REPLAY_FAILED);
    replay_sync_free(&sync);
}

static void one_that_is_damaged_is_not_made_whole(void **state)
{
    struct replay_sync *sync = replay_sync_init(address);

    (void)state;
    count(1, REPLAY_WITHIN);
    struct mark *mark = mark_open(counting_beside("-mark"));
    mark_set_damaged(mark);
    mark_close(&mark);
    assert_true(replay_sync_finish(sync));
    assert_int_equal(state_of_mark(), MARK_DAMAGED);
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
static void it_follows_a_store_that_is_begun_anew(void **state)
{
    struct replay_sync *sync = replay_sync_init(address);
    char lost[FOLDER_PATH_MAX];

    (void)state;
    folder_path(&counting_folder, "replay.lost", lost);
    count(1, REPLAY_WITHIN);
    assert_true(replay_sync_run(sync));
    assert_true(syncs(sync, counting_path));
    boot_change(counting_beside("-mark"));
    count(1, REPLAY_FAILED);
    assert_true(syncs(sync, lost));
    assert_true(replay_sync_run(sync));
    assert_true(syncs(sync, counting_path));
    assert_false(syncs(sync, lost));
    replay_sync_free(&sync);
    assert_false(syncs(sync, counting_path));
}

static void what_cannot_be_written_is_said(void **state)
{
    struct replay_sync *sync = replay_sync_init(address);

    (void)state;
    assert_int_equal(mkdir(counting_path, 0700), 0);
    errno = 0;
    assert_false(replay_sync_run(sync));
    assert_int_equal(errno, EISDIR);
    assert_false(replay_sync_finish(sync));
    assert_int_equal(rmdir(counting_path), 0);
    count(1, REPLAY_WITHIN);
    assert_int_equal(unlink(counting_beside("-mark")), 0);
    assert_int_equal(mkdir(counting_beside("-mark"), 0700), 0);
    errno = 0;
    assert_false(replay_sync_finish(sync));
    assert_int_equal(errno, EISDIR);
    replay_sync_free(&sync);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, counting_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(only_a_file_of_ours_needs_it),
            TEST(a_file_that_comes_later_is_waited_for),
            TEST(what_was_finished_is_believed_after_a_boot),
            TEST(one_that_is_damaged_is_not_made_whole),
            TEST(it_follows_a_store_that_is_begun_anew),
            TEST(what_cannot_be_written_is_said),
    };

    return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
