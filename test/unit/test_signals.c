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
    static const int signals[] = {SIGHUP, SIGTERM, SIGINT, SIGPIPE, SIGXFSZ};
    const pid_t child = signals_open() >= 0 ? fork() : -1;
    int status = -1;

    (void)context;
    if (child == 0) {
        for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
            if (raise(signals[i]) != 0)
                _exit(1);
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

TEST(children_are_told_by_their_supervisor_alone)
{
    assert_int_equal(child_end(is_left_alone, NULL), 0);
}
