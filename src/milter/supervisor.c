// SPDX-License-Identifier: ISC
#include "milter/milter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "milter/candidate.h"
#include "milter/recorder_child.h"
#include "milter/socket.h"
#include "process/child.h"
#include "process/notify.h"
#include "process/signals.h"

#define STOP_TIMEOUT 10000   /* milliseconds that the worker has to end by itself */
#define ANSWER_TIMEOUT 10000 /* milliseconds that it has to take or refuse a configuration */
#define READY_TIMEOUT 10000  /* milliseconds that it has to be ready */
#define BUSY_TIMEOUT 15000   /* milliseconds to wait for the socket of another process at a start */
#define BUSY_AGAIN 500       /* milliseconds between two attempts to take that socket */
#define KNOCK_EVERY 200
#define LINE_MAX_OCTETS 8192 /* what the worker says; a longer line is cut */

static struct supervisor {
    const char *path;
    struct candidate current; /* what the worker has, or is started with */
    struct candidate offered; /* what it was sent and has not answered */
    struct config *first;     /* of the start; `place` borrows from it */
    struct milter_worker_place place;
    int signals;
    struct child worker;
    struct recorder_child recorder;
    bool is_ready;      /* the worker */
    bool was_ready;     /* one of the workers */
    bool misconfigured; /* the worker refused what it was started with */
    bool is_busy;       /* another process answers at the socket */
    bool is_late;       /* the worker was not ready in time */
    bool is_stopping;
    bool reload;        /* was asked for */
    uint64_t kill_at;   /* milliseconds: when it is stopping */
    uint64_t answer_by; /* milliseconds: when something is offered */
    uint64_t ready_by;  /* milliseconds: when the worker is not ready */
    uint64_t busy_by;   /* milliseconds: when the socket is busy at a start */
    char busy[SOCKET_ERROR_MAX];
    char said[LINE_MAX_OCTETS]; /* by the worker: the line that has not ended */
    size_t said_len;
} supervisor;

/* The user that all processes have: that of the start, whatever a later configuration says. */
static const struct identity *milter_identity(const struct candidate *candidate)
{
    return supervisor.first != NULL ? &supervisor.place.identity : &candidate->identity;
}

/* From now on this is what the worker has, or is started with. The candidate is empty then. */
static void milter_adopt(struct candidate *candidate)
{
    if (supervisor.current.config == supervisor.first)
        supervisor.current.config = NULL;
    candidate_clear(&supervisor.current);
    supervisor.current = *candidate;
    *candidate = (struct candidate){0};
    config_configure_log(supervisor.current.config);
    recorder_child_use(&supervisor.recorder, supervisor.current.config,
            milter_identity(&supervisor.current), supervisor.current.metrics, mono_ms());
    supervisor.current.metrics = NULL;
}

/* Reads all of it, and opens what the recorder needs. */
static bool milter_read(bool check, struct candidate *candidate_r, struct problems *problems)
{
    return candidate_read(supervisor.path, check, candidate_r, problems) &&
           recorder_child_open(&supervisor.recorder, candidate_r->config,
                   milter_identity(candidate_r), &candidate_r->metrics, problems);
}

/* The worker */

static int milter_work(void *context, size_t index, int control)
{
    (void)context, (void)index;
    close(supervisor.signals);
    recorder_child_forget(&supervisor.recorder);
    return milter_worker_run(&supervisor.place, &supervisor.current.bundle, control);
}

