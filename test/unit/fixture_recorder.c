// SPDX-License-Identifier: ISC
#include "fixture_recorder.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "recorder/recorder.h"
#include "unit.h"

#define PATIENCE 60 /* seconds until something that must come has not */

void fixture_recorder_give_away(const struct fixture_recorder *p, const char *path)
{
    if (p->setup.identity.is_root)
        assert_int_equal(chown(path, p->setup.identity.uid, p->setup.identity.gid), 0);
}

void fixture_recorder_open(struct fixture_recorder *p)
{
    char path[FOLDER_PATH_MAX];

    *p = (struct fixture_recorder){.folder = folder_make(), .control = -1};
    assert_true(identity_find("nobody", &p->setup.identity));
    fixture_recorder_give_away(p, p->folder.path);
    folder_path(&p->folder, "events.db", path);
    snprintf(p->events, sizeof p->events, "sqlite:%s", path);
    folder_path(&p->folder, "replay", path);
    snprintf(p->replay, sizeof p->replay, "lmdb:%s", path);
    p->counters = counters_init(&p->counters_fd);
    assert_non_null(p->counters);
    for (size_t i = 0; i < FIXTURE_RECORDER_RINGS; i++) {
        p->rings[i] = ring_init(&event_kind);
        assert_non_null(p->rings[i]);
    }
    p->setup.state = p->folder.path;
    p->setup.store = "sqlite";
    p->setup.ip = "full";
    p->setup.replay = p->replay;
    p->setup.keep = 90 * FIXTURE_RECORDER_DAY / 1000;
    p->setup.size = FIXTURE_RECORDER_SIZE;
    p->setup.alarm_forgeries = 100;
    p->setup.alarm_sending = 60;
    p->setup.alarm_texts = 20;
    p->setup.log_level = LOG_LEVEL_INFO;
    p->setup.metrics = -1;
    p->setup.counters_fd = p->counters_fd;
    p->setup.counters = p->counters;
    p->setup.rings = p->rings;
    p->setup.rings_count = FIXTURE_RECORDER_RINGS;
}

/* What it logs lies in a file beside its store. */
static void be_recorder(struct fixture_recorder *p, int control)
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

void fixture_recorder_start(struct fixture_recorder *p)
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

int fixture_recorder_end(struct fixture_recorder *p)
{
    int status = -1;

    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    p->pid = 0;
    if (p->control >= 0)
        close(p->control);
    p->control = -1;
    return status;
}

int fixture_recorder_tell(struct fixture_recorder *p, char order)
{
    assert_int_equal(send(p->control, &order, 1, MSG_NOSIGNAL), 1);
    return fixture_recorder_end(p);
}

void fixture_recorder_kill(struct fixture_recorder *p)
{
    kill(p->pid, SIGKILL);
    assert_true(WIFSIGNALED(fixture_recorder_end(p)));
}

void fixture_recorder_close(struct fixture_recorder *p)
{
    if (p->pid != 0)
        fixture_recorder_kill(p);
    for (size_t i = 0; i < FIXTURE_RECORDER_RINGS; i++)
        ring_free(&p->rings[i]);
    counters_free(&p->counters);
    close(p->counters_fd);
    folder_remove(&p->folder);
}

void fixture_recorder_put_about(struct fixture_recorder *p, const char *user, enum verdict verdict,
        enum reason reason, uint32_t number)
{
    const struct event event = {.time = unix_ms(),
            .verdict = verdict,
            .reason = reason,
            .user = text_of(user),
            .host = text_of("mail.example.org"),
            .receiving = text_of("example.net,example.com"),
            .ip = text_of("192.0.2.77"),
            .asker = text_of("2001:db8:7:8::9"),
            .listed = true,
            .milliseconds = number};

    ring_put(p->rings[number % FIXTURE_RECORDER_RINGS], &event);
}

void fixture_recorder_put(struct fixture_recorder *p, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        fixture_recorder_put_about(p, "alice@example.org", VERDICT_YES, REASON_STAMPED, i);
}

