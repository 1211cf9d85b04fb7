// SPDX-License-Identifier: ISC
// cmocka.h needs these before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "events/store.h"
#include "folder.h"
#include "recorder/recorder.h"
#include "recorder/recording.h"
#include "replay/mark.h"

#define PATIENCE 60000 /* milliseconds until something that must come has not */
#define RINGS 2
#define DAY UINT64_C(86400000) /* milliseconds */

/* What a parent has: a recorder and what is shared with it. */
struct parent {
    struct folder folder;
    struct config_service service;
    struct identity identity;
    struct counters *counters;
    struct ring *rings[RINGS];
    struct recorder_setup setup;
    pid_t pid;
    int control;
    char events[FOLDER_PATH_MAX + 16]; /* the store's address */
    char replay[FOLDER_PATH_MAX + 16];
};

/* As root, whose files are a recorder's is known by its user alone. */
static void give_away(const struct parent *p, const char *path)
{
    if (p->identity.is_root)
        assert_int_equal(chown(path, p->identity.uid, p->identity.gid), 0);
}

static void parent_open(struct parent *p)
{
    char path[FOLDER_PATH_MAX];

    *p = (struct parent){.folder = folder_make(), .control = -1};
    assert_true(identity_find("nobody", &p->identity));
    give_away(p, p->folder.path);
    folder_path(&p->folder, "events.db", path);
    snprintf(p->events, sizeof p->events, "sqlite:%s", path);
    folder_path(&p->folder, "replay", path);
    snprintf(p->replay, sizeof p->replay, "lmdb:%s", path);
    static char full[] = "full";
    p->service = (struct config_service){
            .replay.at = p->replay,
            .events.at = p->events,
            .events_keep = 90 * DAY / 1000,
            .events_ip.at = full,
            .alarm_forgeries = 100,
    };
    p->counters = counters_init();
    assert_non_null(p->counters);
    for (size_t i = 0; i < RINGS; i++) {
        p->rings[i] = ring_init();
        assert_non_null(p->rings[i]);
    }
    p->setup = (struct recorder_setup){.service = &p->service,
            .identity = &p->identity,
            .metrics = -1,
            .counters = p->counters,
            .rings = p->rings,
            .rings_count = RINGS};
}

/* What it logs lies in a file beside its store. */
static void be_recorder(struct parent *p, int control)
{
    char path[FOLDER_PATH_MAX];

    folder_path(&p->folder, "log", path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
        _exit(99);
    log_init();
    p->setup.control = control;
    _exit(recorder_run(&p->setup));
}

static void start(struct parent *p)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    p->control = pair[0];
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        close(pair[0]);
        be_recorder(p, pair[1]);
    }
    close(pair[1]);
}

/* The status with which it ended, as waitpid(2) says it. */
static int end(struct parent *p)
{
    int status = -1;

    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    p->pid = 0;
    if (p->control >= 0)
        close(p->control);
    p->control = -1;
    return status;
}

static int tell(struct parent *p, char order)
{
    assert_int_equal(send(p->control, &order, 1, MSG_NOSIGNAL), 1);
    return end(p);
}

static void be_killed(struct parent *p)
{
    kill(p->pid, SIGKILL);
    assert_true(WIFSIGNALED(end(p)));
}

static void parent_close(struct parent *p)
{
    if (p->pid != 0)
        be_killed(p);
    for (size_t i = 0; i < RINGS; i++)
        ring_free(&p->rings[i]);
    counters_free(&p->counters);
    folder_remove(&p->folder);
}

static void put_about(struct parent *p, const char *user, enum verdict verdict, enum reason reason,
        uint32_t number)
{
    const struct event event = {.time = clock_unix_milliseconds(),
            .verdict = verdict,
            .reason = reason,
            .user = text_of(user),
            .host = text_of("mail.example.org"),
            .receiving = text_of("example.net,example.com"),
            .ip = text_of("192.0.2.77"),
            .asker = text_of("2001:db8:7:8::9"),
            .listed = true,
            .milliseconds = number};

    ring_put(p->rings[number % RINGS], &event);
}

