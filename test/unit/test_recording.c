// SPDX-License-Identifier: ISC
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fixture_recorder.h"
#include "recorder/recording.h"
#include "unit.h"

#define ALL "SELECT count(*) FROM event"
#define DIFFERENT "SELECT count(DISTINCT ms) FROM event"

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(records_what_comes)
{
    struct fixture_recorder p;

    fixture_recorder_open(&p);
    fixture_recorder_start(&p);
    fixture_recorder_put(&p, 0, 3);
    fixture_recorder_wait_for_number(&p, ALL, 3);
    fixture_recorder_put_about(&p, "bob@example.org", VERDICT_NO, REASON_FORGED, 3);
    fixture_recorder_wait_for_number(&p, ALL, 4);
    fixture_recorder_check_text(&p, "SELECT verdict FROM event WHERE ms = 3", "NO");
    fixture_recorder_check_text(&p, "SELECT reason FROM event WHERE ms = 3", "forged");
    fixture_recorder_check_text(&p, "SELECT ip FROM event WHERE ms = 3", "192.0.2.77");
    fixture_recorder_check_text(&p, "SELECT asker FROM event WHERE ms = 3", "2001:db8:7:8::9");
    fixture_recorder_check_number(&p, "SELECT count(*) FROM event_gap", 0);
    fixture_recorder_wait_for_count(&p, &p.counters->events_recorded, 4);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    assert_int_equal(p.counters->events_recorded, 4);
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_EVENTS], 0);
    fixture_recorder_close(&p);
}

/* Several batches, and the order comes at once. */
TEST(records_what_is_left)
{
    static const char orders[] = {RECORDER_STOP, RECORDER_HAND_OVER};

    for (size_t i = 0; i < sizeof orders; i++) {
        struct fixture_recorder p;
        fixture_recorder_open(&p);
        fixture_recorder_put(&p, 0, 3 * RECORDING_BATCH + 1);
        fixture_recorder_start(&p);
        assert_int_equal(fixture_recorder_tell(&p, orders[i]), 0);
        fixture_recorder_check_number(&p, ALL, 3 * RECORDING_BATCH + 1);
        fixture_recorder_check_number(&p, DIFFERENT, 3 * RECORDING_BATCH + 1);
        fixture_recorder_close(&p);
    }
}

TEST(what_did_not_fit_is_a_gap)
{
    struct fixture_recorder p;
    uint64_t put_all = 0;

    fixture_recorder_open(&p);
    /* Nobody reads: far more than a ring holds. */
    put_all = 2 * RING_OCTETS / 64;
    fixture_recorder_put(&p, 0, (uint32_t)put_all);
    fixture_recorder_start(&p);
    fixture_recorder_wait_for_count(&p, &p.counters->events_dropped, 1);
    /* At its end it has only some seconds. */
    fixture_recorder_wait_for_number(&p,
            "SELECT (SELECT count(*) FROM event) + (SELECT coalesce(sum(lost), 0) FROM event_gap)",
            (int64_t)put_all);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    const int64_t kept = fixture_recorder_asked(&p, DIFFERENT).number;
    const int64_t lost = fixture_recorder_asked(&p, "SELECT sum(lost) FROM event_gap").number;
    fixture_recorder_check_number(&p, ALL, kept);
    assert_int_equal(kept + lost, put_all);
    assert_int_equal(p.counters->events_dropped, lost);
    assert_int_equal(p.counters->events_recorded, kept);
    fixture_recorder_close(&p);
}

/* The store fails until a recorder ends: the next one has the gap on record. */
TEST(what_one_recorder_lost_the_next_records)
{
    struct fixture_recorder p;
    char path[FOLDER_PATH_MAX];

    fixture_recorder_open(&p);
    folder_path(&p.folder, "events.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    fixture_recorder_start(&p);
    fixture_recorder_put(&p, 0, 100);
    ring_put(p.rings[0], &(struct event){.left_out = true});
    fixture_recorder_wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_EVENTS], 1);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    assert_int_equal(p.counters->events_dropped, 100);
    assert_int_equal(rmdir(path), 0);
    fixture_recorder_start(&p);
    fixture_recorder_wait_for_number(&p, "SELECT sum(lost) FROM event_gap", 100);
    fixture_recorder_check_number(&p, "SELECT sum(left_out) FROM event_gap", 1);
    assert_int_equal(p.counters->gap_lost, 0);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    fixture_recorder_close(&p);
}

