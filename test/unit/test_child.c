// SPDX-License-Identifier: ISC
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "capture.h"
#include "fault.h"
#include "process/child.h"
#include "process/identity.h"
#include "unit.h"

#define NOW 100000
#define STEADY 10000 /* child.c's */

/* A process that sends back what it hears, and ends at `e` with its index for status, or at the end
 * of the socket with 77. */
static int echo(void *context, size_t index, int control)
{
    const char *word = context;
    char packet[64];

    ssize_t got;

    (void)signal(SIGSYS, SIG_DFL); /* cmocka's handler would catch it */
    (void)!send(control, word, strlen(word), MSG_NOSIGNAL);
    while ((got = recv(control, packet, sizeof packet, 0)) > 0 && packet[0] != 'e')
        (void)!send(control, packet, (size_t)got, MSG_NOSIGNAL);
    return got > 0 ? (int)index : 77;
}

static struct child started(uint64_t now, size_t index)
{
    struct child child = child_of("echo", SOCK_SEQPACKET);
    char word[64] = "";

    assert_true(child_start(&child, now, echo, (char[]){"hello"}, index));
    assert_int_equal(recv(child.control, word, sizeof word, 0), 5);
    assert_string_equal(word, "hello");
    return child;
}

static int end_of(const struct child *child)
{
    int status = -1;

    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    return status;
}

static struct capture log_capture(void)
{
    const struct capture capture = capture_begin();

    log_init();
    return capture;
}

static void log_take(struct capture *capture, char *text_r, size_t size)
{
    log_flush();
    capture_read(capture, text_r, size);
    capture_end(capture);
    log_init();
}

TEST(one_that_does_not_run_is_due_at_once_and_is_told_nothing)
{
    const struct child child = child_of("echo", SOCK_STREAM);

    assert_int_equal(child.pid, 0);
    assert_int_equal(child.control, -1);
    assert_int_equal(child_due(&child), 0);
    child_tell(&child, "x", 1);
    child_kill(&child); /* a signal to process 0 would end this test */
}

TEST(packets_go_both_ways_and_the_status_comes_back)
{
    struct child child = started(NOW, 5);
    char packet[64] = "";

    assert_true(child_due(&child) == UINT64_MAX);
    assert_int_equal(child.started, NOW);
    child_tell(&child, "ab", 2);
    child_tell(&child, "c", 1);
    assert_int_equal(recv(child.control, packet, sizeof packet, 0), 2);
    assert_int_equal(recv(child.control, packet, sizeof packet, 0), 1);
    child_tell(&child, "e", 1);
    const int status = end_of(&child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 5);
    child_ended(&child, status, true, NOW);
    assert_int_equal(child.pid, 0);
    assert_int_equal(child.control, -1);
}

TEST(it_sees_the_end_of_its_supervisor)
{
    struct child child = started(NOW, 5);

    close(child.control);
    const int status = end_of(&child);
    assert_int_equal(WEXITSTATUS(status), 77);
}

TEST(telling_one_that_is_gone_or_does_not_read_neither_ends_nor_stops_us)
{
    struct child child = started(NOW, 0);
    char large[4096] = {'x'};

    kill(child.pid, SIGSTOP);
    for (int i = 0; i < 1000; i++)
        child_tell(&child, large, sizeof large);
    child_kill(&child);
    const int status = end_of(&child);
    child_tell(&child, "x", 1);
    child_ended(&child, status, true, NOW);
}

