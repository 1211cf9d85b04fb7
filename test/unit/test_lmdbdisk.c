// SPDX-License-Identifier: ISC
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/log.h"
#include "boot.h"
#include "child.h"
#include "fixture_replay.h"
#include "replay/lmdb_file.h"
#include "unit.h"

#define TODAY FIXTURE_REPLAY_TODAY

static void disk_of(const char *size, bool again)
{
    char options[64];

    snprintf(options, sizeof options, "size=%s,mode=700", size);
    must(mount("tmpfs", fixture_replay_folder.path, "tmpfs", again ? MS_REMOUNT : 0, options) == 0);
}

/* A disk of its own in a name space of its own, which goes with the process. */
static void on_a_disk_of(const char *size)
{
    must(unshare(CLONE_NEWNS) == 0);
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    disk_of(size, false);
}

static bool begin_on_a_full_disk(void *context)
{
    struct fixture_replay c;

    (void)context;
    on_a_disk_of("32m");
    for (int i = 0; i < 3; i++) {
        fixture_replay_fails("cannot be opened: No space left on device");
        must(access(fixture_replay_path, F_OK) != 0);
    }
    disk_of("100m", true);
    fixture_replay_open(&c, TODAY); /* nothing was lost */
    must(fixture_replay_health(&c).error[0] == '\0' &&
            fixture_replay_ask(&c, TODAY, 1, 1) == REPLAY_WITHIN);
    replay_close(&c.replay);
    /* The same with one that was lost: what was issued before that stays uncounted. */
    boot_change(fixture_replay_beside("-mark"));
    disk_of("80m", true);
    fixture_replay_fails("cannot be opened: No space left on device");
    must(access(fixture_replay_path, F_OK) != 0 && unlink(fixture_replay_beside(".lost")) == 0);
    fixture_replay_open(&c, TODAY + 20);
    must(fixture_replay_ask(&c, TODAY, 1, 1) == REPLAY_FAILED);
    must(fixture_replay_ask(&c, TODAY + 1, 1, 1) == REPLAY_WITHIN);
    replay_close(&c.replay);
    return true;
}

static bool fill_a_disk(void *context)
{
    struct tally tally = {0};
    struct fixture_replay c;
    uint64_t i = 0;

    (void)context;
    on_a_disk_of("80m");
    fixture_replay_open(&c, TODAY);
    must(fixture_replay_ask(&c, TODAY, 1, 3) == REPLAY_WITHIN);
    for (; tally.wrong == 0 && i < 3 * FIXTURE_REPLAY_WIDE; i++)
        fixture_replay_wide_turn(&c, 1000000 + i * FIXTURE_REPLAY_BATCH, &tally);
    must(tally.wrong == FIXTURE_REPLAY_BATCH && tally.within == (i - 1) * FIXTURE_REPLAY_BATCH);
    must(strstr(fixture_replay_health(&c).error, "cannot be written: No space left on device") !=
            NULL);
    must(fixture_replay_health(&c).failures == FIXTURE_REPLAY_BATCH);
    fixture_replay_wide_turn(&c, 1000000 + (i - 1) * FIXTURE_REPLAY_BATCH, &tally);
    must(tally.wrong == 2 * FIXTURE_REPLAY_BATCH && !replay_is_stale(c.replay));
    disk_of("200m", true);
    fixture_replay_wide_turn(&c, 1000000 + (i - 1) * FIXTURE_REPLAY_BATCH, &tally);
    must(tally.wrong == 2 * FIXTURE_REPLAY_BATCH && tally.within == i * FIXTURE_REPLAY_BATCH);
    must(fixture_replay_health(&c).error[0] == '\0');
    must(fixture_replay_ask(&c, TODAY, 1, 3) == REPLAY_WITHIN);
    replay_close(&c.replay);
    must(fixture_replay_length() == 2 * (off_t)LMDB_FILE_FIRST &&
            !fixture_replay_is_there(".lost"));
    return true;
}

static bool read_only(void *context)
{
    (void)context;
    on_a_disk_of("100m");
    fixture_replay_fill();
    must(mount(NULL, fixture_replay_folder.path, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    fixture_replay_fails("cannot be opened: Read-only file system");
    must(mount(NULL, fixture_replay_folder.path, NULL, MS_REMOUNT, NULL) == 0);
    struct fixture_replay c;
    fixture_replay_open(&c, TODAY);
    must(fixture_replay_ask_all(&c, 0, 100, REPLAY_OVER) == 0);
    replay_close(&c.replay);
    return true;
}

static bool may_mount(void *context)
{
    (void)context;
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", fixture_replay_folder.path, "tmpfs", 0, "size=1m") == 0;
}

BEFORE_ALL()
{
    log_configure(LOG_LEVEL_ALARM, LOG_FORMAT_TEXT); /* stores are lost here */
}

BEFORE_EACH()
{
    fixture_replay_set_up();
}

AFTER_EACH()
{
    fixture_replay_tear_down();
}

TEST(a_full_disk_is_waited_for)
{
    if (child_end(may_mount, NULL) != 0)
        skip();
    assert_int_equal(child_end(begin_on_a_full_disk, NULL), 0);
    assert_int_equal(child_end(fill_a_disk, NULL), 0);
    assert_int_equal(child_end(read_only, NULL), 0);
}