/* Those left out are counted once a minute and at the end. They count as forgeries. */
TEST(what_is_left_out_is_counted)
{
    struct fixture_recorder p;

    fixture_recorder_open(&p);
    fixture_recorder_start(&p);
    fixture_recorder_put(&p, 0, 5);
    for (int i = 0; i < 500; i++)
        ring_put(p.rings[i % 2], &(struct event){.verdict = VERDICT_NO,
                                         .reason = REASON_UNSTAMPED,
                                         .user = text_of("carol@example.org"),
                                         .left_out = true});
    fixture_recorder_wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_FORGERIES], 1);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    fixture_recorder_check_number(&p, ALL, 5);
    fixture_recorder_check_number(&p, "SELECT sum(left_out) FROM event_gap", 500);
    assert_true(fixture_recorder_asked(&p, "SELECT count(*) FROM event_gap").number <= 2);
    fixture_recorder_close(&p);
}

/* One stamp with many texts: one alarm, which says what to do, also across a restart. */
TEST(one_alarm_for_a_stamp)
{
    struct fixture_recorder p;

    fixture_recorder_open(&p);
    for (int start = 0; start < 2; start++) {
        fixture_recorder_start(&p);
        for (int i = 0; i < 500; i++) {
            char digest[DIGEST_TEXT + 1];
            snprintf(digest, sizeof digest, "%043d", i);
            ring_put(p.rings[i % 2], &(struct event){.time = unix_ms(),
                                             .verdict = VERDICT_ALLOW,
                                             .reason = REASON_CHANGED,
                                             .user = text_of("alice@example.org"),
                                             .stamp = text_of("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"),
                                             .issued = 1780272000,
                                             .digest = text_of(digest),
                                             .changed = true});
        }
        fixture_recorder_wait_for_number(&p, ALL, 500 * (start + 1));
        assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    }
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_TEXTS], 1);
    assert_int_equal(
            fixture_recorder_count_lines(&p,
                    "event=alarm about=texts subject=alice@example.org because=\"more than 20 "
                    "different texts came with one stamp, AAECAwQFBgcICQoLDA0ODxAREhMUFRYX, issued "
                    "at 2026-06-01T00:00:00Z\" remedy=\"`not_before = 2026-06-01T00:00:01Z` in "
                    "the rule of alice@example.org; `verimail revoke alice@example.org --sent` "
                    "sets it to now\""),
            1);
    fixture_recorder_close(&p);
}

/* A user who sends to many domains: one alarm in a day, also across a restart. What was learned
 * about the user survives it, too. */
TEST(one_alarm_for_a_user_who_sends_to_many)
{
    struct fixture_recorder p;
    char learned[256];

    fixture_recorder_open(&p);
    for (uint32_t start = 0; start < 2; start++) {
        fixture_recorder_start(&p);
        for (uint32_t i = 0; i < 100 * (start * 9 + 1); i++) {
            char receiving[32];
            snprintf(receiving, sizeof receiving, "d%u.example", i);
            ring_put(p.rings[i % 2], &(struct event){.time = unix_ms(),
                                             .verdict = VERDICT_YES,
                                             .reason = REASON_STAMPED,
                                             .user = text_of("alice@example.org"),
                                             .receiving = text_of(receiving)});
        }
        fixture_recorder_wait_for_number(&p, ALL, start * 1000 + 100);
        assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
        assert_true(folder_read(&p.folder, "sending", learned, sizeof learned));
        assert_null(strstr(learned, "alice"));
        const char *second = strchr(learned, '\n');
        assert_non_null(second);
        assert_true(strlen(second) > 16);
    }
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_SENDING], 1);
    assert_int_equal(fixture_recorder_count_lines(&p,
                             "event=alarm about=sending subject=alice@example.org because=\"sent "
                             "to some 61 receiving domains within an hour; usual: not known, below "
                             "60\" remedy=\"`verimail revoke alice@example.org` if it was not"),
            1);
    fixture_recorder_close(&p);
}

/* Payloads from the future, of two hosts, many times. A host that is as little ahead as clocks may
 * be is none. */
