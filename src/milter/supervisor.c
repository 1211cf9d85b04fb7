// SPDX-License-Identifier: ISC
#include "milter/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
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
#include "config/run_as.h"
#include "milter/snapshot.h"
#include "milter/socket.h"
#include "milter/worker.h"
#include "process/notify.h"
#include "process/sandbox.h"
#include "process/signals.h"

#define BACK_OFF_FIRST 100 /* milliseconds until a process that died is started again */
#define BACK_OFF_MAX 10000
#define STEADY 10000     /* milliseconds after which it is not to blame for how it died */
#define STOP_LIMIT 10000 /* milliseconds that it gets to end by itself */
#define KNOCK_EVERY 200
#define SEND_LIMIT 10 /* seconds for new material */

static struct supervisor {
    const char *path;
    struct bundle material; /* of the process that runs, or is to be started again */
    struct config *config;  /* the same, read */
    struct config *first;   /* what it was at the start; `place` borrows from it */
    struct milter_worker_place place;
    int signals;
    pid_t child; /* 0: none */
    int control;
    bool ready;
    bool outdated;  /* it is not ready yet, and there is newer material than it has */
    bool was_ready; /* a process of ours served before */
    bool stopping;
    uint64_t started;
    uint64_t start_at;
    uint64_t kill_at;
    uint64_t back_off;
} supervisor = {.control = -1, .signals = -1};

static bool supervisor_find_identity(const struct config_milter *milter,
        struct identity *identity_r, gid_t *group_r, struct problems *problems)
{
    if (!run_as_find(&milter->run_as, identity_r, problems))
        return false;
    *group_r = identity_r->gid;
    if (milter->socket_group.at == NULL)
        return true;
    const struct group *group = getgrnam(milter->socket_group.at);
    if (group == NULL)
        problems_add(problems, milter->socket_group.line, "socket_group", milter->socket_group.at,
                "a group of this machine");
    else
        *group_r = group->gr_gid;
    return group != NULL;
}

/* What a start or a reload would use. */
struct candidate {
    struct bundle material;
    struct config *config;
    struct identity identity;
    gid_t group;
};

static void candidate_clear(struct candidate *candidate)
{
    bundle_clear(&candidate->material);
    config_free(&candidate->config);
}

/* All that is wrong is said in one go: later steps are taken when an earlier one found something.
 */
static bool candidate_read(
        const char *path, struct candidate *candidate_r, struct problems *problems)
{
    *candidate_r = (struct candidate){0};
    bool good = bundle_read(path, &candidate_r->material, &candidate_r->config, problems);

    if (candidate_r->config == NULL)
        return false;
    good = supervisor_find_identity(candidate_r->config->milter, &candidate_r->identity,
                   &candidate_r->group, problems) &&
           good;
    struct snapshot *snapshot = snapshot_init(&candidate_r->material, problems);
    good = snapshot != NULL && good;
    snapshot_release(&snapshot);
    return good;
}

/* The files that the supervisor reads. Under systemd it is not root. */
static void supervisor_warn_unreadable(
        const struct config *config, const char *config_path, struct problems *warnings)
{
    const char *run_as = config->milter->run_as.at;
    const struct config_text *logins = &config->milter->logins;

    run_as_check_file(run_as, config_path, 0, warnings);
    if (config->stamp_count > 0)
        run_as_check_file(run_as, config->stamp->key.at, config->stamp->key.line, warnings);
    if (logins->at[0] == '/')
        run_as_check_file(run_as, logins->at, logins->line, warnings);
}

int milter_check(const char *config_path)
{
    struct problems *problems = problems_init(config_path);
    struct candidate candidate = {0};
    const bool good = problems != NULL && candidate_read(config_path, &candidate, problems);

    if (good && notify_is_booted())
        supervisor_warn_unreadable(candidate.config, config_path, problems);
    if (problems != NULL)
        fputs(problems_text(problems), stderr);
    candidate_clear(&candidate);
    problems_free(&problems);
    return good ? EXIT_SUCCESS : EX_CONFIG;
}

/* From now on this is what runs. Takes the material and the configuration over. */
static void supervisor_adopt(struct candidate *candidate)
{
    bundle_clear(&supervisor.material);
    if (supervisor.config != supervisor.first)
        config_free(&supervisor.config);
    supervisor.material = candidate->material;
    supervisor.config = candidate->config;
    candidate->material = (struct bundle){0};
    candidate->config = NULL;
    config_configure_log(supervisor.config);
}

/* What a process is started with now and whenever it has to be started again. */
static bool supervisor_settle(const struct candidate *candidate)
{
    supervisor.first = supervisor.config;
    supervisor.place = (struct milter_worker_place){
            .milter = supervisor.first->milter,
            .verify = supervisor.first->verify_count > 0 ? supervisor.first->verify : NULL,
            .identity = candidate->identity,
            .empty_folder = candidate->identity.is_root ? identity_empty_folder() : -1,
            .socket_group = candidate->group,
    };
    return !candidate->identity.is_root || supervisor.place.empty_folder >= 0;
}

