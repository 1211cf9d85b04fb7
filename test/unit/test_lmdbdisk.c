// SPDX-License-Identifier: ISC
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/log.h"
#include "boot.h"
#include "child.h"
#include "counting.h"
#include "replay/lmdbfile.h"
#include "unit.h"

#define TODAY COUNTING_TODAY

static void disk_of(const char *size, bool again)
{
    char options[64];

    snprintf(options, sizeof options, "size=%s,mode=700", size);
    must(mount("tmpfs", counting_folder.path, "tmpfs", again ? MS_REMOUNT : 0, options) == 0);
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
    struct counting c;

    (void)context;
    on_a_disk_of("32m");
    for (int i = 0; i < 3; i++) {
        counting_fails("cannot be opened: No space left on device");
        must(access(counting_path, F_OK) != 0);
    }
    disk_of("100m", true);
    counting_open(&c, TODAY); /* nothing was lost */
    must(counting_health(&c).why[0] == '\0' && counting_ask(&c, TODAY, 1, 1) == REPLAY_WITHIN);
    replay_close(&c.replay);
    /* The same with one that was lost: what was issued before that stays uncounted. */
    boot_change(counting_beside("-mark"));
    disk_of("80m", true);
    counting_fails("cannot be opened: No space left on device");
    must(access(counting_path, F_OK) != 0 && unlink(counting_beside(".lost")) == 0);
    counting_open(&c, TODAY + 20);
    must(counting_ask(&c, TODAY, 1, 1) == REPLAY_FAILED);
    must(counting_ask(&c, TODAY + 1, 1, 1) == REPLAY_WITHIN);
    replay_close(&c.replay);
    return true;
}

static bool fill_a_disk(void *context)
{
    struct tally tally = {0};
    struct counting c;
    uint64_t i = 0;

    (void)context;
    on_a_disk_of("80m");
    counting_open(&c, TODAY);
    must(counting_ask(&c, TODAY, 1, 3) == REPLAY_WITHIN);
    for (; tally.wrong == 0 && i < 3 * COUNTING_WIDE; i++)
        counting_wide_turn(&c, 1000000 + i * COUNTING_BATCH, &tally);
    must(tally.wrong == COUNTING_BATCH && tally.within == (i - 1) * COUNTING_BATCH);
    must(strstr(counting_health(&c).why, "cannot be written: No space left on device") != NULL);
    must(counting_health(&c).failures == COUNTING_BATCH);
    counting_wide_turn(&c, 1000000 + (i - 1) * COUNTING_BATCH, &tally);
    must(tally.wrong == 2 * COUNTING_BATCH && !replay_is_stale(c.replay));
    disk_of("200m", true);
    counting_wide_turn(&c, 1000000 + (i - 1) * COUNTING_BATCH, &tally);
    must(tally.wrong == 2 * COUNTING_BATCH && tally.within == i * COUNTING_BATCH);
    must(counting_health(&c).why[0] == '\0');
    must(counting_ask(&c, TODAY, 1, 3) == REPLAY_WITHIN);
    replay_close(&c.replay);
    must(counting_length() == 2 * (off_t)LMDBFILE_FIRST && !counting_is_there(".lost"));
    return true;
}

static bool read_only(void *context)
{
    (void)context;
    on_a_disk_of("100m");
    counting_fill();
    must(mount(NULL, counting_folder.path, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    counting_fails("cannot be opened: Read-only file system");
    must(mount(NULL, counting_folder.path, NULL, MS_REMOUNT, NULL) == 0);
    struct counting c;
    counting_open(&c, TODAY);
    must(counting_ask_all(&c, 0, 100, REPLAY_OVER) == 0);
    replay_close(&c.replay);
    return true;
}

static bool may_mount(void *context)
{
    (void)context;
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", counting_folder.path, "tmpfs", 0, "size=1m") == 0;
}

BEFORE_ALL()
{
    log_configure(LOG_LEVEL_ALARM, LOG_FORMAT_TEXT); /* stores are lost here */
}

BEFORE_EACH()
{
    counting_set_up();
}

AFTER_EACH()
{
    counting_tear_down();
}

TEST(a_full_disk_is_waited_for)
{
    if (child_end(may_mount, NULL) != 0)
        skip();
    assert_int_equal(child_end(begin_on_a_full_disk, NULL), 0);
    assert_int_equal(child_end(fill_a_disk, NULL), 0);
    assert_int_equal(child_end(read_only, NULL), 0);
}
