// SPDX-License-Identifier: ISC
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture_recorder.h"
#include "recorder/recording.h"
#include "replay/clean_flag.h"
#include "unit.h"

#define ALL "SELECT count(*) FROM event"
#define DIFFERENT "SELECT count(DISTINCT ms) FROM event"

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(one_that_is_killed_loses_nothing)
{
    struct fixture_recorder p;
    const unsigned kills = 12;
    const uint32_t each = 5000;
    uint32_t count = 0;

    fixture_recorder_open(&p);
    for (unsigned i = 0; i < kills; i++) {
        const uint64_t before = p.counters->events_recorded;
        fixture_recorder_start(&p);
        fixture_recorder_put(&p, count, each);
        count += each;
        /* Sometimes in the middle of the first batch, or of another. */
        if (i % 3 > 0)
            fixture_recorder_wait_for_count(&p, &p.counters->events_recorded, before + i % 3);
        fixture_recorder_kill(&p);
    }
    fixture_recorder_start(&p);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    fixture_recorder_check_number(&p, DIFFERENT, count);
    fixture_recorder_check_number(&p, "SELECT count(*) FROM event_gap", 0);
    /* A batch that was written and not taken yet is written again. */
    const int64_t all = fixture_recorder_asked(&p, ALL).number;
    assert_true(all <= count + kills * RECORDING_BATCH);
    assert_true(p.counters->events_recorded <= (uint64_t)all);
    fixture_recorder_close(&p);
}

/* Workers may go on for a moment. */
TEST(without_a_parent_it_records_and_ends)
{
    struct fixture_recorder p;

    fixture_recorder_open(&p);
    fixture_recorder_start(&p);
    fixture_recorder_put(&p, 0, 10);
    fixture_recorder_wait_for_number(&p, ALL, 10);
    close(p.control);
    p.control = -1;
    fixture_recorder_put(&p, 10, 10);
    assert_int_equal(fixture_recorder_end(&p), 0);
    fixture_recorder_check_number(&p, DIFFERENT, 20);
    fixture_recorder_close(&p);
}

/* What the mark beside the store of replay counts holds. */
static size_t read_mark(const struct fixture_recorder *p, char *buffer_r, size_t size)
{
    char path[FOLDER_PATH_MAX];

    folder_path(&p->folder, "replay-mark", path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const ssize_t len = read(fd, buffer_r, size);
    assert_true(len > 0);
    close(fd);
    return (size_t)len;
}

static void make_counts(const struct fixture_recorder *p)
{
    char path[FOLDER_PATH_MAX];
    char error[CLEAN_FLAG_ERROR_MAX];

    folder_write(&p->folder, "replay", "counts", 6, 0600);
    folder_path(&p->folder, "replay", path);
    fixture_recorder_give_away(p, path);
    folder_path(&p->folder, "replay-mark", path);
    struct clean_flag *mark = clean_flag_open(path, error);
    assert_non_null(mark);
    assert_true(clean_flag_lock(mark));
    assert_true(clean_flag_use(mark));
    clean_flag_unlock(mark);
    clean_flag_close(&mark);
    fixture_recorder_give_away(p, path);
}

/* Only when nobody counts any more. */
TEST(store_of_counts_is_marked_at_the_end)
{
    static const char orders[] = {RECORDER_STOP, RECORDER_HAND_OVER, 0};
    char before[4096];
    char after[4096];

    for (size_t i = 0; i < sizeof orders; i++) {
        struct fixture_recorder p;
        fixture_recorder_open(&p);
        make_counts(&p);
        const size_t len = read_mark(&p, before, sizeof before);
        fixture_recorder_start(&p);
        fixture_recorder_put(&p, 0, 1);
        fixture_recorder_wait_for_number(&p, ALL, 1);
        if (orders[i] == 0) {
            close(p.control);
            p.control = -1;
            assert_int_equal(fixture_recorder_end(&p), 0);
        } else {
            assert_int_equal(fixture_recorder_tell(&p, orders[i]), 0);
        }
        assert_int_equal(read_mark(&p, after, sizeof after), len);
        assert_int_equal(memcmp(before, after, len) != 0, orders[i] == RECORDER_STOP);
        assert_int_equal(p.counters->alarms[COUNTER_ALARM_REPLAY], 0);
        fixture_recorder_close(&p);
    }
}

/* Another program holds the lock of the store of events: the store of counts is marked all the
 * same, and the end comes. */
TEST(store_that_hangs_delays_no_counts)
{
    struct fixture_recorder p;
    sqlite3 *other = NULL;
    char path[FOLDER_PATH_MAX];
    char before[4096];
    char after[4096];

    fixture_recorder_open(&p);
    make_counts(&p);
    const size_t len = read_mark(&p, before, sizeof before);
    fixture_recorder_start(&p);
    fixture_recorder_put(&p, 0, 1);
    fixture_recorder_wait_for_number(&p, ALL, 1);
    folder_path(&p.folder, "events.db", path);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    fixture_recorder_put(&p, 1, 5);
    (void)fixture_recorder_tell(&p, RECORDER_STOP);
    assert_int_equal(read_mark(&p, after, sizeof after), len);
    assert_int_not_equal(memcmp(before, after, len), 0);
    assert_int_equal(fixture_recorder_count_lines(&p, "level=error event=events-lost"), 1);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    fixture_recorder_check_number(&p, ALL, 1);
    fixture_recorder_close(&p);
}

TEST(counts_that_cannot_be_synced_are_an_alarm)
{
    struct fixture_recorder p;
    char path[FOLDER_PATH_MAX];

    fixture_recorder_open(&p);
    folder_path(&p.folder, "replay", path);
    assert_int_equal(mkdir(path, 0700), 0);
    fixture_recorder_start(&p);
    fixture_recorder_wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_REPLAY], 2);
    fixture_recorder_put(&p, 0, 1);
    fixture_recorder_wait_for_number(&p, ALL, 1);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_STOP), 0);
    fixture_recorder_close(&p);
}

