// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "boot.h"
#include "child.h"
#include "counting.h"
#include "folder.h"
#include "replay/lmdbfile.h"

#define TODAY COUNTING_TODAY
#define HOUR UINT64_C(3600)
#define DOMAINS 60 /* of a payload that takes much room */
#define BATCH 500  /* of those */
#define WIDE 22    /* batches that are more than the first map holds */
#define PAGE 4096
#define KNOWN 1000 /* payloads of a store that is damaged */

static struct folder folder;
static char path[FOLDER_PATH_MAX];
static char address[FOLDER_PATH_MAX + 8];
static struct replay_item many[BATCH];

static void set_path(const char *name)
{
    folder_path(&folder, name, path);
    snprintf(address, sizeof address, "lmdb:%s", path);
}

static int set_up(void **state)
{
    (void)state;
    folder = folder_make();
    set_path("replay");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

/* In whichever process. */
#define must(holds) must_at(holds, __LINE__)

static void must_at(bool holds, int line)
{
    if (holds)
        return;
    print_error("line %d of test_lmdb.c does not hold\n", line);
    abort();
}

static const char *beside(const char *suffix)
{
    static char room[FOLDER_PATH_MAX + 8];

    snprintf(room, sizeof room, "%s%s", path, suffix);
    return room;
}

static bool is_there(const char *suffix)
{
    return access(beside(suffix), F_OK) == 0;
}

static off_t length(void)
{
    struct stat about;

    must(stat(path, &about) == 0);
    return about.st_size;
}

static struct replay_health health_of(const struct counting *c)
{
    struct replay_health health;

    replay_health(c->replay, &health);
    return health;
}

static void counts_outlive_whoever_counts(void **state)
{
    struct counting c;

    (void)state;
    counting_open(&c, address, TODAY);
    assert_string_equal(health_of(&c).why, "");
    assert_int_equal(counting_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    assert_int_equal(counting_ask(&c, TODAY, 2, 2), REPLAY_WITHIN);
    replay_close(&c.replay);
    counting_open(&c, address, TODAY + 10);
    assert_int_equal(counting_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    assert_int_equal(counting_ask(&c, TODAY, 1, 2), REPLAY_OVER);
    assert_int_equal(counting_ask(&c, TODAY, 2, 2), REPLAY_WITHIN);
    assert_int_equal(counting_ask(&c, TODAY, 2, 2), REPLAY_OVER);
    assert_int_equal(replay_fd(c.replay), -1);
    assert_int_equal(replay_time_left(c.replay, c.now), -1);
    assert_false(replay_is_stale(c.replay));
    const struct replay_health health = health_of(&c);
    assert_int_equal(health.failures, 0);
    assert_int_equal(health.entries, 2);
    assert_in_range(health.bytes, 3 * PAGE, 100 * PAGE);
    assert_string_equal(health.why, "");
    replay_close(&c.replay);
    assert_int_equal(length(), LMDBFILE_FIRST);
    assert_false(is_there(".lost"));
}

/* The time of issue first, so that new ones are neighbours, whatever their nonces. */
static void keys_are_in_the_order_of_their_time(void **state)
{
    static const uint64_t issued[] = {0x61000000, 0x60ffffff, 0x610000ff, 0x61000100, 0x01000000};
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_dbi dbi;
    MDB_val key;
    MDB_val value;
    struct counting c;
    uint64_t last = 0;
    size_t count = 0;

    (void)state;
    counting_open(&c, address, 0x61000200);
    for (size_t i = 0; i < sizeof issued / sizeof *issued; i++)
        assert_int_equal(counting_ask(&c, issued[i], i * 0x77777777777, 2), REPLAY_WITHIN);
    replay_close(&c.replay);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        const unsigned char *at = key.mv_data;
        if (lmdbfile_is_purged_key(&key))
            continue;
        assert_int_equal(key.mv_size, 4 + PAYLOAD_NONCE + REPLAY_DOMAIN);
        const uint64_t time =
                (uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 | (uint64_t)at[2] << 8 | at[3];
        assert_true(time > last);
        last = time;
        count++;
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    assert_int_equal(last, 0x61000100);
    /* The one of 1970 went as soon as it came: it was too old for anybody. */
    assert_int_equal(count, 4);
}

static void what_nobody_takes_is_deleted_from_the_left(void **state)
{
    const uint64_t later = TODAY + COUNTING_KEEP + 1; /* the first second is over then */
    struct counting c;

    (void)state;
    counting_open(&c, address, TODAY);
    for (uint64_t second = 0; second < 5; second++) {
        for (size_t i = 0; i < 200; i++)
            many[i] = counting_item(TODAY + second, second * 1000 + i, 4, 10);
        counting_turn(&c, many, 200);
    }
    assert_int_equal(replay_purged(c.replay), 0);
    assert_int_equal(health_of(&c).entries, 10000);
    /* In steps: no turn shall take long. The mark goes with the first of them. */
    c.today = later;
    assert_int_equal(counting_ask(&c, later, 1, 4), REPLAY_WITHIN);
    assert_int_equal(replay_purged(c.replay), TODAY + 1);
    assert_int_equal(health_of(&c).entries, 10000 - 2000 + 1 + 1);
    assert_int_equal(counting_ask(&c, TODAY, 1, 4), REPLAY_FAILED);
    assert_int_equal(counting_ask(&c, TODAY + 1, 1000, 4), REPLAY_WITHIN);
    c.today = later + 3;
    assert_int_equal(counting_ask(&c, later, 1, 4), REPLAY_WITHIN);
    assert_int_equal(replay_purged(c.replay), TODAY + 4);
    const uint64_t left = health_of(&c).entries;
    assert_int_equal(left, 8002 - 4096);
    assert_int_equal(counting_ask(&c, later, 1, 4), REPLAY_WITHIN);
    assert_int_equal(health_of(&c).entries, 2000 + 2);
    replay_close(&c.replay);
    /* Others hear of it as soon as they open it. */
    counting_open(&c, address, TODAY);
    assert_int_equal(replay_purged(c.replay), TODAY + 4);
    assert_int_equal(counting_ask(&c, TODAY + 3, 3000, 4), REPLAY_FAILED);
    assert_int_equal(counting_ask(&c, TODAY + 4, 4000, 4), REPLAY_WITHIN);
    replay_close(&c.replay);
}

static void a_turn_may_bring_more_than_a_transaction_takes(void **state)
{
    static struct replay_item items[3000];
    struct counting c;

    (void)state;
    counting_open(&c, address, TODAY);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3000; i++)
            items[i] = counting_item(TODAY, i / 2, 4, 1); /* each twice in a turn */
        counting_turn(&c, items, 3000);
        for (size_t i = 0; i < 3000; i++)
            assert_int_equal(items[i].result, round < 2 ? REPLAY_WITHIN : REPLAY_OVER);
    }
    replay_close(&c.replay);
}

/* What is handed in and never committed is handed back. */
static void a_store_that_closes_is_done_with_all(void **state)
{
    struct replay_item item = counting_item(TODAY, 1, 4, 1);
    struct counting c;

    (void)state;
    counting_open(&c, address, TODAY);
    replay_submit(c.replay, &item, c.now, c.today);
    replay_close(&c.replay);
    assert_int_equal(c.done, 1);
    assert_int_equal(item.result, REPLAY_FAILED);
}

static void fails(const char *want)
{
    struct counting c;

    counting_open(&c, address, TODAY);
    if (strstr(health_of(&c).why, want) == NULL)
        print_error("%s, want %s\n", health_of(&c).why, want);
    must(strstr(health_of(&c).why, want) != NULL);
    must(counting_ask(&c, TODAY, 1, 4) == REPLAY_FAILED);
    must(health_of(&c).failures == 1);
    must(!replay_is_stale(c.replay));
    const int left = replay_time_left(c.replay, c.now);
    must(left > 0 && left <= 60000);
    replay_commit(c.replay, c.now + (uint64_t)left, TODAY);
    must(replay_is_stale(c.replay)); /* let another try */
    replay_close(&c.replay);
}

static bool is_refused_to_nobody(void *context)
{
    (void)context;
    must(chmod(folder.path, 0755) == 0);
    must(setgid(65534) == 0 && setuid(65534) == 0);
    fails("cannot be opened: Permission denied");
    return true;
}

static void what_cannot_be_opened_fails_and_is_tried_again(void **state)
{
    (void)state;
    set_path("no/replay");
    fails("no/replay: cannot be opened: No such file or directory");
    set_path("replay");
    assert_int_equal(mkdir(beside("-mark"), 0700), 0);
    fails("cannot be opened: ");
    assert_int_equal(rmdir(beside("-mark")), 0);
    if (geteuid() == 0)
        assert_int_equal(child_end(is_refused_to_nobody, NULL), 0);
}

static uint64_t ask_all(struct counting *c, uint64_t first, uint64_t count, enum replay_count want)
{
    uint64_t other = 0;

    for (uint64_t i = first; i < first + count; i++)
        other += counting_ask(c, TODAY, i, 1) != want;
    return other;
}

/* A store in which payloads 0 to 99 had all that they may. */
static void fill(void)
{
    struct counting c;

    counting_open(&c, address, TODAY);
    must(ask_all(&c, 0, 100, REPLAY_WITHIN) == 0);
    replay_close(&c.replay);
}

/* Nothing is known of those from before, and so for an hour nothing is said of them. */
static void is_begun_anew(uint64_t today)
{
    struct counting c;

    counting_open(&c, address, today);
    assert_non_null(strstr(health_of(&c).why, "was begun anew"));
    assert_int_equal(ask_all(&c, 0, 100, REPLAY_FAILED), 0);
    assert_non_null(strstr(health_of(&c).why, "was begun anew"));
    assert_int_equal(health_of(&c).failures, 100);
    assert_int_equal(counting_ask(&c, today, 200, 1), REPLAY_FAILED);
    assert_int_equal(counting_ask(&c, today + 1, 201, 1), REPLAY_WITHIN);
    assert_int_equal(counting_ask(&c, today + 1, 201, 1), REPLAY_OVER);
    assert_string_equal(health_of(&c).why, "");
    c.today = today + HOUR - 1;
    assert_int_equal(counting_ask(&c, TODAY, 0, 1), REPLAY_FAILED);
    c.today = today + HOUR;
    assert_int_equal(ask_all(&c, 0, 100, REPLAY_WITHIN), 0);
    assert_int_equal(ask_all(&c, 0, 100, REPLAY_OVER), 0);
    assert_false(replay_is_stale(c.replay));
    replay_close(&c.replay);
}

static void of_another_boot_it_is_set_aside(void **state)
{
    (void)state;
    fill();
    boot_change(beside("-mark"));
    is_begun_anew(TODAY + 20);
    assert_true(is_there(".lost"));
}

static void left_whole_it_is_believed_after_a_boot(void **state)
{
    struct counting c;

    (void)state;
    fill();
    struct mark *mark = mark_open(beside("-mark"));
    assert_non_null(mark);
    assert_true(mark_make_whole(mark));
    mark_close(&mark);
    boot_change(beside("-mark"));
    counting_open(&c, address, TODAY);
    assert_int_equal(ask_all(&c, 0, 100, REPLAY_OVER), 0);
    replay_close(&c.replay);
    assert_false(is_there(".lost"));
    /* And is in use again: a boot later it would not be. */
    boot_change(beside("-mark"));
    is_begun_anew(TODAY + 20);
}

static void without_its_file_or_its_mark_it_is_begun_anew(void **state)
{
    static const char *const gone[] = {"", "-mark"};

    (void)state;
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        fill();
        assert_int_equal(unlink(beside(gone[i])), 0);
        is_begun_anew(TODAY + 20);
        assert_int_equal(unlink(beside("-mark")), 0);
        assert_int_equal(unlink(path), 0);
    }
    /* Without both it is a new one, and nobody is to wait. */
    fill();
}

static void what_is_not_ours_is_kept(void **state)
{
    static const char octets[] = "Dear diary,\n";
    char room[64];

    (void)state;
    for (int marked = 0; marked < 2; marked++) {
        if (marked == 1) {
            assert_int_equal(unlink(beside("-mark")), 0);
            assert_int_equal(unlink(path), 0);
            fill();
        }
        folder_write(&folder, "replay", octets, sizeof octets - 1, 0600);
        is_begun_anew(TODAY + 20);
        assert_true(folder_read(&folder, "replay.lost", room, sizeof room));
        assert_string_equal(room, octets);
    }
}

/* In a process of its own: LMDB has one environment of a file in each. */
static bool begin_anew(void *context)
{
    struct counting c;
    struct mark *mark = mark_open(beside("-mark"));

    (void)context;
    must(mark != NULL);
    mark_set_damaged(mark);
    mark_close(&mark);
    counting_open(&c, address, TODAY + 20);
    must(counting_ask(&c, TODAY + 21, 1, 1) == REPLAY_WITHIN);
    replay_close(&c.replay);
    return true;
}

static void whoever_counts_in_the_old_one_makes_way(void **state)
{
    struct counting c;

    (void)state;
    counting_open(&c, address, TODAY);
    assert_int_equal(counting_ask(&c, TODAY, 1, 4), REPLAY_WITHIN);
    assert_int_equal(child_end(begin_anew, NULL), 0);
    assert_int_equal(counting_ask(&c, TODAY, 1, 4), REPLAY_FAILED);
    assert_true(replay_is_stale(c.replay));
    assert_non_null(strstr(health_of(&c).why, "is damaged, or was begun anew"));
    assert_int_equal(counting_ask(&c, TODAY, 1, 4), REPLAY_FAILED);
    replay_close(&c.replay);
    counting_open(&c, address, TODAY + 20);
    assert_int_equal(counting_ask(&c, TODAY + 21, 1, 1), REPLAY_OVER);
    replay_close(&c.replay);
}

/* Somebody else stopped, and said that nobody counts any more. */
static void one_that_is_called_whole_while_it_is_in_use_is_opened_again(void **state)
{
    struct counting c;

    (void)state;
    counting_open(&c, address, TODAY);
    struct mark *mark = mark_open(beside("-mark"));
    assert_true(mark_make_whole(mark));
    assert_int_equal(counting_ask(&c, TODAY, 1, 4), REPLAY_FAILED);
    assert_true(replay_is_stale(c.replay));
    assert_int_equal(mark_state(mark), MARK_WHOLE);
    mark_close(&mark);
    replay_close(&c.replay);
    counting_open(&c, address, TODAY);
    assert_int_equal(counting_ask(&c, TODAY, 1, 4), REPLAY_WITHIN);
    replay_close(&c.replay);
}

static void one_that_is_removed_in_use_is_opened_again(void **state)
{
    static const char *const gone[] = {"", "-mark"};
    struct counting c;

    (void)state;
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        counting_open(&c, address, TODAY);
        assert_int_equal(counting_ask(&c, TODAY, 1, 4), REPLAY_WITHIN);
        assert_int_equal(unlink(beside(gone[i])), 0);
        assert_int_equal(counting_ask(&c, TODAY, 1, 4), REPLAY_FAILED);
        assert_true(replay_is_stale(c.replay));
        assert_non_null(strstr(health_of(&c).why, "was removed while it was in use"));
        replay_close(&c.replay);
        (void)unlink(beside("-mark"));
        (void)unlink(path);
    }
}

