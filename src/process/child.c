// SPDX-License-Identifier: ISC
#include "process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "process/sandbox.h"

#define STEADY 10000 /* milliseconds: one that ran as long is not dying again and again */
#define PAUSE_FIRST 100
#define PAUSE_MAX 10000

struct child child_of(const char *name, int type)
{
    return (struct child){
            .name = name,
            .type = type,
            .control = -1,
            .backoff = {.first = PAUSE_FIRST, .max = PAUSE_MAX, .free = 1},
    };
}

/* First of all in a new process: whatever it then waits for, it does not outlive its parent. */
static void child_die_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
        _exit(EXIT_FAILURE); /* it is dead already */
}

void child_watches_control(void)
{
    (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

bool child_start(
        struct child *child, uint64_t mono_ms, child_work *work, void *context, size_t index)
{
    int pair[2];

    if (socketpair(AF_UNIX, child->type | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        child_die_with(parent);
        close(pair[0]);
        log_after_fork();
        const int status = work(context, index, pair[1]);
        log_flush();
        _exit(status); /* without the exit handlers: threads may still run */
    }
    const int error = errno;
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        errno = error;
        return false;
    }
    child->pid = pid;
    child->control = pair[0];
    child->started = mono_ms;
    return true;
}

bool child_restart(
        struct child *child, uint64_t mono_ms, child_work *work, void *context, size_t index)
{
    if (mono_ms < child_due(child))
        return false;
    if (child_start(child, mono_ms, work, context, index))
        return true;
    log_errno(LOG_LEVEL_ERROR, "no-process", "of", child->name);
    backoff_failed(&child->backoff, mono_ms);
    return false;
}

uint64_t child_due(const struct child *child)
{
    return child->pid == 0 ? child->backoff.until : UINT64_MAX;
}

static void child_log_signal(struct log_line *line, int signum)
{
    const char *name = sigabbrev_np(signum);

    if (name != NULL)
        log_string(line, "signal", name);
    else
        log_number(line, "signal", (uint64_t)signum);
}

static void child_log_death(const struct child *child, int status, uint64_t pause)
{
    char event[32] = "";
    struct writer w = writer_of(event, sizeof event - 1);
    struct log_line line;

    writer_string(&w, child->name);
    writer_string(&w, "-died");
    log_begin(&line, LOG_LEVEL_ERROR, event);
    log_number(&line, "pid", (uint64_t)child->pid);
    if (WIFSIGNALED(status))
        child_log_signal(&line, WTERMSIG(status));
    else
        log_number(&line, "status", (uint64_t)WEXITSTATUS(status));
    if (sandbox_death(status) != NULL)
        log_string(&line, "because", sandbox_death(status));
    log_number(&line, "again_in_ms", pause);
    log_end(&line);
}

void child_ended(struct child *child, int status, bool expected, uint64_t mono_ms)
{
    if (mono_ms - child->started >= STEADY)
        backoff_reset(&child->backoff);
    const uint64_t pause = backoff_failed(&child->backoff, mono_ms);
    if (!expected)
        child_log_death(child, status, pause);
    close(child->control);
    child->control = -1;
    child->pid = 0;
}

pid_t child_reap(int *status_r)
{
    pid_t pid = 0;

    do
        pid = waitpid(-1, status_r, WNOHANG);
    while (pid < 0 && errno == EINTR);
    return pid > 0 ? pid : 0;
}

void child_again(struct child *child, uint64_t every, uint64_t mono_ms)
{
    const uint64_t due = child->started + every;

    backoff_reset(&child->backoff);
    child->backoff.until = due > mono_ms ? due : mono_ms;
}

void child_tell(const struct child *child, const char *packet, size_t len)
{
    if (child->control >= 0)
        (void)!send(child->control, packet, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void child_kill(const struct child *child)
{
    if (child->pid != 0)
        kill(child->pid, SIGKILL);
}

static int child_do(child_task *task, void *context, int report, pid_t parent)
{
    static const int deadly[] = {
            SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGXCPU};
    static const struct rlimit no_core;

    child_die_with(parent);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        (void)signal(deadly[i], SIG_DFL);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    return task(context, report);
}

/* Reads until the process has closed its end. False when the time was over before. */
static bool child_read_report(
        int fd, uint64_t until, void *report_r, size_t size, struct child_outcome *outcome)
{
    char beyond[256];
    ssize_t got = 1;

    while (got != 0) {
        const uint64_t now = mono_ms();
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        if (now >= until)
            return false;
        if (poll(&polled, 1, (int)(until - now)) <= 0)
            continue;
        const size_t room = size - outcome->reported;
        got = read(fd, room > 0 ? (char *)report_r + outcome->reported : beyond,
                room > 0 ? room : sizeof beyond);
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0 && room > 0)
            outcome->reported += (size_t)got;
    }
    return true;
}

/* What waitpid(2) says. It is called again after a signal only. */
static void child_await(pid_t pid, struct child_outcome *outcome)
{
    int status = 0;

    while (waitpid(pid, &status, 0) != pid) {
        if (errno == EINTR)
            continue;
        outcome->how = CHILD_NOT_STARTED; /* how it ended cannot be known */
        outcome->code = errno;
        return;
    }
    if (outcome->how == CHILD_LATE)
        return;
    outcome->how = WIFSIGNALED(status) ? CHILD_SIGNALLED : CHILD_EXITED;
    outcome->code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

struct child_outcome child_run(
        child_task *task, void *context, unsigned seconds, void *report_r, size_t size)
{
    struct child_outcome outcome = {.how = CHILD_NOT_STARTED};
    const pid_t parent = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        outcome.code = errno;
        return outcome;
    }
    const pid_t pid = fork();
    if (pid == 0)
        _exit(child_do(task, context, ends[1], parent));
    outcome.code = errno;
    close(ends[1]);
    if (pid > 0) {
        outcome.how = CHILD_EXITED;
        const uint64_t until = mono_ms() + seconds * UINT64_C(1000);
        if (!child_read_report(ends[0], until, report_r, size, &outcome)) {
            outcome.how = CHILD_LATE;
            outcome.code = (int)seconds;
            (void)kill(pid, SIGKILL);
        }
        child_await(pid, &outcome);
    }
    close(ends[0]);
    return outcome;
}

void child_outcome_write(const struct child_outcome *outcome, struct writer *w)
{
    const char *name = outcome->how == CHILD_SIGNALLED ? sigabbrev_np(outcome->code) : NULL;

    switch (outcome->how) {
    case CHILD_EXITED:
        writer_string(w, "ended with status ");
        writer_decimal(w, (uint64_t)outcome->code);
        break;
    case CHILD_SIGNALLED:
        writer_string(w, "was killed by the signal ");
        if (name != NULL)
            writer_string(w, name);
        else
            writer_decimal(w, (uint64_t)outcome->code);
        break;
    case CHILD_LATE:
        writer_string(w, "did not end within ");
        writer_decimal(w, (uint64_t)outcome->code);
        writer_string(w, " seconds");
        break;
    case CHILD_NOT_STARTED:
        writer_string(w, "could not be started: ");
        writer_string(w, strerror(outcome->code));
        break;
    }
}