static void milter_tend_worker(uint64_t now)
{
    const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT / 1000};

    if (!child_restart(&supervisor.worker, now, milter_work, NULL, 0))
        return;
    counters_add(&supervisor.recorder.counters->workers_restarted, supervisor.was_ready);
    supervisor.is_ready = false;
    supervisor.is_late = false;
    supervisor.ready_by = now + READY_TIMEOUT;
    supervisor.said_len = 0;
    (void)setsockopt(supervisor.worker.control, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

/* Reload */

static void milter_fail_reload(const char *error)
{
    log_event(LOG_LEVEL_ERROR, "reload-failed", "error", error);
    supervisor.answer_by = UINT64_MAX;
    child_kill(&supervisor.worker);
}

static void milter_offer(struct candidate *candidate, uint64_t now)
{
    supervisor.offered = *candidate;
    *candidate = (struct candidate){0};
    supervisor.answer_by = now + ANSWER_TIMEOUT;
    if (!bundle_send(supervisor.worker.control, &supervisor.offered.bundle))
        milter_fail_reload(strerror(errno));
}

static void milter_accept(struct candidate *candidate)
{
    struct problems *warnings = problems_init(supervisor.path);

    if (warnings != NULL) {
        candidate_warn_of_restart(candidate, supervisor.first, warnings);
        problems_log(warnings, LOG_LEVEL_WARNING, "restart-needed");
    }
    problems_free(&warnings);
    milter_adopt(candidate);
    log_event(LOG_LEVEL_NOTICE, "reloaded", "config", supervisor.path);
}

static void milter_reload(uint64_t now)
{
    struct problems *problems = problems_init(supervisor.path);
    struct candidate candidate = {0};

    supervisor.reload = false;
    notify_reloading();
    if (problems != NULL && milter_read(!supervisor.is_ready, &candidate, problems)) {
        if (supervisor.is_ready)
            milter_offer(&candidate, now);
        else
            milter_accept(&candidate);
    } else {
        if (problems != NULL)
            problems_log(problems, LOG_LEVEL_ERROR, "reload-refused");
        else
            log_event(LOG_LEVEL_ERROR, "reload-refused", "problem", "out of memory");
        notify_send("READY=1");
    }
    candidate_clear(&candidate);
    problems_free(&problems);
}

/* A worker that is starting, or has not answered, is waited for. */
static bool milter_can_reload(void)
{
    return supervisor.worker.pid == 0 || (supervisor.is_ready && supervisor.offered.config == NULL);
}

/* What the worker says */

static void milter_log_ready(void)
{
    const struct config *config = supervisor.current.config;
    struct log_line line;

    log_begin(&line, LOG_LEVEL_NOTICE, "ready");
    const bool verifies = supervisor.place.verify != NULL && config->verify_count > 0;
    log_string(&line, "socket", supervisor.place.milter->socket.at);
    log_string(&line, "stamps", config->stamp_count > 0 ? "yes" : "no");
    log_string(&line, "verifies", verifies ? "yes" : "no");
    if (verifies)
        log_string(&line, "mode", config->verify->mode.at);
    log_end(&line);
    if (!supervisor.place.identity.is_root)
        log_event(LOG_LEVEL_NOTICE, "not-root", "because",
                "the worker keeps the user that this was started as, and its root folder");
}

static void milter_on_ready(void)
{
    supervisor.is_ready = supervisor.was_ready = true;
    supervisor.is_busy = false;
    milter_log_ready();
    notify_send("READY=1");
}

static void milter_on_taken(void)
{
    if (supervisor.offered.config == NULL)
        return;
    milter_accept(&supervisor.offered);
    notify_send("READY=1");
}

static void milter_on_refused(void)
{
    if (supervisor.offered.config == NULL) {
        supervisor.misconfigured = true;
        return;
    }
    candidate_clear(&supervisor.offered);
    notify_send("READY=1");
}

/* Mostly it is the worker of a supervisor that was killed, and ends in a moment. */
static void milter_on_busy(const char *error)
{
    if (supervisor.is_busy)
        return;
    supervisor.is_busy = true;
    supervisor.busy_by = mono_ms() + BUSY_TIMEOUT;
    (void)snprintf(supervisor.busy, sizeof supervisor.busy, "%.*s", (int)sizeof supervisor.busy - 1,
            error);
    log_event(LOG_LEVEL_WARNING, "socket-busy", "error", error);
}

static void milter_on_line(const char *line)
{
    switch (line[0]) {
    case MILTER_WORKER_READY:
        milter_on_ready();
        break;
    case MILTER_WORKER_TAKEN:
        milter_on_taken();
        break;
    case MILTER_WORKER_BUSY:
        milter_on_busy(line + 1);
        break;
    case MILTER_WORKER_REFUSED:
        milter_on_refused();
        break;
    case MILTER_WORKER_PROBLEM:
        log_event(LOG_LEVEL_ERROR, supervisor.is_ready ? "reload-refused" : "not-started",
                "problem", line + 1);
        break;
    default:
        break;
    }
}

static void milter_take_octet(char octet)
{
    supervisor.said[supervisor.said_len++] = octet;
    if (octet != '\n' && supervisor.said_len < sizeof supervisor.said)
        return;
    supervisor.said[supervisor.said_len - 1] = '\0';
    supervisor.said_len = 0;
    milter_on_line(supervisor.said);
}

/* False when there is nothing more for now. */
static bool milter_listen(void)
{
    char octets[1024];
    const ssize_t got = supervisor.worker.control >= 0 ? recv(supervisor.worker.control, octets,
                                                                 sizeof octets, MSG_DONTWAIT)
                                                       : 0;

    for (ssize_t i = 0; i < got; i++)
        milter_take_octet(octets[i]);
    return got > 0;
}

/* The end */

static void milter_reap(uint64_t now)
{
    int status = 0;
    pid_t pid;

    while ((pid = child_reap(&status)) > 0) {
        if (recorder_child_reaped(&supervisor.recorder, pid, status, now) ||
                pid != supervisor.worker.pid)
            continue;
        while (milter_listen())
            ;
        /* A worker that does not start and ends by itself has said why. */
        const bool expected = supervisor.is_stopping || supervisor.is_busy ||
                              (!supervisor.was_ready && WIFEXITED(status));
        child_ended(&supervisor.worker, status, expected, now);
        if (supervisor.is_busy)
            child_again(&supervisor.worker, BUSY_AGAIN, now);
        supervisor.is_ready = false;
        /* What it has not answered is read again, and checked here. */
        supervisor.reload = supervisor.reload || supervisor.offered.config != NULL;
        candidate_clear(&supervisor.offered);
    }
}

static void milter_stop(uint64_t now)
{
    if (supervisor.is_stopping)
        return;
    notify_send("STOPPING=1");
    log_event(LOG_LEVEL_NOTICE, "stopping", NULL, NULL);
    supervisor.is_stopping = true;
    supervisor.kill_at = now + STOP_TIMEOUT;
    if (supervisor.worker.pid > 0)
        (void)kill(supervisor.worker.pid, SIGTERM);
}

static void milter_tend_stop(uint64_t now)
{
    if (now >= supervisor.kill_at)
        child_kill(&supervisor.worker);
    else
        socket_knock(supervisor.place.milter);
}

/* The loop */

static void milter_on_signals(uint64_t now)
{
    struct signalfd_siginfo info;

    while (read(supervisor.signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            milter_reap(now);
        else if (info.ssi_signo == SIGHUP)
            supervisor.reload = true;
        else
            milter_stop(now);
    }
}

static uint64_t milter_due(uint64_t now)
{
    const int pending = log_pending();
    uint64_t due = supervisor.is_stopping ? now + KNOCK_EVERY : child_due(&supervisor.worker);

    if (supervisor.offered.config != NULL && supervisor.answer_by < due)
        due = supervisor.answer_by;
    if (supervisor.worker.pid > 0 && !supervisor.is_ready && !supervisor.is_late &&
            supervisor.ready_by < due)
        due = supervisor.ready_by;
    if (recorder_child_due(&supervisor.recorder) < due)
        due = recorder_child_due(&supervisor.recorder);
    if (pending >= 0 && now + (uint64_t)pending < due)
        due = now + (uint64_t)pending;
    return due;
}

static void milter_wait(uint64_t now)
{
    struct pollfd polled[] = {
            {.fd = supervisor.signals, .events = POLLIN},
            {.fd = supervisor.worker.control, .events = POLLIN},
    };
    const uint64_t due = milter_due(now);

    (void)poll(polled, 2, due == UINT64_MAX ? -1 : due > now ? (int)(due - now) : 0);
}

/* A worker that hangs before it is ready has not said why. It may work for the next one. */
static void milter_tend_start(uint64_t now)
{
    if (supervisor.worker.pid == 0 || supervisor.is_ready || supervisor.is_late ||
            supervisor.is_stopping || now < supervisor.ready_by)
        return;
    supervisor.is_late = true;
    log_event(LOG_LEVEL_ERROR, "worker-late", "because",
            "the worker is not ready within 10 seconds, and is replaced");
    child_kill(&supervisor.worker);
}

/* No worker runs. Whether another one is to be started. */
static bool milter_goes_on(uint64_t now)
{
    if (supervisor.is_stopping)
        return false;
    if (supervisor.was_ready || supervisor.is_late)
        return true;
    if (supervisor.is_busy && now < supervisor.busy_by)
        return true;
    if (supervisor.is_busy)
        log_event(LOG_LEVEL_ERROR, "not-started", "error", supervisor.busy);
    return false;
}

/* False when it is over. */
static bool milter_turn(void)
{
    milter_wait(mono_ms());
    const uint64_t now = mono_ms();
    (void)milter_listen();
    milter_on_signals(now);
    if (supervisor.is_stopping && supervisor.worker.pid > 0)
        milter_tend_stop(now);
    else if (supervisor.reload && !supervisor.is_stopping && supervisor.was_ready &&
             milter_can_reload())
        milter_reload(now);
    else if (supervisor.offered.config != NULL && now >= supervisor.answer_by)
        milter_fail_reload("the worker does not answer");
    milter_tend_start(now);
    recorder_child_tend(&supervisor.recorder, now);
    log_flush();
    if (supervisor.worker.pid > 0)
        return true;
    if (!milter_goes_on(now))
        return false;
    milter_tend_worker(now);
    return true;
}

/* What workers are started with as long as the supervisor runs. */
static bool milter_settle(void)
{
    const struct identity *identity = &supervisor.current.identity;

    supervisor.first = supervisor.current.config;
    supervisor.place = (struct milter_worker_place){
            .milter = supervisor.first->milter,
            .verify = supervisor.first->verify_count > 0 ? supervisor.first->verify : NULL,
            .identity = *identity,
            .empty_folder = identity->is_root ? identity_empty_folder() : -1,
            .socket_group = supervisor.current.group,
            .counters = supervisor.recorder.counters,
            .ring = supervisor.recorder.ring,
    };
    return !identity->is_root || supervisor.place.empty_folder >= 0;
}

/* The exit status of a start that fails; EXIT_SUCCESS when a worker can be started. */
static int milter_prepare(void)
{
    struct problems *problems = problems_init(supervisor.path);
    struct candidate candidate = {0};
    int status = EXIT_SUCCESS;

    if (problems == NULL || !milter_read(false, &candidate, problems)) {
        status = problems != NULL && !problems_are_passing(problems) ? EX_CONFIG : EXIT_FAILURE;
        if (problems != NULL)
            problems_log(problems, LOG_LEVEL_ERROR, "not-started");
        else
            log_event(LOG_LEVEL_ERROR, "not-started", "problem", "out of memory");
    } else {
        milter_adopt(&candidate);
        if (!milter_settle()) {
            status = EXIT_FAILURE;
            log_errno(LOG_LEVEL_ERROR, "not-started", NULL, NULL);
        }
    }
    candidate_clear(&candidate);
    problems_free(&problems);
    return status;
}

/* The exit status after the loop. */
static int milter_end(void)
{
    if (supervisor.was_ready)
        socket_remove(supervisor.place.milter);
    recorder_child_end(&supervisor.recorder);
    log_event(LOG_LEVEL_NOTICE, supervisor.was_ready ? "stopped" : "not-started", NULL, NULL);
    log_flush();
    candidate_clear(&supervisor.offered);
    if (supervisor.current.config != supervisor.first)
        config_free(&supervisor.first);
    candidate_clear(&supervisor.current);
    if (supervisor.is_stopping)
        return EXIT_SUCCESS;
    return supervisor.misconfigured ? EX_CONFIG : EXIT_FAILURE;
}

int milter_run(const char *config_path)
{
    supervisor.path = config_path;
    supervisor.worker = child_of("worker", SOCK_STREAM);
    supervisor.signals = signals_open();
    if (supervisor.signals < 0 || !recorder_child_init(&supervisor.recorder)) {
        log_errno(LOG_LEVEL_ERROR, "not-started", NULL, NULL);
        return EXIT_FAILURE;
    }
    const int status = milter_prepare();
    if (status != EXIT_SUCCESS)
        return status;
    recorder_child_tend(&supervisor.recorder, mono_ms());
    milter_tend_worker(mono_ms());
    while (milter_turn())
        ;
    return milter_end();
}
