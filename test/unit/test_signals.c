// SPDX-License-Identifier: ISC
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "child.h"
#include "process/signals.h"
#include "unit.h"

static bool is_read(int fd, int signum)
{
    struct signalfd_siginfo info = {0};

    return raise(signum) == 0 && read(fd, &info, sizeof info) == (ssize_t)sizeof info &&
           info.ssi_signo == (uint32_t)signum;
}

static bool supervises(void *context)
{
    static const int taken[] = {SIGHUP, SIGTERM, SIGINT, SIGCHLD};
    const int fd = signals_open();
    struct signalfd_siginfo none;
    bool ok = fd >= 0;

    (void)context;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        ok = ok && is_read(fd, taken[i]);
    ok = ok && read(fd, &none, sizeof none) < 0 && errno == EAGAIN;
    return ok && raise(SIGPIPE) == 0 && raise(SIGXFSZ) == 0;
}

TEST(supervisor_reads_its_signals)
{
    assert_int_equal(child_end(supervises, NULL), 0);
}

static bool is_left_alone(void *context)
{
    static const int ignored[] = {SIGHUP, SIGTERM, SIGINT, SIGPIPE, SIGXFSZ};
    sigset_t blocked;
    bool ok = signals_open() >= 0;

    (void)context;
    signals_leave();
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        ok = raise(ignored[i]) == 0 && ok;
    ok = sigprocmask(SIG_SETMASK, NULL, &blocked) == 0 && ok;
    for (int signum = 1; signum < SIGRTMIN; signum++)
        ok = ok && sigismember(&blocked, signum) != 1;
    return ok;
}

TEST(child_is_told_by_its_supervisor_alone)
{
    assert_int_equal(child_end(is_left_alone, NULL), 0);
}
