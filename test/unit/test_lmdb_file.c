// SPDX-License-Identifier: ISC
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "boot.h"
#include "child.h"
#include "fault.h"
#include "fixture_replay.h"
#include "folder.h"
#include "replay/lmdb_file.h"
#include "unit.h"

#define TODAY FIXTURE_REPLAY_TODAY
#define PAGE 4096
#define KNOWN 1000 /* payloads of a store that is damaged */

static bool is_refused_to_nobody(void *context)
{
    (void)context;
    must(chmod(fixture_replay_folder.path, 0755) == 0);
    must(setgid(65534) == 0 && setuid(65534) == 0);
    fixture_replay_fails("cannot be opened: Permission denied");
    return true;
}

/* What a child finds, in memory that outlives it. */
struct findings {
    uint64_t within; /* of payloads that had all that they may */
    bool done;
};

static struct findings *findings;

BEFORE_ALL()
{
    log_configure(LOG_LEVEL_ALARM, LOG_FORMAT_TEXT); /* many stores are lost here */
}

BEFORE_EACH()
{
    findings =
            mmap(NULL, sizeof *findings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(findings != MAP_FAILED);
    fixture_replay_set_up();
}

AFTER_EACH()
{
    munmap(findings, sizeof *findings);
    fixture_replay_tear_down();
}

TEST(what_cannot_be_opened_fails_and_is_tried_again)
{
    fixture_replay_at("no/replay");
    fixture_replay_fails("no/replay: cannot be opened: No such file or directory");
    fixture_replay_at("replay");
    assert_int_equal(mkdir(fixture_replay_beside("-mark"), 0700), 0);
    fixture_replay_fails("cannot be opened: ");
    assert_int_equal(rmdir(fixture_replay_beside("-mark")), 0);
    if (geteuid() == 0)
        assert_int_equal(child_end(is_refused_to_nobody, NULL), 0);
}

TEST(of_another_boot_it_is_set_aside)
{
    fixture_replay_fill();
    boot_change(fixture_replay_beside("-mark"));
    fixture_replay_is_recreated(TODAY + 20);
    assert_true(fixture_replay_is_there(".lost"));
}

TEST(left_whole_it_is_believed_after_a_boot)
{
    struct fixture_replay c;

    fixture_replay_fill();
    struct clean_flag *mark = fixture_replay_flag();
    assert_true(clean_flag_set_clean(mark));
    clean_flag_close(&mark);
    boot_change(fixture_replay_beside("-mark"));
    fixture_replay_open(&c, TODAY);
    assert_int_equal(fixture_replay_ask_all(&c, 0, 100, REPLAY_OVER), 0);
    replay_close(&c.replay);
    assert_false(fixture_replay_is_there(".lost"));
    /* And is in use again: a boot later it would not be. */
    boot_change(fixture_replay_beside("-mark"));
    fixture_replay_is_recreated(TODAY + 20);
}

TEST(without_its_file_or_its_mark_it_is_recreated)
{
    static const char *const gone[] = {"", "-mark"};

    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        fixture_replay_fill();
        assert_int_equal(unlink(fixture_replay_beside(gone[i])), 0);
        fixture_replay_is_recreated(TODAY + 20);
        assert_int_equal(unlink(fixture_replay_beside("-mark")), 0);
        assert_int_equal(unlink(fixture_replay_path), 0);
    }
    /* Without both it is a new one, and nobody is to wait. */
    fixture_replay_fill();
}

TEST(what_is_not_ours_is_kept)
{
    static const char octets[] = "Dear diary,\n";
    char buffer[64];

    for (int marked = 0; marked < 2; marked++) {
        if (marked == 1) {
            assert_int_equal(unlink(fixture_replay_beside("-mark")), 0);
            assert_int_equal(unlink(fixture_replay_path), 0);
            fixture_replay_fill();
        }
        folder_write(&fixture_replay_folder, "replay", octets, sizeof octets - 1, 0600);
        fixture_replay_is_recreated(TODAY + 20);
        assert_true(folder_read(&fixture_replay_folder, "replay.lost", buffer, sizeof buffer));
        assert_string_equal(buffer, octets);
    }
}

static void ask_all_again(uint64_t unix_now)
{
    struct fixture_replay c;

    fixture_replay_open(&c, unix_now);
    for (uint64_t i = 0; i < KNOWN; i += 100) {
        for (uint64_t k = 0; k < 100; k++)
            fixture_replay_many[k] = fixture_replay_item(TODAY, i + k, 1, 1);
        fixture_replay_turn(&c, fixture_replay_many, 100);
        for (uint64_t k = 0; k < 100; k++)
            findings->within += fixture_replay_many[k].result == REPLAY_WITHIN;
    }
    findings->done = fixture_replay_ask(&c, unix_now + 1, 5000, 1) == REPLAY_WITHIN;
    replay_close(&c.replay);
}