/* In the child. */
static void run_child(int control)
{
    close(supervisor.signals);
    log_after_fork();
    const int status = milter_worker_run(&supervisor.place, &supervisor.material, control);
    log_flush();
    _exit(status); /* nothing is put away: sessions may still use it */
}

static void start_child(uint64_t now)
{
    const struct timeval limit = {.tv_sec = SEND_LIMIT};
    int pair[2];

    supervisor.start_at = 0;
    supervisor.started = now;
    supervisor.ready = supervisor.outdated = false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        log_errno(LOG_LEVEL_ERROR, "not-started", NULL, NULL);
        supervisor.start_at = now + supervisor.back_off;
        return;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        run_child(pair[1]);
    }
    close(pair[1]);
    if (pid < 0) {
        log_errno(LOG_LEVEL_ERROR, "not-started", NULL, NULL);
        close(pair[0]);
        supervisor.start_at = now + supervisor.back_off;
        return;
    }
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    supervisor.child = pid;
    supervisor.control = pair[0];
}

static void supervisor_log_death(int status)
{
    struct log_line line;

    log_begin(&line, LOG_LEVEL_ERROR, "process-died");
    const char *signal = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    if (signal != NULL)
        log_string(&line, "signal", signal);
    else if (WIFSIGNALED(status))
        log_number(&line, "signal", (uint64_t)WTERMSIG(status));
    else
        log_number(&line, "status", (uint64_t)WEXITSTATUS(status));
    if (sandbox_death(status) != NULL)
        log_string(&line, "because", sandbox_death(status));
    log_end(&line);
}

static void supervisor_reap(uint64_t now)
{
    int status = 0;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != supervisor.child)
            continue;
        close(supervisor.control);
        supervisor.control = -1;
        supervisor.child = 0;
        supervisor.ready = supervisor.outdated = false;
        if (supervisor.stopping)
            continue;
        supervisor_log_death(status);
        if (now - supervisor.started >= STEADY)
            supervisor.back_off = BACK_OFF_FIRST;
        supervisor.start_at = now + supervisor.back_off;
        supervisor.back_off =
                supervisor.back_off * 2 < BACK_OFF_MAX ? supervisor.back_off * 2 : BACK_OFF_MAX;
    }
}

/* The values that a process takes at its start only. */
static const char *text_or_empty(const struct config_text *text)
{
    return text->at != NULL ? text->at : "";
}

static void supervisor_warn(struct problems *problems, const struct config_text *before,
        const struct config_text *after, const char *name)
{
    if (strcmp(text_or_empty(before), text_or_empty(after)) != 0)
        problems_add(problems, after->line, name, text_or_empty(after), "a restart to change it");
}

static bool same_list(const struct config_list *a, const struct config_list *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->at[i].at, b->at[i].at) == 0;
    return same;
}

static void warn_of_restart(
        const struct config *before, const struct config *after, struct problems *problems)
{
    supervisor_warn(problems, &before->milter->socket, &after->milter->socket, "socket");
    supervisor_warn(
            problems, &before->milter->socket_group, &after->milter->socket_group, "socket_group");
    supervisor_warn(problems, &before->milter->run_as, &after->milter->run_as, "run_as");
    if (before->milter->socket_mode != after->milter->socket_mode)
        problems_add(problems, after->milter->line, "socket_mode", NULL, "a restart to change it");
    if (before->verify_count == 0 && after->verify_count > 0)
        problems_add(problems, after->verify->line, "a new section `verify`", NULL,
                "a restart: until then nothing is verified");
    if (before->verify_count == 0 || after->verify_count == 0)
        return;
    supervisor_warn(problems, &before->verify->resolver, &after->verify->resolver, "resolver");
    if (before->verify->trust_anchors_given != after->verify->trust_anchors_given ||
            !same_list(&before->verify->trust_anchors, &after->verify->trust_anchors))
        problems_add(
                problems, after->verify->line, "trust_anchors", NULL, "a restart to change them");
}

static void hand_over(void)
{
    supervisor.outdated = false;
    if (bundle_send(supervisor.control, &supervisor.material))
        return;
    log_errno(LOG_LEVEL_ERROR, "reload-failed", NULL, NULL);
    (void)kill(supervisor.child, SIGKILL); /* the next one starts with it */
}

static void reload(void)
{
    struct problems *problems = problems_init(supervisor.path);
    struct problems *warnings = problems_init(supervisor.path);
    struct candidate candidate = {0};

    notify_reloading();
    if (problems != NULL && warnings != NULL &&
            candidate_read(supervisor.path, &candidate, problems)) {
        warn_of_restart(supervisor.first, candidate.config, warnings);
        problems_log(warnings, LOG_LEVEL_WARNING, "restart-needed");
        supervisor_adopt(&candidate);
        /* A process that is not there yet will start with it. */
        supervisor.outdated = supervisor.child > 0;
        if (supervisor.ready)
            hand_over();
    } else {
        if (problems != NULL)
            problems_log(problems, LOG_LEVEL_ERROR, "reload-refused");
        notify_send("READY=1");
    }
    candidate_clear(&candidate);
    problems_free(&problems);
    problems_free(&warnings);
}