/* Events are told apart by a number, which is said to be the milliseconds that they took. */
static void put(struct parent *p, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        put_about(p, "alice@example.org", VERDICT_YES, REASON_STAMPED, i);
}

static bool keep_first(void *context, const struct eventstore_value *values, size_t count)
{
    struct eventstore_value *value = context;
    static char room[256];

    if (count > 0) {
        *value = values[0];
        if (value->is_text)
            snprintf(room, sizeof room, "%.*s", (int)value->text.len, value->text.at);
        value->text = text_of(room);
    }
    return false;
}

/* The first value of the first row; a number -1 while there is no store. */
static struct eventstore_value asked(const struct parent *p, const char *sql)
{
    struct eventstore_value value = {.number = -1};
    char why[EVENTSTORE_WHY_MAX];
    struct eventstore *store = eventstore_open(p->events, EVENTSTORE_READ, why);

    if (store == NULL)
        return value;
    if (!eventstore_query(store, sql, NULL, 0, keep_first, &value))
        value.number = -1;
    eventstore_close(&store);
    return value;
}

static void nap(void)
{
    const struct timespec time = {.tv_nsec = 10000000};

    nanosleep(&time, NULL);
}

static void show_log(const struct parent *p)
{
    static char log[1 << 20];

    if (folder_read(&p->folder, "log", log, sizeof log))
        print_error("the log:\n%s", log);
}

static void wait_for_number(const struct parent *p, const char *sql, int64_t want)
{
    const uint64_t limit = clock_milliseconds() + PATIENCE;
    int64_t got = asked(p, sql).number;

    while (got != want && clock_milliseconds() < limit) {
        nap();
        got = asked(p, sql).number;
    }
    if (got != want) {
        print_error("%s: got %lld, want %lld\n", sql, (long long)got, (long long)want);
        show_log(p);
        fail();
    }
}

static void wait_for_count(const struct parent *p, const _Atomic uint64_t *counter, uint64_t least)
{
    const uint64_t limit = clock_milliseconds() + PATIENCE;

    while (atomic_load(counter) < least && clock_milliseconds() < limit)
        nap();
    if (atomic_load(counter) < least) {
        print_error("got %llu, want %llu\n", (unsigned long long)atomic_load(counter),
                (unsigned long long)least);
        show_log(p);
        fail();
    }
}

static void check_number(const struct parent *p, const char *sql, int64_t want)
{
    const int64_t got = asked(p, sql).number;

    if (got != want) {
        print_error("%s: got %lld, want %lld\n", sql, (long long)got, (long long)want);
        show_log(p);
        fail();
    }
}

static void check_text(const struct parent *p, const char *sql, const char *want)
{
    const struct eventstore_value got = asked(p, sql);

    if (!got.is_text || !text_equal(got.text, text_of(want))) {
        print_error("%s: got `%.*s`, want `%s`\n", sql, (int)got.text.len,
                got.is_text ? got.text.at : "", want);
        fail();
    }
}

#define ALL "SELECT count(*) FROM event"
#define DIFFERENT "SELECT count(DISTINCT ms) FROM event"

static void records_what_comes(void **state)
{
    struct parent p;

    (void)state;
    parent_open(&p);
    start(&p);
    put(&p, 0, 3);
    wait_for_number(&p, ALL, 3);
    put_about(&p, "bob@example.org", VERDICT_NO, REASON_FORGED, 3);
    wait_for_number(&p, ALL, 4);
    check_text(&p, "SELECT verdict FROM event WHERE ms = 3", "NO");
    check_text(&p, "SELECT reason FROM event WHERE ms = 3", "forged");
    check_text(&p, "SELECT ip FROM event WHERE ms = 3", "192.0.2.77");
    check_text(&p, "SELECT asker FROM event WHERE ms = 3", "2001:db8:7:8::9");
    check_number(&p, "SELECT count(*) FROM gap", 0);
    wait_for_count(&p, &p.counters->events_recorded, 4);
    assert_int_equal(tell(&p, RECORDER_HAND_OVER), 0);
    assert_int_equal(p.counters->events_recorded, 4);
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_EVENTS], 0);
    parent_close(&p);
}