static int listen_at(const struct fixture_recorder *p, struct sockaddr_un *address_r)
{
    char path[FOLDER_PATH_MAX];
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    folder_path(&p->folder, "metrics", path);
    assert_true(strlen(path) < sizeof address_r->sun_path);
    *address_r = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address_r->sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)address_r, sizeof *address_r), 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

static void check_metrics(const struct sockaddr_un *address, const char *want)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static char answer[1 << 18];
    size_t len = 0;
    ssize_t got;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = unit_patience(60)};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    while ((got = recv(fd, answer + len, sizeof answer - 1 - len, 0)) > 0)
        len += (size_t)got;
    answer[len] = '\0';
    close(fd);
    if (strstr(answer, want) == NULL) {
        print_error("got `%s`, want `%s` in it\n", answer, want);
        fail();
    }
}

/* Under the filter, and while the store of events fails. */
TEST(counters_are_shown)
{
    struct fixture_recorder p;
    struct sockaddr_un address;
    char path[FOLDER_PATH_MAX];

    fixture_recorder_open(&p);
    folder_path(&p.folder, "events.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    p.setup.metrics = listen_at(&p, &address);
    fixture_recorder_start(&p);
    check_metrics(&address, "\nverimail_events_dropped_total 0\n");
    atomic_store(&p.counters->events_dropped, 17);
    check_metrics(&address, "\nverimail_events_dropped_total 17\n");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    /* Another goes on with the same socket. */
    fixture_recorder_start(&p);
    check_metrics(&address, "\nverimail_events_dropped_total 17\n");
    fixture_recorder_kill(&p);
    fixture_recorder_start(&p);
    check_metrics(&address, "\nverimail_events_dropped_total 17\n");
    fixture_recorder_close(&p);
    close(p.setup.metrics);
}

/* Signals are for the parent. */
TEST(signals_do_not_end_it)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    struct fixture_recorder p;

    fixture_recorder_open(&p);
    fixture_recorder_start(&p);
    fixture_recorder_put(&p, 0, 1);
    fixture_recorder_wait_for_number(&p, ALL, 1);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        kill(p.pid, signals[i]);
    fixture_recorder_put(&p, 1, 1);
    fixture_recorder_wait_for_number(&p, ALL, 2);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_HAND_OVER), 0);
    fixture_recorder_close(&p);
}

TEST(nothing_to_record_is_no_trouble)
{
    static char none[] = "none";
    struct fixture_recorder p;

    fixture_recorder_open(&p);
    p.setup.store = none;
    p.setup.replay = none;
    p.setup.alarm_forgeries = 0;
    fixture_recorder_start(&p);
    fixture_recorder_put(&p, 0, 100);
    fixture_recorder_wait_for_count(&p, &p.counters->events_recorded, 100);
    assert_int_equal(fixture_recorder_tell(&p, RECORDER_STOP), 0);
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_EVENTS], 0);
    fixture_recorder_close(&p);
}