static void supervisor_stop(uint64_t now)
{
    if (supervisor.stopping)
        return;
    notify_send("STOPPING=1");
    log_event(LOG_LEVEL_NOTICE, "stopping", NULL, NULL);
    supervisor.stopping = true;
    supervisor.kill_at = now + STOP_LIMIT;
    if (supervisor.child > 0)
        (void)kill(supervisor.child, SIGTERM);
}

static void supervisor_on_signals(uint64_t now)
{
    struct signalfd_siginfo info;

    while (read(supervisor.signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            supervisor_reap(now);
        else if (info.ssi_signo != SIGHUP)
            supervisor_stop(now);
        else if (!supervisor.stopping)
            reload();
    }
}

static void log_ready(void)
{
    const struct config *config = supervisor.config;
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
                "the milter process keeps the user that this was started as, and its root folder");
}

static void on_word(char word)
{
    if (word == MILTER_WORKER_READY) {
        supervisor.ready = supervisor.was_ready = true;
        log_ready();
        if (supervisor.outdated)
            hand_over();
    } else if (word == MILTER_WORKER_TOOK) {
        log_event(LOG_LEVEL_NOTICE, "reloaded", "config", supervisor.path);
    }
    notify_send("READY=1");
}

/* What the process says. */
static void listen_to_child(void)
{
    char word;

    while (supervisor.control >= 0 && recv(supervisor.control, &word, 1, MSG_DONTWAIT) == 1)
        on_word(word);
}

static int supervisor_time_left(uint64_t now)
{
    const int pending = log_pending();
    uint64_t until = UINT64_MAX;

    if (supervisor.stopping)
        until = now + KNOCK_EVERY;
    else if (supervisor.start_at > 0)
        until = supervisor.start_at;
    if (pending >= 0 && now + (uint64_t)pending < until)
        until = now + (uint64_t)pending;
    if (until == UINT64_MAX)
        return -1;
    return until > now ? (int)(until - now) : 0;
}

static void tend_stop(uint64_t now)
{
    if (now >= supervisor.kill_at)
        (void)kill(supervisor.child, SIGKILL);
    else
        socket_knock(supervisor.place.milter);
}

/* False when it is over. */
static bool supervisor_turn(void)
{
    struct pollfd polled[] = {
            {.fd = supervisor.signals, .events = POLLIN},
            {.fd = supervisor.control, .events = POLLIN},
    };

    (void)poll(polled, 2, supervisor_time_left(mono_ms()));
    const uint64_t now = mono_ms();
    listen_to_child();
    supervisor_on_signals(now);
    log_flush();
    if (supervisor.stopping && supervisor.child > 0)
        tend_stop(now);
    if (supervisor.child > 0)
        return true;
    /* One that never served is not tried again: what is wrong was said. */
    if (supervisor.stopping || !supervisor.was_ready)
        return false;
    if (now >= supervisor.start_at)
        start_child(now);
    return true;
}

/* The exit status of a start that fails; EXIT_SUCCESS when a process can be started. */
static int supervisor_prepare(void)
{
    struct problems *problems = problems_init(supervisor.path);
    struct candidate candidate = {0};
    int status = EXIT_SUCCESS;

    if (problems == NULL || !candidate_read(supervisor.path, &candidate, problems)) {
        status = EX_CONFIG;
        if (problems != NULL)
            problems_log(problems, LOG_LEVEL_ERROR, "not-started");
    } else {
        supervisor_adopt(&candidate);
        if (!supervisor_settle(&candidate)) {
            status = EXIT_FAILURE;
            log_errno(LOG_LEVEL_ERROR, "not-started", NULL, NULL);
        }
    }
    candidate_clear(&candidate);
    problems_free(&problems);
    return status;
}

int milter_run(const char *config_path)
{
    supervisor.path = config_path;
    supervisor.back_off = BACK_OFF_FIRST;
    supervisor.signals = signals_open();
    if (supervisor.signals < 0) {
        log_errno(LOG_LEVEL_ERROR, "not-started", NULL, NULL);
        return EXIT_FAILURE;
    }
    const int status = supervisor_prepare();
    if (status != EXIT_SUCCESS)
        return status;
    start_child(mono_ms());
    while (supervisor_turn())
        ;
    if (supervisor.was_ready)
        socket_remove(supervisor.place.milter);
    log_event(LOG_LEVEL_NOTICE, supervisor.was_ready ? "stopped" : "not-started", NULL, NULL);
    log_flush();
    bundle_clear(&supervisor.material);
    if (supervisor.config != supervisor.first)
        config_free(&supervisor.config);
    config_free(&supervisor.first);
    return supervisor.stopping ? EXIT_SUCCESS : EXIT_FAILURE;
}