/* In its own process group's way: the supervisor blocks what a terminal sends, and so does it. */
TEST(signals_that_the_supervisor_blocks_do_not_end_it)
{
    sigset_t set;
    sigset_t before;
    char packet[64];

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    struct child child = started(NOW, 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    kill(child.pid, SIGTERM);
    child_tell(&child, "x", 1);
    assert_int_equal(recv(child.control, packet, sizeof packet, 0), 1);
    child_tell(&child, "e", 1);
    child_ended(&child, end_of(&child), true, NOW);
}

static const struct {
    struct unit_row row;
    int signum; /* 0: it ends with `status` */
    int status;
    bool expected;
    const char *want; /* in the log; NULL: nothing stands there */
} deaths[] = {
        {{.name = "killed"}, SIGKILL, 0, false, "signal=KILL again_in_ms=0"},
        {{.name = "by the sandbox"}, SIGSYS, 0, false,
                "signal=SYS because=\"a filter for system calls killed it: its own, or "},
        {{.name = "by a signal without a name"}, 40, 0, false, "signal=40"},
        {{.name = "status"}, 0, 3, false, "status=3"},
        {{.name = "status 0 is a death too"}, 0, 0, false, "status=0"},
        {{.name = "expected"}, SIGKILL, 0, true, NULL},
};

TEST_EACH(what_is_logged, deaths)
{
    struct child child = started(NOW, (size_t)row->status);
    const struct rlimit no_core = {0, 0};
    char text[1024] = "";

    (void)prlimit(child.pid, RLIMIT_CORE, &no_core, NULL);
    if (row->signum != 0)
        kill(child.pid, row->signum);
    else
        child_tell(&child, "e", 1);
    const int status = end_of(&child);
    struct capture capture = log_capture();
    child_ended(&child, status, row->expected, NOW);
    log_take(&capture, text, sizeof text);
    if (row->want == NULL
                    ? text[0] != '\0'
                    : strstr(text, "event=echo-died") == NULL || strstr(text, row->want) == NULL)
        fail_msg("got %s, want %s", text, row->want != NULL ? row->want : "nothing");
}

/* Each row is one life of the same child. */
TEST(one_that_keeps_dying_waits_ever_longer)
{
    static const struct {
        uint64_t lived;
        uint64_t want; /* the pause */
    } lives[] = {
            {0, 0},
            {0, 100},
            {STEADY - 1, 200},
            {STEADY, 0},
            {STEADY - 1, 100},
            {1, 200},
            {1, 400},
            {1, 800},
            {1, 1600},
            {1, 3200},
            {1, 6400},
            {1, 10000},
            {1, 10000},
            {STEADY + 1, 0},
    };
    struct child child = child_of("echo", SOCK_SEQPACKET);
    uint64_t now = NOW;

    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        assert_true(child_restart(&child, now, echo, (char[]){"hello"}, 0));
        assert_false(child_restart(&child, UINT64_MAX - 1, echo, NULL, 0));
        child_kill(&child);
        now += lives[i].lived;
        child_ended(&child, end_of(&child), true, now);
        if (child_due(&child) != now + lives[i].want)
            fail_msg("life %zu: got %llu, want %llu", i,
                    (unsigned long long)(child_due(&child) - now),
                    (unsigned long long)lives[i].want);
        if (lives[i].want > 0)
            assert_false(child_restart(&child, child_due(&child) - 1, echo, NULL, 0));
        now = child_due(&child);
    }
}

/* It may do so once in `every`, however often it does. */
TEST(one_that_ends_on_purpose_is_started_again_soon)
{
    struct child child = child_of("echo", SOCK_SEQPACKET);

    for (uint64_t now = NOW; now < NOW + 30000; now += 1000) {
        assert_true(child_restart(&child, now, echo, (char[]){"hello"}, 0));
        child_kill(&child);
        child_ended(&child, end_of(&child), true, now + 10);
        child_again(&child, 1000, now + 10);
        assert_int_equal(child_due(&child), now + 1000);
    }
    child.started = NOW;
    child_again(&child, 1000, NOW + 5000);
    assert_int_equal(child_due(&child), NOW + 5000);
}