TEST(one_alarm_for_a_host_whose_clock_is_ahead)
{
    static const struct {
        const char *host;
        uint64_t ahead;
    } stamps[] = {
            {"mail.example.org", 3600},
            {"mail.example.org", 3601},
            {"fine.example.org", 59},
            {"mail.example.org", 3599},
    };
    struct fixture_recorder p;
    uint32_t count = 0;

    fixture_recorder_open(&p);
    for (int start = 0; start < 2; start++) {
        for (size_t i = 0; i < sizeof stamps / sizeof *stamps; i++, count++)
            ring_put(p.rings[0], &(struct event){.time = unix_ms(),
                                         .verdict = VERDICT_ALLOW,
                                         .reason = REASON_EXPIRED,
                                         .user = text_of("alice@example.org"),
                                         .host = text_of(stamps[i].host),
                                         .stamp = text_of("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"),
                                         .issued = unix_now() + stamps[i].ahead});
        fixture_recorder_start(&p);
        fixture_recorder_wait_for_number(&p, ALL, count);
        assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    }
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_CLOCK], 1);
    assert_int_equal(
            fixture_recorder_count_lines(&p,
                    "event=alarm about=clock subject=mail.example.org because=\"a payload of this "
                    "host is from 360") == 1 ||
                    fixture_recorder_count_lines(&p, "a payload of this host is from 359") == 1,
            1);
    fixture_recorder_close(&p);
}

/* A folder stands where the file should be, and then no longer. */
TEST(store_that_fails_is_tried_again)
{
    struct fixture_recorder p;
    char path[FOLDER_PATH_MAX];

    fixture_recorder_open(&p);
    folder_path(&p.folder, "events.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    fixture_recorder_start(&p);
    fixture_recorder_put(&p, 0, 100);
    for (uint32_t i = 100; i < 201; i++)
        fixture_recorder_put_about(&p, "carol@example.org", VERDICT_NO, REASON_UNSTAMPED, i);
    /* Forgeries are noticed all the same. */
    fixture_recorder_wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_FORGERIES], 1);
    fixture_recorder_wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_EVENTS], 2);
    assert_int_equal(p.counters->events_recorded, 0);
    /* Each of them once: as many again are not yet another alarm's worth. */
    assert_int_equal(rmdir(path), 0);
    fixture_recorder_wait_for_number(&p, ALL, 201);
    fixture_recorder_check_number(&p, DIFFERENT, 201);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_FORGERIES], 1);
    assert_int_equal(p.counters->events_dropped, 0);
    assert_int_equal(fixture_recorder_count_lines(&p, "event=alarm about=events"), 1);
    assert_int_equal(fixture_recorder_count_lines(&p, "event=events-recorded-again"), 1);
    assert_int_equal(fixture_recorder_count_lines(&p,
                             "event=alarm about=forgeries subject=carol@example.org "
                             "because=\"more than 100 forgeries in an hour, most from "
                             "192.0.2.0/24\""),
            1);
    fixture_recorder_close(&p);
}

/* Dave's alarm shows that the second recorder was there, and had nothing to say about carol. */
TEST(alarm_is_not_raised_again_by_the_next_recorder)
{
    static const char *const users[] = {"carol@example.org", "dave@example.org"};
    struct fixture_recorder p;
    uint32_t id = 0;

    fixture_recorder_open(&p);
    for (size_t recorder = 0; recorder < 2; recorder++) {
        fixture_recorder_start(&p);
        for (size_t user = 0; user <= recorder; user++)
            for (size_t i = 0; i < 101; i++)
                fixture_recorder_put_about(&p, users[user], VERDICT_NO, REASON_UNSTAMPED, id++);
        fixture_recorder_wait_for_count(
                &p, &p.counters->alarms[COUNTER_ALARM_FORGERIES], recorder + 1);
        assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    }
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_FORGERIES], 2);
    for (size_t user = 0; user < 2; user++) {
        char line[128];
        snprintf(line, sizeof line, "event=alarm about=forgeries subject=%s", users[user]);
        assert_int_equal(fixture_recorder_count_lines(&p, line), 1);
    }
    fixture_recorder_close(&p);
}

/* There is a limit to how long the end may take; then it is said how many are lost. */
TEST(what_is_lost_at_the_end_is_counted)
{
    struct fixture_recorder p;
    char path[FOLDER_PATH_MAX];

    fixture_recorder_open(&p);
    folder_path(&p.folder, "events.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    fixture_recorder_put(&p, 0, 2 * RECORDING_BATCH + 1);
    fixture_recorder_start(&p);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    assert_int_equal(p.counters->events_dropped, 2 * RECORDING_BATCH + 1);
    assert_int_equal(p.counters->events_recorded, 0);
    assert_int_equal(
            fixture_recorder_count_lines(&p, "level=error event=events-lost count=8193"), 1);
    assert_int_equal(rmdir(path), 0);
    fixture_recorder_close(&p);
}

/* The store fails again and again, and the same 60 forgeries are looked at as often: with a limit
 * of 100 they are never an alarm. */
TEST(forgeries_are_counted_once)
{
    struct fixture_recorder p;
    char path[FOLDER_PATH_MAX];

    fixture_recorder_open(&p);
    folder_path(&p.folder, "events.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    for (uint32_t i = 0; i < 60; i++)
        fixture_recorder_put_about(&p, "carol@example.org", VERDICT_NO, REASON_UNSTAMPED, i);
    fixture_recorder_start(&p);
    fixture_recorder_wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_EVENTS], 4);
    assert_int_equal(rmdir(path), 0);
    fixture_recorder_wait_for_number(&p, ALL, 60);
    for (uint32_t i = 60; i < 100; i++)
        fixture_recorder_put_about(&p, "carol@example.org", VERDICT_NO, REASON_UNSTAMPED, i);
    fixture_recorder_wait_for_number(&p, ALL, 100);
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_FORGERIES], 0);
    fixture_recorder_put_about(&p, "carol@example.org", VERDICT_NO, REASON_UNSTAMPED, 100);
    fixture_recorder_wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_FORGERIES], 1);
    fixture_recorder_close(&p);
}

