// SPDX-License-Identifier: ISC
#include "milter/milter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "milter/candidate.h"
#include "milter/recorder_child.h"
#include "process/notify.h"
#include "process/signals.h"

static struct supervisor {
    const char *path;
    struct candidate current; /* what the workers have, or are started with */
    struct candidate offered; /* what they were sent and have not all answered */
    struct config *first;     /* of the start */
    struct identity identity; /* of the start, whatever a later configuration says */
    int empty_folder;
    int signals;
    struct worker_child workers[COUNTERS_MILTERS_MAX]; /* `first` NULL: an unused slot */
    struct recorder_child recorder;
    bool is_started; /* all workers of the start have been ready */
    bool has_failed; /* one of them did not start */
    bool is_stopping;
    bool reload;        /* was asked for */
    uint64_t answer_by; /* milliseconds: when something is offered */
} supervisor;

/* The worker behind that one, or the first behind NULL. NULL: there is no other. */
static struct worker_child *milter_next_worker(struct worker_child *worker)
{
    struct worker_child *next = worker != NULL ? worker + 1 : supervisor.workers;

    while (next < supervisor.workers + COUNTERS_MILTERS_MAX && next->first == NULL)
        next++;
    return next < supervisor.workers + COUNTERS_MILTERS_MAX ? next : NULL;
}

#define EACH_WORKER(w)                                                                             \
    for (struct worker_child * (w) = milter_next_worker(NULL); (w) != NULL;                        \
            (w) = milter_next_worker(w))

static const struct bundle *milter_bundle_of(
        const struct candidate *candidate, const struct worker_child *worker)
{
    for (size_t i = 0; i < candidate->count; i++)
        if (strcmp(candidate->bundles[i].section, worker->name) == 0)
            return &candidate->bundles[i];
    return NULL;
}

static struct worker_child *milter_find_worker(const char *name)
{
    EACH_WORKER(w)
    if (strcmp(w->name, name) == 0)
        return w;
    return NULL;
}

/* The workers */

static int milter_work(void *context, size_t index, int control)
{
    struct worker_child *worker = context;
    struct bundle *bundle =
            (struct bundle *)(uintptr_t)milter_bundle_of(&supervisor.current, worker);

    (void)index;
    close(supervisor.signals);
    recorder_child_forget(&supervisor.recorder);
    EACH_WORKER(other)
    if (other != worker && other->child.control >= 0)
        close(other->child.control);
    return milter_worker_run(&worker->place, bundle, control);
}

/* Takes a slot for a section that has none. */
static bool milter_add_worker(const struct bundle *bundle, gid_t group, struct problems *problems)
{
    struct worker_child *w = supervisor.workers;

    while (w < supervisor.workers + COUNTERS_MILTERS_MAX && w->first != NULL)
        w++;
    if (w == supervisor.workers + COUNTERS_MILTERS_MAX)
        return false;
    const size_t slot = (size_t)(w - supervisor.workers);
    const struct milter_worker_place place = {
            .identity = supervisor.identity,
            .empty_folder = supervisor.empty_folder,
            .socket_group = group,
            .counters = supervisor.recorder.counters,
            .slot = slot,
            .ring = recorder_child_ring(&supervisor.recorder, slot),
    };
    return place.ring != NULL && worker_child_init(w, bundle, &place, problems);
}

/* Each section of the configuration has a worker, and no other one stays. */
static bool milter_settle(uint64_t now)
{
    struct problems *problems = problems_init(supervisor.path);
    bool good = problems != NULL;

    EACH_WORKER(w)
    {
        w->is_leaving = milter_bundle_of(&supervisor.current, w) == NULL;
        if (w->is_leaving)
            worker_child_stop(w, now);
    }
    for (size_t i = 0; good && i < supervisor.current.count; i++)
        if (milter_find_worker(supervisor.current.bundles[i].section) == NULL)
            good = milter_add_worker(
                    &supervisor.current.bundles[i], supervisor.current.groups[i], problems);
    if (!good)
        log_event(LOG_LEVEL_ERROR, "not-started", "error",
                "a section `milter` has no room or no memory");
    problems_free(&problems);
    return good;
}

/* From now on this is what the workers have, or are started with. The candidate is empty then. */
static bool milter_adopt(struct candidate *candidate)
{
    if (supervisor.current.config == supervisor.first)
        supervisor.current.config = NULL;
    candidate_clear(&supervisor.current);
    supervisor.current = *candidate;
    *candidate = (struct candidate){0};
    config_configure_log(supervisor.current.config);
    const bool settled = milter_settle(mono_ms());
    recorder_child_use(&supervisor.recorder, supervisor.current.config, &supervisor.identity,
            supervisor.current.metrics, mono_ms());
    supervisor.current.metrics = NULL;
    return settled;
}

static bool milter_read(struct candidate *candidate, struct problems *problems)
{
    if (!candidate_read(supervisor.path, candidate, problems))
        return false;
    if (supervisor.first == NULL)
        supervisor.identity = candidate->identity;
    return recorder_child_open(&supervisor.recorder, candidate->config, &supervisor.identity,
            &candidate->metrics, problems);
}