/* No process can be had: that is logged and tried again, later and later. */
TEST(what_cannot_be_started_is_tried_later)
{
    struct child child = child_of("echo", SOCK_SEQPACKET);
    struct rlimit limit;
    char text[1024] = "";
    struct capture capture = log_capture();

    getrlimit(RLIMIT_NOFILE, &limit);
    const struct rlimit none = {0, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    const bool first = child_restart(&child, NOW, echo, NULL, 0);
    const uint64_t first_due = child_due(&child);
    const bool second = child_restart(&child, NOW, echo, NULL, 0);
    const uint64_t second_due = child_due(&child);
    setrlimit(RLIMIT_NOFILE, &limit);
    log_take(&capture, text, sizeof text);
    assert_false(first || second);
    assert_int_equal(first_due, NOW);
    assert_int_equal(second_due, NOW + 100);
    assert_non_null(strstr(text, "event=no-process of=echo"));
    assert_true(child_restart(&child, NOW + 100, echo, (char[]){"hello"}, 0));
    child_kill(&child);
    child_ended(&child, end_of(&child), true, NOW + 100);
}

/* Of one that is forked for a task: the first letter says what becomes of it, the rest is what it
 * reports. */
static int do_task(void *context, int report)
{
    const char *word = context;

    (void)!write(report, word + 1, strlen(word + 1));
    if (word[0] == 's')
        raise(SIGSEGV);
    if (word[0] == 'k')
        raise(SIGKILL);
    while (word[0] == 'h')
        pause();
    return word[0] - '0';
}

static const struct {
    struct unit_row row;
    const char *word;
    const char *fault; /* the call that fails; NULL: none */
    enum child_how how;
    int code;
    const char *report;
    const char *text;
} tasks[] = {
        {{.name = "well"}, "0", NULL, CHILD_EXITED, 0, "", "ended with status 0"},
        {{.name = "reports"}, "0all is well", NULL, CHILD_EXITED, 0, "all is ",
                "ended with status 0"},
        {{.name = "status"}, "7no", NULL, CHILD_EXITED, 7, "no", "ended with status 7"},
        {{.name = "crash"}, "sx", NULL, CHILD_SIGNALLED, SIGSEGV, "x",
                "was killed by the signal SEGV"},
        {{.name = "killed"}, "kx", NULL, CHILD_SIGNALLED, SIGKILL, "x",
                "was killed by the signal KILL"},
        {{.name = "late"}, "hx", NULL, CHILD_LATE, 1, "x", "did not end within 1 seconds"},
        {{.name = "no process"}, "0x", "fork", CHILD_NOT_STARTED, EAGAIN, "",
                "could not be started: Resource temporarily unavailable"},
        {{.name = "no pipe"}, "0x", "pipe2", CHILD_NOT_STARTED, EMFILE, "",
                "could not be started: Too many open files"},
        {{.name = "interrupted"}, "0x", "waitpid", CHILD_EXITED, 0, "x", "ended with status 0"},
};

TEST_EACH(a_task_ends_and_it_is_said_how, tasks)
{
    char report[7] = "";
    char text[128] = "";
    struct writer w = writer_of(text, sizeof text - 1);

    if (row->fault != NULL)
        fault_once(row->fault, 1);
    const struct child_outcome outcome =
            child_run(do_task, (void *)(uintptr_t)row->word, 1, report, sizeof report);
    (void)fault_end();
    child_outcome_write(&outcome, &w);
    assert_int_equal(outcome.how, row->how);
    assert_int_equal(outcome.code, row->code);
    assert_int_equal(outcome.reported, strlen(row->report));
    assert_memory_equal(report, row->report, outcome.reported);
    assert_string_equal(text, row->text);
}

/* What a process does whose parent dies. `context`: the letters say what it does first. */
static int outlive(void *context, size_t index, int control)
{
    const char *what = context;
    const struct identity nobody = {.is_root = geteuid() == 0, .uid = 65534, .gid = 65534};
    char octet;

    (void)index;
    if (strchr(what, 'd') != NULL && !identity_drop(&nobody))
        return EXIT_FAILURE;
    if (strchr(what, 'w') != NULL)
        child_watches_control();
    (void)!send(control, "r", 1, MSG_NOSIGNAL);
    while (strchr(what, 'w') == NULL)
        pause();
    (void)!read(control, &octet, 1); /* the end of the supervisor */
    return EXIT_SUCCESS;
}

static const struct {
    struct unit_row row;
    const char *what;
} orphans[] = {
        {{.name = "hangs"}, ""},
        {{.name = "hangs as another user"}, "d"},
        {{.name = "watches its socket"}, "w"},
        {{.name = "watches its socket as another user"}, "dw"},
};

/* The pipe is closed when the last process that has it has ended. */
TEST_EACH(one_whose_supervisor_is_killed_ends, orphans)
{
    int ends[2];
    char octet;

    assert_int_equal(pipe(ends), 0);
    const pid_t supervisor = fork();
    assert_true(supervisor >= 0);
    if (supervisor == 0) {
        struct child child = child_of("orphan", SOCK_SEQPACKET);
        if (child_start(&child, NOW, outlive, (void *)(uintptr_t)row->what, 0) &&
                recv(child.control, &octet, 1, 0) == 1)
            (void)!write(ends[1], "r", 1);
        for (;;)
            pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &octet, 1), 1);
    kill(supervisor, SIGKILL);
    waitpid(supervisor, NULL, 0);
    struct pollfd polled = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&polled, 1, 30000), 1);
    assert_int_equal(read(ends[0], &octet, 1), 0);
    close(ends[0]);
}