static bool use_damaged(void *context)
{
    (void)context;
    /* Of the sanitizers, and of cmocka. */
    (void)signal(SIGSEGV, SIG_DFL);
    (void)signal(SIGBUS, SIG_DFL);
    (void)signal(SIGFPE, SIG_DFL);
    ask_all_again(TODAY + 20);
    return true;
}

/* Workers that die of it have successors; the third at the latest is well. */
static void is_survived(const char *what, long where)
{
    const int max = 3;
    int times = 0;

    findings->within = 0;
    findings->done = false;
    while (times < max && !findings->done) {
        (void)child_end(use_damaged, NULL);
        times++;
    }
    if (!findings->done)
        fail_msg("%s at %ld: still not well after %d processes", what, where, max);
    /* Whatever became of the counts: none can come to more than an allowance once more. */
    if (findings->within > KNOWN)
        fail_msg("%s at %ld: %lu times within", what, where, (unsigned long)findings->within);
}

/* A store of some pages, as it is left by who counted in it. */
struct content {
    char *octets;
    size_t used; /* what is behind is 0 */
    char mark[4096];
    size_t mark_len;
};

static struct content content_make(void)
{
    struct content content;
    struct fixture_replay c;

    fixture_replay_open(&c, TODAY);
    for (uint64_t i = 0; i < KNOWN; i += 100) {
        for (uint64_t k = 0; k < 100; k++)
            fixture_replay_many[k] = fixture_replay_item(TODAY, i + k, 1, 1);
        fixture_replay_turn(&c, fixture_replay_many, 100);
    }
    content.used = fixture_replay_health(&c).bytes;
    replay_close(&c.replay);
    content.octets = malloc(content.used);
    must(content.octets != NULL);
    int fd = open(fixture_replay_path, O_RDONLY);
    must(read(fd, content.octets, content.used) == (ssize_t)content.used);
    close(fd);
    fd = open(fixture_replay_beside("-mark"), O_RDONLY);
    const ssize_t len = read(fd, content.mark, sizeof content.mark);
    must(len > 0);
    content.mark_len = (size_t)len;
    close(fd);
    return content;
}

static void content_put_back(const struct content *content)
{
    (void)unlink(fixture_replay_beside(".lost"));
    folder_write(&fixture_replay_folder, "replay-mark", content->mark, content->mark_len, 0600);
    folder_write(&fixture_replay_folder, "replay", content->octets, content->used, 0600);
    must(truncate(fixture_replay_path, (off_t)LMDB_FILE_FIRST) == 0);
}

static void spoil(off_t at, const char *octets, size_t len)
{
    const int fd = open(fixture_replay_path, O_WRONLY);

    must(fd >= 0 && pwrite(fd, octets, len, at) == (ssize_t)len);
    close(fd);
}

static unsigned noise(void)
{
    static unsigned seed = 7;

    seed = seed * 1103515245 + 12345;
    return seed >> 16;
}

TEST(a_damaged_page_is_survived)
{
    static char zeros[PAGE];
    static char ones[PAGE];
    static char chance[PAGE];
    const char *const contents[] = {zeros, ones, chance};
    struct content content = content_make();

    memset(ones, 0xff, sizeof ones);
    for (size_t i = 0; i < sizeof chance; i++)
        chance[i] = (char)noise();
    for (off_t at = 0; at < (off_t)content.used; at += PAGE) {
        for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
            content_put_back(&content);
            spoil(at, contents[i], PAGE);
            is_survived("a page", (long)at);
        }
    }
    free(content.octets);
}

/* Of both metas each octet that means something, of the rest here and there. */
TEST(a_damaged_octet_is_survived)
{
    struct content content = content_make();

    for (off_t at = 0; at < (off_t)content.used;
            at += at % PAGE < 160 && at < 2 * PAGE ? 1 : 1 + noise() % 2000) {
        const char turned = (char)~content.octets[at];
        content_put_back(&content);
        spoil(at, &turned, 1);
        is_survived("an octet", (long)at);
    }
    free(content.octets);
}

TEST(a_file_cut_short_is_survived)
{
    struct content content = content_make();

    for (off_t len = 0; len < (off_t)content.used; len += PAGE - 1) {
        content_put_back(&content);
        must(truncate(fixture_replay_path, len) == 0);
        is_survived("cut", (long)len);
        assert_int_equal(findings->within, 0); /* it was seen */
        assert_true(fixture_replay_is_there(".lost"));
    }
    content_put_back(&content);
    must(truncate(fixture_replay_path, (off_t)LMDB_FILE_FIRST - PAGE) == 0);
    is_survived("cut", (long)LMDB_FILE_FIRST - PAGE);
    assert_true(fixture_replay_is_there(".lost"));
    free(content.octets);
}