/* Reload */

static void milter_accept(struct candidate *candidate)
{
    struct problems *warnings = problems_init(supervisor.path);

    if (warnings != NULL) {
        candidate_warn_of_restart(candidate, supervisor.first, warnings);
        problems_log(warnings, LOG_LEVEL_WARNING, "restart-needed");
    }
    problems_free(&warnings);
    (void)milter_adopt(candidate);
    log_event(LOG_LEVEL_NOTICE, "reloaded", "config", supervisor.path);
    notify_send("READY=1");
}

/* Those that do not answer, or did not take what others took, begin anew with it. */
static void milter_replace_workers(enum worker_child_answer answer)
{
    EACH_WORKER(w)
    if (w->answer == answer)
        child_kill(&w->child);
}

static void milter_offer(struct candidate *candidate, uint64_t now)
{
    supervisor.offered = *candidate;
    *candidate = (struct candidate){0};
    supervisor.answer_by = now + WORKER_CHILD_ANSWER_TIMEOUT;
    EACH_WORKER(w)
    {
        const struct bundle *bundle = milter_bundle_of(&supervisor.offered, w);
        w->answer = WORKER_CHILD_IDLE;
        if (bundle == NULL || !w->is_ready || w->is_leaving)
            continue;
        w->answer = WORKER_CHILD_ASKED;
        if (!bundle_send(w->child.control, bundle)) {
            log_event(LOG_LEVEL_ERROR, "reload-failed", "error", strerror(errno));
            child_kill(&w->child);
        }
    }
}

/* How many workers have answered so. */
static size_t milter_count_answers(enum worker_child_answer answer)
{
    size_t count = 0;

    EACH_WORKER(w)
    count += w->answer == answer;
    return count;
}

static void milter_tend_offer(uint64_t now)
{
    if (supervisor.offered.config == NULL)
        return;
    if (milter_count_answers(WORKER_CHILD_ASKED) > 0) {
        if (now < supervisor.answer_by)
            return;
        log_event(LOG_LEVEL_ERROR, "reload-failed", "error", "the worker does not answer");
        supervisor.answer_by = UINT64_MAX;
        milter_replace_workers(WORKER_CHILD_ASKED);
        return;
    }
    if (milter_count_answers(WORKER_CHILD_TAKEN) > 0 ||
            milter_count_answers(WORKER_CHILD_REFUSED) == 0) {
        milter_accept(&supervisor.offered);
        milter_replace_workers(WORKER_CHILD_REFUSED);
    } else {
        candidate_clear(&supervisor.offered);
        notify_send("READY=1");
    }
    EACH_WORKER(w)
    w->answer = WORKER_CHILD_IDLE;
}