TEST(file_that_is_removed_is_made_again)
{
    static const char *const names[] = {"events.db", "events.db-wal", "events.db-shm"};
    struct fixture_recorder p;
    char path[FOLDER_PATH_MAX];

    fixture_recorder_open(&p);
    fixture_recorder_start(&p);
    fixture_recorder_put(&p, 0, 10);
    fixture_recorder_wait_for_number(&p, ALL, 10);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        folder_path(&p.folder, names[i], path);
        assert_int_equal(unlink(path), 0);
    }
    fixture_recorder_put(&p, 10, 7);
    fixture_recorder_wait_for_number(&p, ALL, 7);
    fixture_recorder_wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_EVENTS], 1);
    fixture_recorder_close(&p);
}

/* All of it but the first page and the next, so that it shows only when one writes. */
TEST(file_that_is_damaged_is_set_aside)
{
    struct fixture_recorder p;
    struct stat st;
    char path[FOLDER_PATH_MAX];

    fixture_recorder_open(&p);
    fixture_recorder_put(&p, 0, 2000);
    fixture_recorder_start(&p);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    fixture_recorder_check_number(&p, ALL, 2000);
    folder_path(&p.folder, "events.db", path);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t at = 8192; at < st.st_size; at++)
        assert_int_equal(pwrite(fd, "\xa5", 1, at), 1);
    close(fd);
    fixture_recorder_start(&p);
    fixture_recorder_put(&p, 2000, 5);
    fixture_recorder_wait_for_number(&p, ALL, 5);
    folder_path(&p.folder, "events.db.damaged", path);
    assert_int_equal(stat(path, &st), 0);
    fixture_recorder_wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_EVENTS], 1);
    fixture_recorder_close(&p);
}

TEST(addresses_are_told_as_far_as_they_may)
{
    static char full[] = "full", network[] = "network", none[] = "none";
    static const struct {
        char *word;
        const char *ip;
        const char *asker;
    } cases[] = {
            {full, "192.0.2.77", "2001:db8:7:8::9"},
            {network, "192.0.2.0", "2001:db8:7::"},
            {none, "", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture_recorder p;
        fixture_recorder_open(&p);
        p.setup.ip = cases[i].word;
        fixture_recorder_put(&p, 0, 3);
        fixture_recorder_start(&p);
        assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
        fixture_recorder_check_text(&p, "SELECT ip FROM event", cases[i].ip);
        fixture_recorder_check_text(&p, "SELECT asker FROM event", cases[i].asker);
        fixture_recorder_check_number(&p, "SELECT count(DISTINCT ip) FROM event", 1);
        fixture_recorder_check_number(&p, ALL, 3);
        fixture_recorder_close(&p);
    }
}

TEST(what_is_old_is_deleted)
{
    struct fixture_recorder p;
    const uint64_t now = unix_ms();

    fixture_recorder_open(&p);
    for (uint32_t i = 0; i < 20000; i++) {
        const struct event event = {.time = now - (90 + i % 2 * 2 - 1) * FIXTURE_RECORDER_DAY,
                .verdict = VERDICT_YES,
                .reason = REASON_STAMPED,
                .user = text_of("alice@example.org"),
                .milliseconds = i};
        ring_put(p.rings[0], &event);
    }
    fixture_recorder_start(&p);
    fixture_recorder_wait_for_count(&p, &p.counters->events_recorded, 20000);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    ring_put(p.rings[0], &(struct event){.time = now, .milliseconds = 20000});
    fixture_recorder_start(&p);
    fixture_recorder_wait_for_number(&p, ALL, 10001);
    fixture_recorder_check_number(&p, "SELECT count(*) FROM event WHERE ms % 2 = 1", 0);
    fixture_recorder_close(&p);
}