/* Several batches, and the order comes at once. */
static void records_what_is_left(void **state)
{
    static const char orders[] = {RECORDER_STOP, RECORDER_HAND_OVER};

    (void)state;
    for (size_t i = 0; i < sizeof orders; i++) {
        struct parent p;
        parent_open(&p);
        put(&p, 0, 3 * RECORDING_BATCH + 1);
        start(&p);
        assert_int_equal(tell(&p, orders[i]), 0);
        check_number(&p, ALL, 3 * RECORDING_BATCH + 1);
        check_number(&p, DIFFERENT, 3 * RECORDING_BATCH + 1);
        parent_close(&p);
    }
}

static void one_that_is_killed_loses_nothing(void **state)
{
    struct parent p;
    const unsigned kills = 12;
    const uint32_t each = 5000;
    uint32_t count = 0;

    (void)state;
    parent_open(&p);
    for (unsigned i = 0; i < kills; i++) {
        const uint64_t before = p.counters->events_recorded;
        start(&p);
        put(&p, count, each);
        count += each;
        /* Sometimes in the middle of the first batch, or of another. */
        if (i % 3 > 0)
            wait_for_count(&p, &p.counters->events_recorded, before + i % 3);
        be_killed(&p);
    }
    start(&p);
    assert_int_equal(tell(&p, RECORDER_HAND_OVER), 0);
    check_number(&p, DIFFERENT, count);
    check_number(&p, "SELECT count(*) FROM gap", 0);
    /* A batch that was written and not taken yet is written again. */
    const int64_t all = asked(&p, ALL).number;
    assert_true(all <= count + kills * RECORDING_BATCH);
    assert_true(p.counters->events_recorded <= (uint64_t)all);
    parent_close(&p);
}

static void what_did_not_fit_is_a_gap(void **state)
{
    struct parent p;
    uint64_t put_all = 0;

    (void)state;
    parent_open(&p);
    /* Nobody reads: far more than a ring holds. */
    put_all = 2 * RING_OCTETS / 64;
    put(&p, 0, (uint32_t)put_all);
    start(&p);
    wait_for_count(&p, &p.counters->events_dropped, 1);
    assert_int_equal(tell(&p, RECORDER_HAND_OVER), 0);
    const int64_t kept = asked(&p, DIFFERENT).number;
    const int64_t lost = asked(&p, "SELECT sum(count) FROM gap").number;
    check_number(&p, ALL, kept);
    assert_int_equal(kept + lost, put_all);
    assert_int_equal(p.counters->events_dropped, lost);
    assert_int_equal(p.counters->events_recorded, kept);
    parent_close(&p);
}

static unsigned count_lines(const struct parent *p, const char *what)
{
    static char log[1 << 20];
    unsigned count = 0;

    if (!folder_read(&p->folder, "log", log, sizeof log))
        return 0;
    for (const char *at = log; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

/* A folder stands where the file should be, and then no longer. */
static void store_that_fails_is_tried_again(void **state)
{
    struct parent p;
    char path[FOLDER_PATH_MAX];

    (void)state;
    parent_open(&p);
    folder_path(&p.folder, "events.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    start(&p);
    put(&p, 0, 100);
    for (uint32_t i = 100; i < 201; i++)
        put_about(&p, "carol@example.org", VERDICT_NO, REASON_UNSTAMPED, i);
    /* Forgeries are noticed all the same. */
    wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_FORGERIES], 1);
    wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_EVENTS], 2);
    assert_int_equal(p.counters->events_recorded, 0);
    /* Each of them once: as many again are not yet another alarm's worth. */
    assert_int_equal(rmdir(path), 0);
    wait_for_number(&p, ALL, 201);
    check_number(&p, DIFFERENT, 201);
    assert_int_equal(tell(&p, RECORDER_HAND_OVER), 0);
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_FORGERIES], 1);
    assert_int_equal(p.counters->events_dropped, 0);
    assert_int_equal(count_lines(&p, "event=alarm about=events"), 1);
    assert_int_equal(count_lines(&p, "event=events-recorded-again"), 1);
    assert_int_equal(count_lines(&p, "event=alarm about=forgeries subject=carol@example.org "
                                     "because=\"more than 100 forgeries in an hour, most from "
                                     "192.0.2.0/24\""),
            1);
    parent_close(&p);
}