static bool is_cut_in_use(void *context)
{
    struct fixture_replay c;

    (void)signal(SIGBUS, SIG_DFL);
    fixture_replay_open(&c, TODAY);
    must(fixture_replay_ask(&c, TODAY, 1, 2) == REPLAY_WITHIN);
    must(truncate(fixture_replay_path, *(const off_t *)context) == 0);
    (void)fixture_replay_ask(&c, TODAY, 1, 2);
    return false; /* it should not have come back */
}

TEST(a_file_cut_in_use_is_recreated_by_the_next)
{
    off_t lengths[] = {0, 2 * PAGE};

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        fixture_replay_fill();
        const int end = child_end(is_cut_in_use, &lengths[i]);
        assert_true(WIFSIGNALED(end));
        assert_int_equal(WTERMSIG(end), SIGBUS);
        fixture_replay_is_recreated(TODAY + 20);
        assert_int_equal(unlink(fixture_replay_beside("-mark")), 0);
        assert_int_equal(unlink(fixture_replay_path), 0);
    }
}

/* Every call that opening makes, when it fails once: at the very first start, and for a store with
 * counts. */
TEST(a_call_that_fails_once_loses_nothing)
{
    unsigned long faults = 0;

    for (int filled = 0; filled < 2; filled++) {
        for (const char *const *kind = fault_kinds; *kind != NULL; kind++) {
            uint32_t met = 1;
            for (uint32_t n = 1; met != 0; n++) {
                struct fixture_replay c;
                fixture_replay_forget();
                if (filled != 0)
                    fixture_replay_fill();
                fault_once(*kind, n);
                fixture_replay_open(&c, TODAY);
                met = fault_end();
                const struct replay_health health = fixture_replay_health(&c);
                const enum replay_count first = fixture_replay_ask(&c, TODAY, 0, 1);
                replay_close(&c.replay);
                const enum replay_count good = filled != 0 ? REPLAY_OVER : REPLAY_WITHIN;
                if (first != (health.error[0] == '\0' ? good : REPLAY_FAILED))
                    fail_msg("%s %u: counted as %d: %s", *kind, n, first, health.error);
                faults += met;
                if (met == 0)
                    continue;
                fixture_replay_open(&c, TODAY);
                const enum replay_count then = fixture_replay_ask(&c, TODAY, 0, 1);
                replay_close(&c.replay);
                if (then != (first == REPLAY_WITHIN ? REPLAY_OVER : good) ||
                        fixture_replay_is_there(".lost"))
                    fail_msg("%s %u: then %d: %s", *kind, n, then, health.error);
            }
        }
    }
    print_message("# %lu calls failed on purpose\n", faults);
    assert_true(faults > 30);
}

/* Each of two workers cannot read the boot's id, while the other one counts. */
TEST(two_workers_keep_each_other_s_store)
{
    struct fixture_replay a;
    struct fixture_replay b;

    fixture_replay_fill();
    for (int i = 0; i < 3; i++) {
        fault_always("open", "/boot_id");
        fixture_replay_open(&b, TODAY);
        (void)fault_end();
        assert_non_null(strstr(fixture_replay_health(&b).error,
                "cannot be opened: /proc/sys/kernel/random/boot_id: Too many open files"));
        assert_int_equal(fixture_replay_ask(&b, TODAY, 1, 1), REPLAY_FAILED);
        fixture_replay_open(&a, TODAY);
        assert_int_equal(fixture_replay_ask_all(&a, 0, 100, REPLAY_OVER), 0);
        replay_close(&b.replay);
        assert_int_equal(fixture_replay_ask_all(&a, 0, 100, REPLAY_OVER), 0);
        assert_false(replay_is_stale(a.replay));
        replay_close(&a.replay);
    }
    assert_false(fixture_replay_is_there(".lost"));
}

/* The process that this one has started; 0: none, or it has ended itself. */
static pid_t child_of_process(pid_t parent)
{
    char path[64];
    long pid = 0;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%ld", &pid) != 1)
        pid = 0;
    fclose(file);
    return (pid_t)pid;
}

/* Holds the lock of all who write, so that the trial waits. Then sends it a signal. */
static bool kill_the_trial(int signum, pid_t opener, int ready)
{
    struct lmdb_file file;
    MDB_txn *txn = NULL;
    pid_t trial = 0;

    must(lmdb_file_open(fixture_replay_path, TODAY, &file));
    must(mdb_txn_begin(file.env, NULL, 0, &txn) == 0);
    must(write(ready, "", 1) == 1);
    while ((trial = child_of_process(opener)) == 0)
        sched_yield();
    usleep(20000); /* into its wait; any moment will do */
    must(kill(trial, signum) == 0);
    while (child_of_process(opener) != 0)
        sched_yield();
    mdb_txn_abort(txn);
    lmdb_file_close(&file);
    return true;
}

