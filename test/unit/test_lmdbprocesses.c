// SPDX-License-Identifier: ISC
#include <lmdb.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture_replay.h"
#include "replay/lmdb_file.h"
#include "unit.h"

#define TODAY FIXTURE_REPLAY_TODAY

static void ask_a_few(struct tally *tally)
{
    struct fixture_replay c;

    while (!tally->go)
        sched_yield();
    fixture_replay_open(&c, TODAY);
    for (uint64_t i = 0; i < 4000; i++) {
        const enum replay_count result = fixture_replay_ask(&c, TODAY, i % 100, 25);
        tally->within += result == REPLAY_WITHIN;
        tally->wrong += result == REPLAY_FAILED;
    }
    replay_close(&c.replay);
}

BEFORE_EACH()
{
    fixture_replay_set_up();
}

AFTER_EACH()
{
    fixture_replay_tear_down();
}

TEST(several_processes_count_as_one)
{
    struct tally *tally = tally_make();
    pid_t pids[4];

    assert_non_null(tally);
    for (size_t i = 0; i < 4; i++)
        pids[i] = tally_start(ask_a_few, tally);
    tally->go = true; /* they also open it, and make it, at once */
    tally_wait(pids, 4);
    assert_int_equal(tally->within, 100 * 25);
    assert_int_equal(tally->wrong, 0);
    assert_false(fixture_replay_is_there(".lost"));
    munmap(tally, sizeof *tally);
}

static void fill_widely(struct tally *tally)
{
    struct fixture_replay c;

    fixture_replay_open(&c, TODAY);
    for (uint64_t i = 0; i < FIXTURE_REPLAY_WIDE; i++)
        fixture_replay_wide_turn(&c, ((uint64_t)getpid() << 32) + i * FIXTURE_REPLAY_BATCH, tally);
    replay_close(&c.replay);
}

TEST(the_map_grows_under_several_processes)
{
    struct tally *tally = tally_make();
    struct fixture_replay c;
    pid_t pids[3];

    assert_non_null(tally);
    for (size_t i = 0; i < 3; i++)
        pids[i] = tally_start(fill_widely, tally);
    fixture_replay_open(&c, TODAY);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    tally_wait(pids, 3);
    assert_true(fixture_replay_length() >= 4 * (off_t)LMDB_FILE_FIRST);
    assert_int_equal(tally->within, 3 * FIXTURE_REPLAY_WIDE * FIXTURE_REPLAY_BATCH);
    assert_int_equal(tally->wrong, 0);
    /* Who did not see it grow goes on, and so does who comes later. */
    for (uint64_t i = 0; i < FIXTURE_REPLAY_WIDE; i++)
        fixture_replay_wide_turn(&c, 1000000 + i * FIXTURE_REPLAY_BATCH, tally);
    assert_int_equal(tally->within, 4 * FIXTURE_REPLAY_WIDE * FIXTURE_REPLAY_BATCH);
    assert_int_equal(tally->wrong, 0);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 2), REPLAY_OVER);
    replay_close(&c.replay);
    fixture_replay_open(&c, TODAY);
    assert_string_equal(fixture_replay_health(&c).error, "");
    assert_true(fixture_replay_health(&c).entries >
                4 * FIXTURE_REPLAY_WIDE * FIXTURE_REPLAY_BATCH * FIXTURE_REPLAY_DOMAINS);
    fixture_replay_wide_turn(&c, 1000000, tally);
    assert_int_equal(tally->within, 4 * FIXTURE_REPLAY_WIDE * FIXTURE_REPLAY_BATCH);
    replay_close(&c.replay);
    assert_false(fixture_replay_is_there(".lost"));
    munmap(tally, sizeof *tally);
}

static void ask_without_end(struct tally *tally)
{
    struct fixture_replay c;

    fixture_replay_open(&c, TODAY);
    for (;;) {
        for (size_t i = 0; i < 20; i++)
            fixture_replay_many[i] = fixture_replay_item(TODAY, 7, UINT32_MAX, 3);
        fixture_replay_turn(&c, fixture_replay_many, 20);
        for (size_t i = 0; i < 20; i++) {
            tally->within += fixture_replay_many[i].result == REPLAY_WITHIN;
            tally->wrong += fixture_replay_many[i].result != REPLAY_WITHIN;
        }
    }
}

/* How often payload 7 was counted under its last domain, from the file itself. */
static uint32_t stored_count(void)
{
    const struct count_request item = fixture_replay_item(TODAY, 7, 1, 3);
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
    must(mdb_env_open(env, fixture_replay_path, MDB_NOSUBDIR | MDB_RDONLY, 0600) == 0);
    must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0 && mdb_dbi_open(txn, NULL, 0, &dbi) == 0);
    if (mdb_get(txn, dbi, &key, &value) == 0)
        memcpy(&count, value.mv_data, sizeof count);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return count;
}

/* At any moment, one of two that count without a pause. What was answered is stored, and of what is
 * stored at most the turn was not answered that the other was just about. */
TEST(whoever_is_killed_loses_no_count)
{
    struct tally *tally = tally_make();

    assert_non_null(tally);
    for (unsigned i = 0; i < 100; i++) {
        const uint64_t before = tally->within;
        const uint32_t stored_before = i > 0 ? stored_count() : 0;
        pid_t pids[2];
        for (size_t k = 0; k < 2; k++)
            pids[k] = tally_start(ask_without_end, tally);
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
    assert_false(fixture_replay_is_there(".lost"));
    munmap(tally, sizeof *tally);
}

/* Holds the lock of all who write, in the middle of writing, until it is killed. */
static void die_in_a_transaction(int ready)
{
    struct lmdb_file file;
    MDB_txn *txn = NULL;
    uint64_t number = 99;
    MDB_val value = {sizeof number, &number};

    must(lmdb_file_open(fixture_replay_path, TODAY, &file));
    must(mdb_txn_begin(file.env, NULL, 0, &txn) == 0);
    for (uint64_t i = 0; i < 1000; i++) {
        MDB_val key = {sizeof i, &i};
        must(mdb_put(txn, file.dbi, &key, &value, 0) == 0);
    }
    must(write(ready, "", 1) == 1);
    for (;;)
        pause();
}

TEST(a_lock_whose_owner_died_is_taken)
{
    struct fixture_replay c;
    int ready[2];
    char octet;

    fixture_replay_open(&c, TODAY);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    assert_int_equal(pipe(ready), 0);
    const pid_t other = fork();
    assert_true(other >= 0);
    if (other == 0)
        die_in_a_transaction(ready[1]);
    assert_int_equal(read(ready[0], &octet, 1), 1);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 2), REPLAY_OVER);
    assert_int_equal(fixture_replay_health(&c).entries, 1);
    assert_string_equal(fixture_replay_health(&c).error, "");
    replay_close(&c.replay);
    close(ready[0]);
    close(ready[1]);
}