/* There is a limit to how long the end may take; then it is said how many are lost. */
static void what_is_lost_at_the_end_is_counted(void **state)
{
    struct parent p;
    char path[FOLDER_PATH_MAX];

    (void)state;
    parent_open(&p);
    folder_path(&p.folder, "events.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    put(&p, 0, 2 * RECORDING_BATCH + 1);
    start(&p);
    assert_int_equal(tell(&p, RECORDER_HAND_OVER), 0);
    assert_int_equal(p.counters->events_dropped, 2 * RECORDING_BATCH + 1);
    assert_int_equal(p.counters->events_recorded, 0);
    assert_int_equal(count_lines(&p, "level=error event=events-lost count=8193"), 1);
    assert_int_equal(rmdir(path), 0);
    parent_close(&p);
}

/* The store fails again and again, and the same 60 forgeries are looked at as often: with a limit
 * of 100 they are never an alarm. */
static void forgeries_are_counted_once(void **state)
{
    struct parent p;
    char path[FOLDER_PATH_MAX];

    (void)state;
    parent_open(&p);
    folder_path(&p.folder, "events.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    for (uint32_t i = 0; i < 60; i++)
        put_about(&p, "carol@example.org", VERDICT_NO, REASON_UNSTAMPED, i);
    start(&p);
    wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_EVENTS], 4);
    assert_int_equal(rmdir(path), 0);
    wait_for_number(&p, ALL, 60);
    for (uint32_t i = 60; i < 100; i++)
        put_about(&p, "carol@example.org", VERDICT_NO, REASON_UNSTAMPED, i);
    wait_for_number(&p, ALL, 100);
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_FORGERIES], 0);
    put_about(&p, "carol@example.org", VERDICT_NO, REASON_UNSTAMPED, 100);
    wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_FORGERIES], 1);
    parent_close(&p);
}

static void file_that_is_removed_is_made_again(void **state)
{
    static const char *const names[] = {"events.db", "events.db-wal", "events.db-shm"};
    struct parent p;
    char path[FOLDER_PATH_MAX];

    (void)state;
    parent_open(&p);
    start(&p);
    put(&p, 0, 10);
    wait_for_number(&p, ALL, 10);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        folder_path(&p.folder, names[i], path);
        assert_int_equal(unlink(path), 0);
    }
    put(&p, 10, 7);
    wait_for_number(&p, ALL, 7);
    wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_EVENTS], 1);
    parent_close(&p);
}

/* All of it but the first page and the next, so that it shows only when one writes. */
static void file_that_is_damaged_is_set_aside(void **state)
{
    struct parent p;
    struct stat st;
    char path[FOLDER_PATH_MAX];

    (void)state;
    parent_open(&p);
    put(&p, 0, 2000);
    start(&p);
    assert_int_equal(tell(&p, RECORDER_HAND_OVER), 0);
    check_number(&p, ALL, 2000);
    folder_path(&p.folder, "events.db", path);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t at = 8192; at < st.st_size; at++)
        assert_int_equal(pwrite(fd, "\xa5", 1, at), 1);
    close(fd);
    start(&p);
    put(&p, 2000, 5);
    wait_for_number(&p, ALL, 5);
    folder_path(&p.folder, "events.db.damaged", path);
    assert_int_equal(stat(path, &st), 0);
    wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_EVENTS], 1);
    parent_close(&p);
}

static void addresses_are_told_as_far_as_they_may(void **state)
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

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parent p;
        parent_open(&p);
        p.service.events_ip.at = cases[i].word;
        put(&p, 0, 3);
        start(&p);
        assert_int_equal(tell(&p, RECORDER_HAND_OVER), 0);
        check_text(&p, "SELECT ip FROM event", cases[i].ip);
        check_text(&p, "SELECT asker FROM event", cases[i].asker);
        check_number(&p, "SELECT count(DISTINCT ip) FROM event", 1);
        check_number(&p, ALL, 3);
        parent_close(&p);
    }
}