static bool keep_first(void *context, const struct eventstore_value *values, size_t count)
{
    struct eventstore_value *value = context;
    static char buffer[256];

    if (count > 0) {
        *value = values[0];
        if (value->is_text)
            snprintf(buffer, sizeof buffer, "%.*s", (int)value->text.len, value->text.at);
        value->text = text_of(buffer);
    }
    return false;
}

struct eventstore_value fixture_recorder_asked(const struct fixture_recorder *p, const char *sql)
{
    struct eventstore_value value = {.number = -1};
    char error[EVENTSTORE_ERROR_MAX];
    struct eventstore *store = eventstore_open(p->events, &event_kind, EVENTSTORE_READ, error);

    if (store == NULL)
        return value;
    if (!eventstore_query(store, sql, NULL, 0, keep_first, &value))
        value.number = -1;
    eventstore_close(&store);
    return value;
}

void fixture_recorder_nap(void)
{
    const struct timespec time = {.tv_nsec = 10000000};

    nanosleep(&time, NULL);
}

void fixture_recorder_show_log(const struct fixture_recorder *p)
{
    static char log[1 << 20];

    if (folder_read(&p->folder, "log", log, sizeof log))
        print_error("the log:\n%s", log);
}

/* Nothing more is to be expected of it. */
static bool has_gone(const struct fixture_recorder *p)
{
    siginfo_t end = {.si_pid = 0};

    return p->pid > 0 && waitid(P_PID, (id_t)p->pid, &end, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           end.si_pid != 0;
}

void fixture_recorder_wait_for_number(
        const struct fixture_recorder *p, const char *sql, int64_t want)
{
    const uint64_t limit = mono_ms() + UINT64_C(1000) * unit_patience(PATIENCE);
    int64_t got = fixture_recorder_asked(p, sql).number;

    for (bool goes_on = true; got != want && goes_on;) {
        goes_on = mono_ms() < limit && !has_gone(p);
        fixture_recorder_nap();
        got = fixture_recorder_asked(p, sql).number;
    }
    if (got != want) {
        print_error("%s: got %lld, want %lld\n", sql, (long long)got, (long long)want);
        fixture_recorder_show_log(p);
        fail();
    }
}

void fixture_recorder_wait_for_count(
        const struct fixture_recorder *p, const _Atomic uint64_t *counter, uint64_t least)
{
    const uint64_t limit = mono_ms() + UINT64_C(1000) * unit_patience(PATIENCE);

    while (atomic_load(counter) < least && mono_ms() < limit && !has_gone(p))
        fixture_recorder_nap();
    if (atomic_load(counter) < least) {
        print_error("got %llu, want %llu\n", (unsigned long long)atomic_load(counter),
                (unsigned long long)least);
        fixture_recorder_show_log(p);
        fail();
    }
}

void fixture_recorder_check_number(const struct fixture_recorder *p, const char *sql, int64_t want)
{
    const int64_t got = fixture_recorder_asked(p, sql).number;

    if (got != want) {
        print_error("%s: got %lld, want %lld\n", sql, (long long)got, (long long)want);
        fixture_recorder_show_log(p);
        fail();
    }
}

void fixture_recorder_check_text(
        const struct fixture_recorder *p, const char *sql, const char *want)
{
    const struct eventstore_value got = fixture_recorder_asked(p, sql);

    if (!got.is_text || !text_equal(got.text, text_of(want))) {
        print_error("%s: got `%.*s`, want `%s`\n", sql, (int)got.text.len,
                got.is_text ? got.text.at : "", want);
        fail();
    }
}

unsigned fixture_recorder_count_lines(const struct fixture_recorder *p, const char *what)
{
    static char log[1 << 20];
    unsigned count = 0;

    if (!folder_read(&p->folder, "log", log, sizeof log))
        return 0;
    for (const char *at = log; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}
