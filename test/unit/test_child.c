// SPDX-License-Identifier: ISC
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "capture.h"
#include "process/child.h"
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