/* A clock that was wrong for a moment shall not stop the counting for years. */
static void one_of_a_time_to_come_is_begun_anew(void **state)
{
    const uint64_t far = TODAY + 100 * COUNTING_KEEP;
    struct counting c;

    (void)state;
    fill();
    counting_open(&c, address, far);
    assert_int_equal(counting_ask(&c, far, 1, 1), REPLAY_WITHIN);
    assert_int_equal(replay_purged(c.replay), far - COUNTING_KEEP);
    c.today = TODAY;
    replay_commit(c.replay, c.now + 1000, TODAY);
    assert_true(replay_is_stale(c.replay));
    assert_non_null(strstr(health_of(&c).why, "the clock was wrong"));
    replay_close(&c.replay);
    is_begun_anew(TODAY + 20);
    /* And the same when it was begun in that time. */
    assert_int_equal(unlink(path), 0);
    counting_open(&c, address, far);
    replay_commit(c.replay, c.now, TODAY);
    assert_true(replay_is_stale(c.replay));
    replay_close(&c.replay);
    is_begun_anew(TODAY + 20);
}

/* What several processes tell the test. */
struct tally {
    _Atomic uint64_t within;
    _Atomic uint64_t wrong;
    _Atomic bool go;
};

static struct tally *tally_make(void)
{
    struct tally *tally =
            mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(tally != MAP_FAILED);
    return tally;
}

