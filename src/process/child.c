// SPDX-License-Identifier: ISC
#include "process/child.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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

bool child_start(
        struct child *child, uint64_t mono_ms, child_work *work, void *context, size_t index)
{
    int pair[2];

    if (socketpair(AF_UNIX, child->type | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    const pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        log_after_fork();
        const int status = work(context, index, pair[1]);
        log_flush();
        _exit(status); /* without the exit handlers: threads may still run */
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
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