static void what_is_old_is_deleted(void **state)
{
    struct parent p;
    const uint64_t now = clock_unix_milliseconds();

    (void)state;
    parent_open(&p);
    for (uint32_t i = 0; i < 20000; i++) {
        const struct event event = {.time = now - (90 + i % 2 * 2 - 1) * DAY,
                .verdict = VERDICT_YES,
                .reason = REASON_STAMPED,
                .user = text_of("alice@example.org"),
                .milliseconds = i};
        ring_put(p.rings[0], &event);
    }
    start(&p);
    wait_for_count(&p, &p.counters->events_recorded, 20000);
    assert_int_equal(tell(&p, RECORDER_HAND_OVER), 0);
    start(&p);
    wait_for_number(&p, ALL, 10000);
    check_number(&p, "SELECT count(*) FROM event WHERE ms % 2 = 1", 0);
    parent_close(&p);
}

/* Workers may go on for a moment. */
static void without_a_parent_it_records_and_ends(void **state)
{
    struct parent p;

    (void)state;
    parent_open(&p);
    start(&p);
    put(&p, 0, 10);
    wait_for_number(&p, ALL, 10);
    close(p.control);
    p.control = -1;
    put(&p, 10, 10);
    assert_int_equal(end(&p), 0);
    check_number(&p, DIFFERENT, 20);
    parent_close(&p);
}

