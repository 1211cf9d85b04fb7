// SPDX-License-Identifier: ISC
#include <lmdb.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "child.h"
#include "fixture_replay.h"
#include "replay/lmdb_file.h"
#include "unit.h"

#define TODAY FIXTURE_REPLAY_TODAY
#define PAGE 4096
#define BATCH FIXTURE_REPLAY_BATCH

BEFORE_ALL()
{
    log_configure(LOG_LEVEL_ALARM, LOG_FORMAT_TEXT); /* many stores are lost here */
}

BEFORE_EACH()
{
    fixture_replay_set_up();
}

AFTER_EACH()
{
    fixture_replay_tear_down();
}

TEST(counts_outlive_whoever_counts)
{
    struct fixture_replay c;

    fixture_replay_open(&c, TODAY);
    assert_string_equal(fixture_replay_health(&c).error, "");
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 2, 2), REPLAY_WITHIN);
    replay_close(&c.replay);
    fixture_replay_open(&c, TODAY + 10);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 2), REPLAY_WITHIN);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 2), REPLAY_OVER);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 2, 2), REPLAY_WITHIN);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 2, 2), REPLAY_OVER);
    assert_int_equal(replay_fd(c.replay), -1);
    assert_int_equal(replay_time_left(c.replay, c.mono_ms), -1);
    assert_false(replay_is_stale(c.replay));
    const struct replay_health health = fixture_replay_health(&c);
    assert_int_equal(health.failures, 0);
    assert_int_equal(health.entries, 2);
    assert_in_range(health.bytes, 3 * PAGE, 100 * PAGE);
    assert_string_equal(health.error, "");
    replay_close(&c.replay);
    assert_int_equal(fixture_replay_length(), LMDB_FILE_FIRST);
    assert_false(fixture_replay_is_there(".lost"));
}

/* The time of issue first, so that new ones are neighbours, whatever their nonces. */
TEST(keys_are_in_the_order_of_their_time)
{
    static const uint64_t issued[] = {0x61000000, 0x60ffffff, 0x610000ff, 0x61000100, 0x01000000};
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_dbi dbi;
    MDB_val key;
    MDB_val value;
    struct fixture_replay c;
    uint64_t last = 0;
    size_t count = 0;

    fixture_replay_open(&c, 0x61000200);
    for (size_t i = 0; i < sizeof issued / sizeof *issued; i++)
        assert_int_equal(fixture_replay_ask(&c, issued[i], i * 0x77777777777, 2), REPLAY_WITHIN);
    replay_close(&c.replay);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, fixture_replay_path, MDB_NOSUBDIR | MDB_RDONLY, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        const unsigned char *at = key.mv_data;
        if (lmdb_file_is_purged_key(&key))
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

TEST(what_nobody_takes_is_deleted_from_the_left)
{
    const uint64_t later = TODAY + FIXTURE_REPLAY_KEEP + 1; /* the first second is over then */
    struct fixture_replay c;

    fixture_replay_open(&c, TODAY);
    for (uint64_t second = 0; second < 5; second++) {
        for (size_t i = 0; i < 200; i++)
            fixture_replay_many[i] = fixture_replay_item(TODAY + second, second * 1000 + i, 4, 10);
        fixture_replay_turn(&c, fixture_replay_many, 200);
    }
    assert_int_equal(replay_purged(c.replay, c.unix_now), 0);
    assert_int_equal(fixture_replay_health(&c).entries, 10000);
    /* In steps: no turn shall take long. The mark goes with the first of them. */
    c.unix_now = later;
    assert_int_equal(fixture_replay_ask(&c, later, 1, 4), REPLAY_WITHIN);
    assert_int_equal(replay_purged(c.replay, c.unix_now), TODAY + 1);
    assert_int_equal(fixture_replay_health(&c).entries, 10000 - 2000 + 1 + 1);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 4), REPLAY_FAILED);
    assert_int_equal(fixture_replay_ask(&c, TODAY + 1, 1000, 4), REPLAY_WITHIN);
    c.unix_now = later + 3;
    assert_int_equal(fixture_replay_ask(&c, later, 1, 4), REPLAY_WITHIN);
    assert_int_equal(replay_purged(c.replay, c.unix_now), TODAY + 4);
    const uint64_t left = fixture_replay_health(&c).entries;
    assert_int_equal(left, 8002 - 4096);
    assert_int_equal(fixture_replay_ask(&c, later, 1, 4), REPLAY_WITHIN);
    assert_int_equal(fixture_replay_health(&c).entries, 2000 + 2);
    replay_close(&c.replay);
    /* Others hear of it as soon as they open it. */
    fixture_replay_open(&c, later + 3);
    assert_int_equal(replay_purged(c.replay, c.unix_now), TODAY + 4);
    assert_int_equal(fixture_replay_ask(&c, TODAY + 3, 3000, 4), REPLAY_FAILED);
    assert_int_equal(fixture_replay_ask(&c, TODAY + 4, 4000, 4), REPLAY_WITHIN);
    replay_close(&c.replay);
}