static void milter_reload(uint64_t now)
{
    struct problems *problems = problems_init(supervisor.path);
    struct candidate candidate = {0};

    supervisor.reload = false;
    notify_reloading();
    if (problems != NULL && milter_read(&candidate, problems)) {
        milter_offer(&candidate, now);
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
    EACH_WORKER(w)
    if (w->child.pid > 0 && !w->is_ready)
        return false;
    return supervisor.is_started && !supervisor.is_stopping && supervisor.offered.config == NULL;
}

/* What the workers say */

static void milter_on_ready(const struct worker_child *worker)
{
    bool all = true;

    worker_child_log_ready(worker, supervisor.current.config);
    EACH_WORKER(w)
    all = all && (w->is_ready || w->is_leaving);
    supervisor.is_started = supervisor.is_started || all;
    if (all)
        notify_send("READY=1");
}

static void milter_listen(void)
{
    EACH_WORKER(w)
    {
        const bool was_ready = w->is_ready;
        worker_child_listen(w);
        if (w->is_ready && !was_ready)
            milter_on_ready(w);
    }
}

/* The end */

static void milter_reaped(struct worker_child *worker, int status, uint64_t now)
{
    const bool was_ready = worker->was_ready;

    worker_child_reaped(worker, status, supervisor.is_stopping || worker->kill_at != 0, now);
    if (worker->was_ready && !was_ready)
        milter_on_ready(worker);
    /* What it has not answered is read again. */
    supervisor.reload = supervisor.reload || supervisor.offered.config != NULL;
    candidate_clear(&supervisor.offered);
    if (worker->kill_at == 0 || supervisor.is_stopping)
        return;
    worker->kill_at = 0;
    worker_child_clear(worker);
    (void)milter_settle(now); /* its section may be back */
}

static void milter_reap(uint64_t now)
{
    int status = 0;
    pid_t pid;

    while ((pid = child_reap(&status)) > 0) {
        if (recorder_child_reaped(&supervisor.recorder, pid, status, now))
            continue;
        EACH_WORKER(w)
        {
            if (w->child.pid != pid)
                continue;
            milter_reaped(w, status, now);
            break;
        }
    }
}

static void milter_stop(uint64_t now)
{
    if (supervisor.is_stopping)
        return;
    notify_send("STOPPING=1");
    log_event(LOG_LEVEL_NOTICE, "stopping", NULL, NULL);
    supervisor.is_stopping = true;
    EACH_WORKER(w)
    worker_child_stop(w, now);
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
    uint64_t due = recorder_child_due(&supervisor.recorder);

    if (supervisor.offered.config != NULL && supervisor.answer_by < due)
        due = supervisor.answer_by;
    EACH_WORKER(w)
    if (worker_child_due(w, now) < due)
        due = worker_child_due(w, now);
    if (pending >= 0 && now + (uint64_t)pending < due)
        due = now + (uint64_t)pending;
    return due;
}

static void milter_wait(uint64_t now)
{
    struct pollfd polled[1 + COUNTERS_MILTERS_MAX] = {{.fd = supervisor.signals, .events = POLLIN}};
    nfds_t count = 1;
    const uint64_t due = milter_due(now);

    EACH_WORKER(w)
    polled[count++] = (struct pollfd){.fd = w->child.control, .events = POLLIN};
    (void)poll(polled, count, due == UINT64_MAX ? -1 : due > now ? (int)(due - now) : 0);
}

/* Workers of the start that cannot start take the daemon with them. One that comes later is tried
 * again and again. */
static void milter_tend_workers(uint64_t now)
{
    EACH_WORKER(w)
    {
        worker_child_tend_stop(w, now);
        if (supervisor.is_stopping || w->child.pid > 0)
            continue;
        if (supervisor.is_started || worker_child_goes_on(w, now)) {
            worker_child_tend(w, now, milter_work);
        } else {
            supervisor.has_failed = true;
            break;
        }
    }
    if (!supervisor.has_failed || supervisor.is_stopping)
        return;
    supervisor.is_stopping = true;
    EACH_WORKER(w)
    worker_child_stop(w, now);
}

static bool milter_any_runs(void)
{
    EACH_WORKER(w)
    if (w->child.pid > 0)
        return true;
    return false;
}

/* False when it is over. */
static bool milter_turn(void)
{
    milter_wait(mono_ms());
    const uint64_t now = mono_ms();
    milter_listen();
    milter_on_signals(now);
    if (supervisor.reload && milter_can_reload())
        milter_reload(now);
    milter_tend_offer(now);
    milter_tend_workers(now);
    recorder_child_tend(&supervisor.recorder, now);
    log_flush();
    return !supervisor.is_stopping || milter_any_runs();
}

/* The exit status of a start that fails; EXIT_SUCCESS when workers can be started. */
static int milter_prepare(void)
{
    struct problems *problems = problems_init(supervisor.path);
    struct candidate candidate = {0};
    int status = EXIT_SUCCESS;

    if (problems == NULL || !milter_read(&candidate, problems)) {
        status = problems != NULL && !problems_are_passing(problems) ? EX_CONFIG : EXIT_FAILURE;
        if (problems != NULL)
            problems_log(problems, LOG_LEVEL_ERROR, "not-started");
        else
            log_event(LOG_LEVEL_ERROR, "not-started", "problem", "out of memory");
    } else {
        supervisor.empty_folder = supervisor.identity.is_root ? identity_empty_folder() : -1;
        supervisor.first = candidate.config;
        if (supervisor.identity.is_root && supervisor.empty_folder < 0) {
            status = EXIT_FAILURE;
            log_errno(LOG_LEVEL_ERROR, "not-started", NULL, NULL);
        }
        if (!milter_adopt(&candidate))
            status = EXIT_FAILURE;
    }
    candidate_clear(&candidate);
    problems_free(&problems);
    return status;
}

/* The exit status after the loop. */
static int milter_end(void)
{
    bool misconfigured = false;

    EACH_WORKER(w)
    {
        misconfigured = misconfigured || w->misconfigured;
        worker_child_clear(w);
    }
    recorder_child_end(&supervisor.recorder);
    log_event(LOG_LEVEL_NOTICE, supervisor.is_started ? "stopped" : "not-started", NULL, NULL);
    log_flush();
    candidate_clear(&supervisor.offered);
    if (supervisor.current.config != supervisor.first)
        config_free(&supervisor.first);
    candidate_clear(&supervisor.current);
    if (!supervisor.has_failed)
        return EXIT_SUCCESS;
    return misconfigured ? EX_CONFIG : EXIT_FAILURE;
}

int milter_run(const char *config_path)
{
    supervisor.path = config_path;
    supervisor.signals = signals_open();
    if (supervisor.signals < 0 || !recorder_child_init(&supervisor.recorder)) {
        log_errno(LOG_LEVEL_ERROR, "not-started", NULL, NULL);
        return EXIT_FAILURE;
    }
    const int status = milter_prepare();
    if (status != EXIT_SUCCESS)
        return status;
    recorder_child_tend(&supervisor.recorder, mono_ms());
    milter_tend_workers(mono_ms());
    while (milter_turn())
        ;
    return milter_end();
}