struct opener {
    int go; /* a pipe's end */
    const char *want;
};

static bool open_while_it_is_killed(void *context)
{
    const struct opener *opener = context;
    struct fixture_replay c;
    char octet;

    must(read(opener->go, &octet, 1) == 1);
    fixture_replay_open(&c, TODAY);
    if (strstr(fixture_replay_health(&c).error, opener->want) == NULL)
        fprintf(stderr, "%s, want %s\n", fixture_replay_health(&c).error, opener->want);
    must(strstr(fixture_replay_health(&c).error, opener->want) != NULL);
    replay_close(&c.replay);
    return true;
}

static const struct {
    struct unit_row row;
    int signum;
    bool damaged;
    const char *want;
} trials[] = {
        {{.name = "for want of memory"}, SIGKILL, false,
                "cannot be opened: the process that tries it was killed by the signal KILL"},
        {{.name = "for its limit"}, SIGXCPU, false, "was killed by the signal XCPU"},
        {{.name = "by hand"}, SIGTERM, false, "was killed by the signal TERM"},
        {{.name = "bad memory"}, SIGSEGV, true, "was recreated"},
        {{.name = "bad pages"}, SIGBUS, true, "was recreated"},
        {{.name = "an assert"}, SIGABRT, true, "was recreated"},
};

TEST_EACH(only_some_ends_of_a_trial_are_damage, trials)
{
    struct opener opener = {.want = row->want};
    struct fixture_replay c;
    int ready[2];
    int go[2];
    int status = -1;
    char octet;

    fixture_replay_fill();
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    opener.go = go[0];
    const pid_t opening = fork();
    assert_true(opening >= 0);
    if (opening == 0)
        _exit(open_while_it_is_killed(&opener) ? 0 : 1);
    const pid_t killing = fork();
    assert_true(killing >= 0);
    if (killing == 0)
        _exit(kill_the_trial(row->signum, opening, ready[1]) ? 0 : 1);
    assert_int_equal(read(ready[0], &octet, 1), 1);
    assert_int_equal(write(go[1], "", 1), 1);
    assert_int_equal(waitpid(opening, &status, 0), opening);
    assert_int_equal(status, 0);
    assert_int_equal(waitpid(killing, &status, 0), killing);
    assert_int_equal(status, 0);
    assert_int_equal(fixture_replay_is_there(".lost"), row->damaged);
    fixture_replay_open(&c, TODAY);
    assert_int_equal(
            fixture_replay_ask(&c, TODAY, 1, 1), row->damaged ? REPLAY_FAILED : REPLAY_OVER);
    replay_close(&c.replay);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
}

/* Somebody else's crash, and a signal that was sent, are not the file's. */
static bool crash_elsewhere(void *context)
{
    struct fixture_replay c;

    (void)context;
    (void)signal(SIGSEGV, SIG_DFL);
    fixture_replay_open(&c, TODAY);
    must(fixture_replay_ask(&c, TODAY, 300, 2) == REPLAY_WITHIN);
    raise(SIGSEGV);
    volatile char *nowhere = NULL;
    *nowhere = 0;
    return true;
}

TEST(other_crashes_are_not_the_files)
{
    struct fixture_replay c;

    fixture_replay_fill();
    assert_true(WIFSIGNALED(child_end(crash_elsewhere, NULL)));
    fixture_replay_open(&c, TODAY);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 1), REPLAY_OVER);
    replay_close(&c.replay);
    assert_false(fixture_replay_is_there(".lost"));
}

static void open_damaged(struct tally *tally)
{
    struct fixture_replay c;

    while (!tally->go)
        sched_yield();
    fixture_replay_open(&c, TODAY + 20);
    tally->wrong += fixture_replay_ask(&c, TODAY, 0, 1) != REPLAY_FAILED;
    tally->within += fixture_replay_ask(&c, TODAY + 21, 1000, 5) == REPLAY_WITHIN;
    tally->wrong += replay_is_stale(c.replay);
    replay_close(&c.replay);
}

TEST(several_find_it_damaged_and_begin_one)
{
    struct tally *tally = tally_make();
    pid_t pids[8];

    assert_non_null(tally);
    fixture_replay_fill();
    spoil(0, "x", 1);
    must(truncate(fixture_replay_path, 3 * PAGE) == 0);
    for (size_t i = 0; i < 8; i++)
        pids[i] = tally_start(open_damaged, tally);
    tally->go = true;
    tally_wait(pids, 8);
    assert_int_equal(tally->within, 5);
    assert_int_equal(tally->wrong, 0);
    struct clean_flag *mark = fixture_replay_flag();
    assert_int_equal(clean_flag_epoch(mark), 1);
    clean_flag_close(&mark);
    munmap(tally, sizeof *tally);
}