TEST(a_turn_may_bring_more_than_a_transaction_takes)
{
    static struct count_request items[3000];
    struct fixture_replay c;

    fixture_replay_open(&c, TODAY);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3000; i++)
            items[i] = fixture_replay_item(TODAY, i / 2, 4, 1); /* each twice in a turn */
        fixture_replay_turn(&c, items, 3000);
        for (size_t i = 0; i < 3000; i++)
            assert_int_equal(items[i].result, round < 2 ? REPLAY_WITHIN : REPLAY_OVER);
    }
    replay_close(&c.replay);
}

static size_t transactions(void)
{
    MDB_env *env = NULL;
    MDB_envinfo info;

    must(mdb_env_create(&env) == 0);
    must(mdb_env_open(env, fixture_replay_path, MDB_NOSUBDIR | MDB_RDONLY, 0600) == 0);
    must(mdb_env_info(env, &info) == 0);
    mdb_env_close(env);
    return info.me_last_txnid;
}

TEST(a_turn_is_one_transaction)
{
    struct fixture_replay c;

    fixture_replay_open(&c, TODAY);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 4), REPLAY_WITHIN);
    replay_close(&c.replay);
    const size_t before = transactions();
    fixture_replay_open(&c, TODAY);
    for (size_t i = 0; i < BATCH; i++)
        fixture_replay_many[i] = fixture_replay_item(TODAY, i, 4, 5);
    fixture_replay_turn(&c, fixture_replay_many, BATCH);
    fixture_replay_turn(&c, fixture_replay_many, 0); /* and one without a question is none */
    replay_close(&c.replay);
    assert_int_equal(transactions(), before + 1);
}

/* What is handed in and never committed is handed back. */
TEST(a_store_that_closes_is_done_with_all)
{
    struct count_request item = fixture_replay_item(TODAY, 1, 4, 1);
    struct fixture_replay c;

    fixture_replay_open(&c, TODAY);
    replay_submit(c.replay, &item, c.mono_ms, c.unix_now);
    replay_close(&c.replay);
    assert_int_equal(c.done, 1);
    assert_int_equal(item.result, REPLAY_FAILED);
}

/* In a process of its own: LMDB has one environment of a file in each. */
static bool begin_anew(void *context)
{
    struct fixture_replay c;
    struct clean_flag *mark = fixture_replay_flag();

    (void)context;
    clean_flag_set_damaged(mark);
    clean_flag_close(&mark);
    fixture_replay_open(&c, TODAY + 20);
    must(fixture_replay_ask(&c, TODAY + 21, 1, 1) == REPLAY_WITHIN);
    replay_close(&c.replay);
    return true;
}

TEST(whoever_counts_in_the_old_one_makes_way)
{
    struct fixture_replay c;

    fixture_replay_open(&c, TODAY);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 4), REPLAY_WITHIN);
    assert_int_equal(child_end(begin_anew, NULL), 0);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 4), REPLAY_FAILED);
    assert_true(replay_is_stale(c.replay));
    assert_non_null(strstr(fixture_replay_health(&c).error, "is damaged, or was recreated"));
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 4), REPLAY_FAILED);
    replay_close(&c.replay);
    fixture_replay_open(&c, TODAY + 20);
    assert_int_equal(fixture_replay_ask(&c, TODAY + 21, 1, 1), REPLAY_OVER);
    replay_close(&c.replay);
}

/* Somebody else stopped, and said that nobody counts any more. */
TEST(one_that_is_called_whole_while_it_is_in_use_is_opened_again)
{
    struct fixture_replay c;

    fixture_replay_open(&c, TODAY);
    struct clean_flag *mark = fixture_replay_flag();
    assert_true(clean_flag_set_clean(mark));
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 4), REPLAY_FAILED);
    assert_true(replay_is_stale(c.replay));
    assert_int_equal(clean_flag_state(mark), CLEAN_FLAG_CLEAN);
    clean_flag_close(&mark);
    replay_close(&c.replay);
    fixture_replay_open(&c, TODAY);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 4), REPLAY_WITHIN);
    replay_close(&c.replay);
}

TEST(one_that_is_removed_in_use_is_opened_again)
{
    static const char *const gone[] = {"", "-mark"};
    struct fixture_replay c;

    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        fixture_replay_open(&c, TODAY);
        assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 4), REPLAY_WITHIN);
        assert_int_equal(unlink(fixture_replay_beside(gone[i])), 0);
        assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 4), REPLAY_FAILED);
        assert_true(replay_is_stale(c.replay));
        assert_non_null(strstr(fixture_replay_health(&c).error, "was removed while it was in use"));
        replay_close(&c.replay);
        (void)unlink(fixture_replay_beside("-mark"));
        (void)unlink(fixture_replay_path);
    }
}

