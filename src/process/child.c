// SPDX-License-Identifier: ISC
#include "process/child.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define STEADY 10000 /* milliseconds after which a process is not to blame for how it died */
#define BACK_OFF_FIRST 100
#define BACK_OFF_MAX 10000

struct child child_of(const char *name)
{
    return (struct child){.name = name, .control = -1};
}

/* The parent alone says when to stop: a terminal or a supervisor may signal the whole group. */
static void child_set_signals(void)
{
    sigset_t none;

    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

bool child_start(struct child *child, uint64_t now, child_work *work, void *context, size_t index)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    const pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        log_after_fork();
        child_set_signals();
        _exit(work(context, index, pair[1]));
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return false;
    }
    child->pid = pid;
    child->control = pair[0];
    child->started = now;
    return true;
}

static uint64_t back_off(unsigned failures)
{
    if (failures < 2)
        return 0;
    const unsigned doublings = failures - 2 < 7 ? failures - 2 : 7;
    const uint64_t pause = (uint64_t)BACK_OFF_FIRST << doublings;
    return pause < BACK_OFF_MAX ? pause : BACK_OFF_MAX;
}

bool child_restart(struct child *child, uint64_t now, child_work *work, void *context, size_t index)
{
    if (child->pid != 0 || now < child->restart)
        return false;
    if (child_start(child, now, work, context, index))
        return true;
    log_errno(LOG_LEVEL_ERROR, "no-process", "of", child->name);
    child->restart = now + back_off(++child->failures);
    return false;
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
        log_number(&line, "signal", (uint64_t)WTERMSIG(status));
    else
        log_number(&line, "status", (uint64_t)WEXITSTATUS(status));
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        log_string(&line, "because", "it made a system call that its sandbox forbids");
    log_number(&line, "again_in_ms", pause);
    log_end(&line);
}

void child_ended(struct child *child, int status, int renew, bool expected, uint64_t now)
{
    if (!expected) {
        child->failures = now - child->started < STEADY ? child->failures + 1 : 1;
        const uint64_t pause = back_off(child->failures);
        child->restart = now + pause;
        if (WIFEXITED(status) && WEXITSTATUS(status) == renew)
            log_event(
                    LOG_LEVEL_NOTICE, "worker-renewed", "because", "a store is to be opened anew");
        else
            child_log_death(child, status, pause);
    }
    child->pid = 0;
    close(child->control);
    child->control = -1;
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