/* What the mark beside the store of replay counts holds. */
static size_t read_mark(const struct parent *p, char *room_r, size_t size)
{
    char path[FOLDER_PATH_MAX];

    folder_path(&p->folder, "replay-mark", path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const ssize_t len = read(fd, room_r, size);
    assert_true(len > 0);
    close(fd);
    return (size_t)len;
}

static void make_counts(const struct parent *p)
{
    char path[FOLDER_PATH_MAX];

    folder_write(&p->folder, "replay", "counts", 6, 0600);
    folder_path(&p->folder, "replay", path);
    give_away(p, path);
    folder_path(&p->folder, "replay-mark", path);
    struct mark *mark = mark_open(path);
    assert_non_null(mark);
    assert_true(mark_lock(mark));
    mark_use(mark);
    mark_unlock(mark);
    mark_close(&mark);
    give_away(p, path);
}

/* Only when nobody counts any more. */
static void store_of_counts_is_marked_at_the_end(void **state)
{
    static const char orders[] = {RECORDER_STOP, RECORDER_HAND_OVER, 0};
    char before[4096];
    char after[4096];

    (void)state;
    for (size_t i = 0; i < sizeof orders; i++) {
        struct parent p;
        parent_open(&p);
        make_counts(&p);
        const size_t len = read_mark(&p, before, sizeof before);
        start(&p);
        put(&p, 0, 1);
        wait_for_number(&p, ALL, 1);
        if (orders[i] == 0) {
            close(p.control);
            p.control = -1;
            assert_int_equal(end(&p), 0);
        } else {
            assert_int_equal(tell(&p, orders[i]), 0);
        }
        assert_int_equal(read_mark(&p, after, sizeof after), len);
        assert_int_equal(memcmp(before, after, len) != 0, orders[i] == RECORDER_STOP);
        assert_int_equal(p.counters->alarms[COUNTER_ALARM_REPLAY], 0);
        parent_close(&p);
    }
}

/* Another program holds the lock of the store of events: the store of counts is marked all the
 * same, and the end comes. */
static void store_that_hangs_delays_no_counts(void **state)
{
    struct parent p;
    sqlite3 *other = NULL;
    char path[FOLDER_PATH_MAX];
    char before[4096];
    char after[4096];

    (void)state;
    parent_open(&p);
    make_counts(&p);
    const size_t len = read_mark(&p, before, sizeof before);
    start(&p);
    put(&p, 0, 1);
    wait_for_number(&p, ALL, 1);
    folder_path(&p.folder, "events.db", path);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    put(&p, 1, 5);
    (void)tell(&p, RECORDER_STOP);
    assert_int_equal(read_mark(&p, after, sizeof after), len);
    assert_int_not_equal(memcmp(before, after, len), 0);
    assert_int_equal(count_lines(&p, "level=error event=events-lost"), 1);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    check_number(&p, ALL, 1);
    parent_close(&p);
}

static void counts_that_cannot_be_synced_are_an_alarm(void **state)
{
    struct parent p;
    char path[FOLDER_PATH_MAX];

    (void)state;
    parent_open(&p);
    folder_path(&p.folder, "replay", path);
    assert_int_equal(mkdir(path, 0700), 0);
    start(&p);
    wait_for_count(&p, &p.counters->alarms[COUNTER_ALARM_REPLAY], 2);
    put(&p, 0, 1);
    wait_for_number(&p, ALL, 1);
    assert_int_equal(tell(&p, RECORDER_STOP), 0);
    parent_close(&p);
}

static int listen_at(const struct parent *p, struct sockaddr_un *address_r)
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
static void counters_are_shown(void **state)
{
    struct parent p;
    struct sockaddr_un address;
    char path[FOLDER_PATH_MAX];

    (void)state;
    parent_open(&p);
    folder_path(&p.folder, "events.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    p.setup.metrics = listen_at(&p, &address);
    start(&p);
    check_metrics(&address, "\nverimail_events_dropped_total 0\n");
    atomic_store(&p.counters->events_dropped, 17);
    check_metrics(&address, "\nverimail_events_dropped_total 17\n");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(tell(&p, RECORDER_HAND_OVER), 0);
    /* Another goes on with the same socket. */
    start(&p);
    check_metrics(&address, "\nverimail_events_dropped_total 17\n");
    be_killed(&p);
    start(&p);
    check_metrics(&address, "\nverimail_events_dropped_total 17\n");
    parent_close(&p);
    close(p.setup.metrics);
}

/* Signals are for the parent. */
static void signals_do_not_end_it(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    struct parent p;

    (void)state;
    parent_open(&p);
    start(&p);
    put(&p, 0, 1);
    wait_for_number(&p, ALL, 1);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        kill(p.pid, signals[i]);
    put(&p, 1, 1);
    wait_for_number(&p, ALL, 2);
    assert_int_equal(tell(&p, RECORDER_HAND_OVER), 0);
    parent_close(&p);
}

static void nothing_to_record_is_no_trouble(void **state)
{
    static char none[] = "none";
    struct parent p;

    (void)state;
    parent_open(&p);
    p.service.events.at = none;
    p.service.replay.at = none;
    p.service.alarm_forgeries = 0;
    start(&p);
    put(&p, 0, 100);
    wait_for_count(&p, &p.counters->events_recorded, 100);
    assert_int_equal(tell(&p, RECORDER_STOP), 0);
    assert_int_equal(p.counters->alarms[COUNTER_ALARM_EVENTS], 0);
    parent_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(records_what_comes),
            cmocka_unit_test(records_what_is_left),
            cmocka_unit_test(one_that_is_killed_loses_nothing),
            cmocka_unit_test(what_did_not_fit_is_a_gap),
            cmocka_unit_test(store_that_fails_is_tried_again),
            cmocka_unit_test(what_is_lost_at_the_end_is_counted),
            cmocka_unit_test(forgeries_are_counted_once),
            cmocka_unit_test(file_that_is_removed_is_made_again),
            cmocka_unit_test(file_that_is_damaged_is_set_aside),
            cmocka_unit_test(addresses_are_told_as_far_as_they_may),
            cmocka_unit_test(what_is_old_is_deleted),
            cmocka_unit_test(without_a_parent_it_records_and_ends),
            cmocka_unit_test(store_of_counts_is_marked_at_the_end),
            cmocka_unit_test(store_that_hangs_delays_no_counts),
            cmocka_unit_test(counts_that_cannot_be_synced_are_an_alarm),
            cmocka_unit_test(counters_are_shown),
            cmocka_unit_test(signals_do_not_end_it),
            cmocka_unit_test(nothing_to_record_is_no_trouble),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