/* A store in which payloads 0 to 99 are used up, and in which something was counted at `latest`. */
static void fill_until(uint64_t latest)
{
    struct fixture_replay c;

    fixture_replay_fill();
    fixture_replay_open(&c, latest);
    assert_int_equal(fixture_replay_ask(&c, latest, 500, 1), REPLAY_WITHIN);
    replay_close(&c.replay);
}

/* At this time nothing is counted, the reason is said, and the store stays. */
static void is_uncounted_at(struct fixture_replay *c, uint64_t unix_now)
{
    c->unix_now = unix_now;
    assert_int_equal(fixture_replay_ask_all(c, 0, 100, REPLAY_FAILED), 0);
    assert_int_equal(fixture_replay_ask(c, unix_now, 1000, 1), REPLAY_FAILED);
    assert_non_null(strstr(fixture_replay_health(c).error, "the clock is behind 20"));
    assert_false(replay_is_stale(c->replay));
    assert_int_equal(replay_purged(c->replay, unix_now), 0);
}

/* A machine without a battery for its clock: it stands an hour behind after a power failure. */
TEST(a_store_that_is_lost_begins_at_the_latest_time_seen)
{
    const uint64_t latest = TODAY + 100;
    const uint64_t behind = latest - 3600;
    struct fixture_replay c;

    fill_until(latest);
    struct clean_flag *mark = fixture_replay_flag();
    clean_flag_set_damaged(mark);
    clean_flag_close(&mark);
    fixture_replay_open(&c, behind);
    is_uncounted_at(&c, behind);
    is_uncounted_at(&c, behind + 3299);
    c.unix_now = latest + 10; /* the clock is right again */
    assert_int_equal(fixture_replay_ask_all(&c, 0, 100, REPLAY_FAILED), 0);
    assert_int_equal(fixture_replay_ask(&c, latest, 501, 1), REPLAY_FAILED);
    assert_int_equal(fixture_replay_ask(&c, latest + 1, 502, 1), REPLAY_WITHIN);
    c.unix_now = latest + FIXTURE_REPLAY_HOUR - 1;
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 1), REPLAY_FAILED);
    replay_close(&c.replay);
}

TEST(a_store_that_was_purged_stays_when_the_clock_is_behind)
{
    const uint64_t later = TODAY + FIXTURE_REPLAY_KEEP + 1;
    struct fixture_replay c;

    fill_until(later);
    fixture_replay_open(&c, 5000); /* 1970 */
    is_uncounted_at(&c, 5000);
    c.unix_now = later;
    assert_int_equal(replay_purged(c.replay, later), TODAY + 1);
    assert_int_equal(fixture_replay_ask(&c, later, 500, 1), REPLAY_OVER);
    assert_string_equal(fixture_replay_health(&c).error, "");
    replay_close(&c.replay);
    assert_false(fixture_replay_is_there(".lost"));
}

TEST(a_clock_that_goes_back_for_a_moment_costs_no_count)
{
    struct fixture_replay c;

    fill_until(TODAY + 100);
    fixture_replay_open(&c, TODAY + 100);
    is_uncounted_at(&c, TODAY - 6 * 365 * UINT64_C(86400));
    c.unix_now = TODAY + 101;
    assert_int_equal(fixture_replay_ask_all(&c, 0, 100, REPLAY_OVER), 0);
    assert_string_equal(fixture_replay_health(&c).error, "");
    /* Clocks are set by a little all the time. */
    c.unix_now = TODAY + 101 - JUDGE_FUTURE;
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 1), REPLAY_OVER);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 600, 1), REPLAY_WITHIN);
    is_uncounted_at(&c, TODAY + 100 - JUDGE_FUTURE);
    replay_close(&c.replay);
    assert_false(fixture_replay_is_there(".lost"));
}

/* The administrator removes the mark: the time in it is forgotten, and the store is lost. */
TEST(a_clock_that_was_ahead_is_forgotten_with_the_mark)
{
    const uint64_t far = TODAY + 100 * FIXTURE_REPLAY_KEEP;
    struct fixture_replay c;

    fill_until(far);
    fixture_replay_open(&c, TODAY);
    is_uncounted_at(&c, TODAY);
    assert_non_null(strstr(fixture_replay_health(&c).error, "replay-mark"));
    assert_int_equal(unlink(fixture_replay_beside("-mark")), 0);
    assert_int_equal(fixture_replay_ask(&c, TODAY, 1, 1), REPLAY_FAILED);
    assert_true(replay_is_stale(c.replay));
    replay_close(&c.replay);
    fixture_replay_is_recreated(TODAY + 20);
}