static pid_t start(void (*work)(struct tally *), struct tally *tally)
{
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        work(tally);
        _exit(0);
    }
    return pid;
}

static void wait_all(const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

static void ask_a_few(struct tally *tally)
{
    struct counting c;

    while (!tally->go)
        sched_yield();
    counting_open(&c, address, TODAY);
    for (uint64_t i = 0; i < 4000; i++) {
        const enum replay_count result = counting_ask(&c, TODAY, i % 100, 25);
        tally->within += result == REPLAY_WITHIN;
        tally->wrong += result == REPLAY_FAILED;
    }
    replay_close(&c.replay);
}

static void several_processes_count_as_one(void **state)
{
    struct tally *tally = tally_make();
    pid_t pids[4];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        pids[i] = start(ask_a_few, tally);
    tally->go = true; /* they also open it, and make it, at once */
    wait_all(pids, 4);
    assert_int_equal(tally->within, 100 * 25);
    assert_int_equal(tally->wrong, 0);
    assert_false(is_there(".lost"));
    munmap(tally, sizeof *tally);
}

/* A turn that takes much room; those of one process are no other's. */
static void wide_turn(struct counting *c, uint64_t number, struct tally *tally)
{
    for (size_t k = 0; k < BATCH; k++)
        many[k] = counting_item(TODAY, number + k, 1, DOMAINS);
    counting_turn(c, many, BATCH);
    for (size_t k = 0; k < BATCH; k++) {
        tally->within += many[k].result == REPLAY_WITHIN;
        tally->wrong += many[k].result == REPLAY_FAILED;
    }
}

static void fill_widely(struct tally *tally)
{
    struct counting c;

    counting_open(&c, address, TODAY);
    for (uint64_t i = 0; i < WIDE; i++)
        wide_turn(&c, ((uint64_t)getpid() << 32) + i * BATCH, tally);
    replay_close(&c.replay);
}

static void the_map_grows_under_several_processes(void **state)
{
    struct tally *tally = tally_make();
    struct counting c;
    pid_t pids[3];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        pids[i] = start(fill_widely, tally);
    counting_open(&c, address, TODAY);
    assert_int_equal(counting_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    wait_all(pids, 3);
    assert_true(length() >= 4 * (off_t)LMDBFILE_FIRST);
    assert_int_equal(tally->within, 3 * WIDE * BATCH);
    assert_int_equal(tally->wrong, 0);
    /* Who did not see it grow goes on, and so does who comes later. */
    for (uint64_t i = 0; i < WIDE; i++)
        wide_turn(&c, 1000000 + i * BATCH, tally);
    assert_int_equal(tally->within, 4 * WIDE * BATCH);
    assert_int_equal(tally->wrong, 0);
    assert_int_equal(counting_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    assert_int_equal(counting_ask(&c, TODAY, 1, 2), REPLAY_OVER);
    replay_close(&c.replay);
    counting_open(&c, address, TODAY);
    assert_string_equal(health_of(&c).why, "");
    assert_true(health_of(&c).entries > 4 * WIDE * BATCH * DOMAINS);
    wide_turn(&c, 1000000, tally);
    assert_int_equal(tally->within, 4 * WIDE * BATCH);
    replay_close(&c.replay);
    assert_false(is_there(".lost"));
    munmap(tally, sizeof *tally);
}

static void ask_without_end(struct tally *tally)
{
    struct counting c;

    counting_open(&c, address, TODAY);
    for (;;) {
        for (size_t i = 0; i < 20; i++)
            many[i] = counting_item(TODAY, 7, UINT32_MAX, 3);
        counting_turn(&c, many, 20);
        for (size_t i = 0; i < 20; i++) {
            tally->within += many[i].result == REPLAY_WITHIN;
            tally->wrong += many[i].result != REPLAY_WITHIN;
        }
    }
}

/* How often payload 7 was counted under its last domain, from the file itself. */
static uint32_t stored_count(void)
{
    const struct replay_item item = counting_item(TODAY, 7, 1, 3);
    unsigned char octets[4 + PAYLOAD_NONCE + REPLAY_DOMAIN];
    MDB_val key = {sizeof octets, octets};
    MDB_val value;
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi = 0;
    uint32_t count = 0;

    for (int i = 0; i < 4; i++)
        octets[i] = (unsigned char)(TODAY >> (24 - 8 * i));
    memcpy(octets + 4, item.nonce, PAYLOAD_NONCE);
    memcpy(octets + 4 + PAYLOAD_NONCE, item.entries[2].domain, REPLAY_DOMAIN);
    must(mdb_env_create(&env) == 0);
    must(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY, 0600) == 0);
    must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0 && mdb_dbi_open(txn, NULL, 0, &dbi) == 0);
    if (mdb_get(txn, dbi, &key, &value) == 0)
        memcpy(&count, value.mv_data, sizeof count);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return count;
}

/* At any moment, one of two that count without a pause. What was answered is stored, and of what is
 * stored at most the turn was not answered that the other was just about. */
static void whoever_is_killed_loses_no_count(void **state)
{
    struct tally *tally = tally_make();

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        const uint64_t before = tally->within;
        const uint32_t stored_before = i > 0 ? stored_count() : 0;
        pid_t pids[2];
        for (size_t k = 0; k < 2; k++)
            pids[k] = start(ask_without_end, tally);
        while (tally->within < before + 20)
            sched_yield();
        usleep(i * 30); /* any moment will do: each shall do no harm */
        kill(pids[0], SIGKILL);
        waitpid(pids[0], NULL, 0);
        const uint64_t after = tally->within;
        while (tally->within < after + 40) /* the other goes on */
            sched_yield();
        kill(pids[1], SIGKILL);
        waitpid(pids[1], NULL, 0);
        assert_in_range(stored_count() - stored_before, tally->within - before,
                tally->within - before + 40);
    }
    assert_int_equal(tally->wrong, 0);
    assert_false(is_there(".lost"));
    munmap(tally, sizeof *tally);
}

/* Holds the lock of all who write, in the middle of writing, until it is killed. */
static void die_in_a_transaction(int ready)
{
    struct lmdbfile file;
    MDB_txn *txn = NULL;
    uint64_t number = 99;
    MDB_val value = {sizeof number, &number};

    must(lmdbfile_open(path, TODAY, &file) == 0);
    must(mdb_txn_begin(file.env, NULL, 0, &txn) == 0);
    for (uint64_t i = 0; i < 1000; i++) {
        MDB_val key = {sizeof i, &i};
        must(mdb_put(txn, file.dbi, &key, &value, 0) == 0);
    }
    must(write(ready, "", 1) == 1);
    for (;;)
        pause();
}

static void a_lock_whose_owner_died_is_taken(void **state)
{
    struct counting c;
    int ready[2];
    char octet;

    (void)state;
    counting_open(&c, address, TODAY);
    assert_int_equal(counting_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    assert_int_equal(pipe(ready), 0);
    const pid_t other = fork();
    assert_true(other >= 0);
    if (other == 0)
        die_in_a_transaction(ready[1]);
    assert_int_equal(read(ready[0], &octet, 1), 1);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    assert_int_equal(counting_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    assert_int_equal(counting_ask(&c, TODAY, 1, 2), REPLAY_OVER);
    assert_int_equal(health_of(&c).entries, 1);
    assert_string_equal(health_of(&c).why, "");
    replay_close(&c.replay);
    close(ready[0]);
    close(ready[1]);
}

/* What the child below finds, in memory that outlives it. */
struct findings {
    uint64_t within; /* of payloads that had all that they may */
    bool done;
};

static struct findings *findings;

static void ask_all_again(uint64_t today)
{
    struct counting c;

    counting_open(&c, address, today);
    for (uint64_t i = 0; i < KNOWN; i += 100) {
        for (uint64_t k = 0; k < 100; k++)
            many[k] = counting_item(TODAY, i + k, 1, 1);
        counting_turn(&c, many, 100);
        for (uint64_t k = 0; k < 100; k++)
            findings->within += many[k].result == REPLAY_WITHIN;
    }
    findings->done = counting_ask(&c, today + 1, 5000, 1) == REPLAY_WITHIN;
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
    struct counting c;

    counting_open(&c, address, TODAY);
    for (uint64_t i = 0; i < KNOWN; i += 100) {
        for (uint64_t k = 0; k < 100; k++)
            many[k] = counting_item(TODAY, i + k, 1, 1);
        counting_turn(&c, many, 100);
    }
    content.used = health_of(&c).bytes;
    replay_close(&c.replay);
    content.octets = malloc(content.used);
    must(content.octets != NULL);
    int fd = open(path, O_RDONLY);
    must(read(fd, content.octets, content.used) == (ssize_t)content.used);
    close(fd);
    fd = open(beside("-mark"), O_RDONLY);
    const ssize_t len = read(fd, content.mark, sizeof content.mark);
    must(len > 0);
    content.mark_len = (size_t)len;
    close(fd);
    return content;
}

static void content_put_back(const struct content *content)
{
    (void)unlink(beside(".lost"));
    folder_write(&folder, "replay-mark", content->mark, content->mark_len, 0600);
    folder_write(&folder, "replay", content->octets, content->used, 0600);
    must(truncate(path, (off_t)LMDBFILE_FIRST) == 0);
}

static void spoil(off_t at, const char *octets, size_t len)
{
    const int fd = open(path, O_WRONLY);

    must(fd >= 0 && pwrite(fd, octets, len, at) == (ssize_t)len);
    close(fd);
}

static unsigned noise(void)
{
    static unsigned seed = 7;

    seed = seed * 1103515245 + 12345;
    return seed >> 16;
}

static int open_findings(void **state)
{
    findings =
            mmap(NULL, sizeof *findings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return findings != MAP_FAILED ? set_up(state) : -1;
}

static int close_findings(void **state)
{
    munmap(findings, sizeof *findings);
    return tear_down(state);
}

static void a_damaged_page_is_survived(void **state)
{
    static char zeros[PAGE];
    static char ones[PAGE];
    static char chance[PAGE];
    const char *const contents[] = {zeros, ones, chance};
    struct content content = content_make();

    (void)state;
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
static void a_damaged_octet_is_survived(void **state)
{
    struct content content = content_make();

    (void)state;
    for (off_t at = 0; at < (off_t)content.used;
            at += at % PAGE < 160 && at < 2 * PAGE ? 1 : 1 + noise() % 2000) {
        const char turned = (char)~content.octets[at];
        content_put_back(&content);
        spoil(at, &turned, 1);
        is_survived("an octet", (long)at);
    }
    free(content.octets);
}

static void a_file_cut_short_is_survived(void **state)
{
    struct content content = content_make();

    (void)state;
    for (off_t len = 0; len < (off_t)content.used; len += PAGE - 1) {
        content_put_back(&content);
        must(truncate(path, len) == 0);
        is_survived("cut", (long)len);
        assert_int_equal(findings->within, 0); /* it was seen */
        assert_true(is_there(".lost"));
    }
    content_put_back(&content);
    must(truncate(path, (off_t)LMDBFILE_FIRST - PAGE) == 0);
    is_survived("cut", (long)LMDBFILE_FIRST - PAGE);
    assert_true(is_there(".lost"));
    free(content.octets);
}

static bool is_cut_in_use(void *context)
{
    struct counting c;

    (void)signal(SIGBUS, SIG_DFL);
    counting_open(&c, address, TODAY);
    must(counting_ask(&c, TODAY, 1, 2) == REPLAY_WITHIN);
    must(truncate(path, *(const off_t *)context) == 0);
    (void)counting_ask(&c, TODAY, 1, 2);
    return false; /* it should not have come back */
}

static void a_file_cut_in_use_is_begun_anew_by_the_next(void **state)
{
    off_t lengths[] = {0, 2 * PAGE};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        fill();
        const int end = child_end(is_cut_in_use, &lengths[i]);
        assert_true(WIFSIGNALED(end));
        assert_int_equal(WTERMSIG(end), SIGBUS);
        is_begun_anew(TODAY + 20);
        assert_int_equal(unlink(beside("-mark")), 0);
        assert_int_equal(unlink(path), 0);
    }
}

/* Somebody else's crash, and a signal that was sent, are not the file's. */
static bool crash_elsewhere(void *context)
{
    struct counting c;

    (void)context;
    (void)signal(SIGSEGV, SIG_DFL);
    counting_open(&c, address, TODAY);
    must(counting_ask(&c, TODAY, 300, 2) == REPLAY_WITHIN);
    raise(SIGSEGV);
    volatile char *nowhere = NULL;
    *nowhere = 0;
    return true;
}

static void other_crashes_are_not_the_files(void **state)
{
    struct counting c;

    (void)state;
    fill();
    assert_true(WIFSIGNALED(child_end(crash_elsewhere, NULL)));
    counting_open(&c, address, TODAY);
    assert_int_equal(counting_ask(&c, TODAY, 1, 1), REPLAY_OVER);
    replay_close(&c.replay);
    assert_false(is_there(".lost"));
}

static void open_damaged(struct tally *tally)
{
    struct counting c;

    while (!tally->go)
        sched_yield();
    counting_open(&c, address, TODAY + 20);
    tally->wrong += counting_ask(&c, TODAY, 0, 1) != REPLAY_FAILED;
    tally->within += counting_ask(&c, TODAY + 21, 1000, 5) == REPLAY_WITHIN;
    tally->wrong += replay_is_stale(c.replay);
    replay_close(&c.replay);
}

static void several_find_it_damaged_and_begin_one(void **state)
{
    struct tally *tally = tally_make();
    pid_t pids[8];

    (void)state;
    fill();
    spoil(0, "x", 1);
    must(truncate(path, 3 * PAGE) == 0);
    for (size_t i = 0; i < 8; i++)
        pids[i] = start(open_damaged, tally);
    tally->go = true;
    wait_all(pids, 8);
    assert_int_equal(tally->within, 5);
    assert_int_equal(tally->wrong, 0);
    struct mark *mark = mark_open(beside("-mark"));
    assert_int_equal(mark_epoch(mark), 1);
    mark_close(&mark);
    munmap(tally, sizeof *tally);
}

static void disk_of(const char *size, bool again)
{
    char options[64];

    snprintf(options, sizeof options, "size=%s,mode=700", size);
    must(mount("tmpfs", folder.path, "tmpfs", again ? MS_REMOUNT : 0, options) == 0);
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
        fails("cannot be opened: No space left on device");
        must(access(path, F_OK) != 0);
    }
    disk_of("100m", true);
    counting_open(&c, address, TODAY); /* nothing was lost */
    must(health_of(&c).why[0] == '\0' && counting_ask(&c, TODAY, 1, 1) == REPLAY_WITHIN);
    replay_close(&c.replay);
    /* The same with one that was lost: what was issued before that stays uncounted. */
    boot_change(beside("-mark"));
    disk_of("80m", true);
    fails("cannot be opened: No space left on device");
    must(access(path, F_OK) != 0 && unlink(beside(".lost")) == 0);
    counting_open(&c, address, TODAY + 20);
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
    counting_open(&c, address, TODAY);
    must(counting_ask(&c, TODAY, 1, 3) == REPLAY_WITHIN);
    for (; tally.wrong == 0 && i < 3 * WIDE; i++)
        wide_turn(&c, 1000000 + i * BATCH, &tally);
    must(tally.wrong == BATCH && tally.within == (i - 1) * BATCH);
    must(strstr(health_of(&c).why, "cannot be written: No space left on device") != NULL);
    must(health_of(&c).failures == BATCH);
    wide_turn(&c, 1000000 + (i - 1) * BATCH, &tally);
    must(tally.wrong == 2 * BATCH && !replay_is_stale(c.replay));
    disk_of("200m", true);
    wide_turn(&c, 1000000 + (i - 1) * BATCH, &tally);
    must(tally.wrong == 2 * BATCH && tally.within == i * BATCH);
    must(health_of(&c).why[0] == '\0');
    must(counting_ask(&c, TODAY, 1, 3) == REPLAY_WITHIN);
    replay_close(&c.replay);
    must(length() == 2 * (off_t)LMDBFILE_FIRST && !is_there(".lost"));
    return true;
}

static bool read_only(void *context)
{
    (void)context;
    on_a_disk_of("100m");
    fill();
    must(mount(NULL, folder.path, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    fails("cannot be opened: Read-only file system");
    must(mount(NULL, folder.path, NULL, MS_REMOUNT, NULL) == 0);
    struct counting c;
    counting_open(&c, address, TODAY);
    must(ask_all(&c, 0, 100, REPLAY_OVER) == 0);
    replay_close(&c.replay);
    return true;
}

static bool may_mount(void *context)
{
    (void)context;
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", folder.path, "tmpfs", 0, "size=1m") == 0;
}

static void a_full_disk_is_waited_for(void **state)
{
    (void)state;
    if (child_end(may_mount, NULL) != 0)
        skip();
    assert_int_equal(child_end(begin_on_a_full_disk, NULL), 0);
    assert_int_equal(child_end(fill_a_disk, NULL), 0);
    assert_int_equal(child_end(read_only, NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define TEST_DAMAGE(f) cmocka_unit_test_setup_teardown(f, open_findings, close_findings)

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(counts_outlive_whoever_counts),
            TEST(keys_are_in_the_order_of_their_time),
            TEST(what_nobody_takes_is_deleted_from_the_left),
            TEST(a_turn_may_bring_more_than_a_transaction_takes),
            TEST(a_store_that_closes_is_done_with_all),
            TEST(what_cannot_be_opened_fails_and_is_tried_again),
            TEST(of_another_boot_it_is_set_aside),
            TEST(left_whole_it_is_believed_after_a_boot),
            TEST(without_its_file_or_its_mark_it_is_begun_anew),
            TEST(what_is_not_ours_is_kept),
            TEST(whoever_counts_in_the_old_one_makes_way),
            TEST(one_that_is_called_whole_while_it_is_in_use_is_opened_again),
            TEST(one_that_is_removed_in_use_is_opened_again),
            TEST(one_of_a_time_to_come_is_begun_anew),
            TEST(several_processes_count_as_one),
            TEST(the_map_grows_under_several_processes),
            TEST(whoever_is_killed_loses_no_count),
            TEST(a_lock_whose_owner_died_is_taken),
            TEST_DAMAGE(a_damaged_page_is_survived),
            TEST_DAMAGE(a_damaged_octet_is_survived),
            TEST_DAMAGE(a_file_cut_short_is_survived),
            TEST(a_file_cut_in_use_is_begun_anew_by_the_next),
            TEST(other_crashes_are_not_the_files),
            TEST(several_find_it_damaged_and_begin_one),
            TEST(a_full_disk_is_waited_for),
    };

    log_configure(LOG_LEVEL_ALARM, LOG_FORMAT_TEXT); /* hundreds of stores are lost here */
    return cmocka_run_group_tests_name("lmdb", tests, NULL, NULL);
}
