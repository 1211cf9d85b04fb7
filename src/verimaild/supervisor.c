// SPDX-License-Identifier: ISC
#include "verimaild/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/run_as.h"
#include "events/alarm.h"
#include "process/notify.h"
#include "process/signals.h"
#include "verimaild/generation.h"
#include "verimaild/keyuse.h"
#include "verimaild/service.h"
#include "verimaild/tables.h"

#define GENERATIONS_MAX 16         /* with those that still finish; a further reload waits */
#define SAVE_EVERY 60000           /* milliseconds between two records of the keys' use */
#define KEY_AGE UINT64_C(31536000) /* seconds: replace a pair of keys before */
#define KEY_WARNING 10             /* a tenth of its age before a key nears its end */
#define KEY_LOOK_EVERY (UINT64_C(86400) * 1000) /* milliseconds */
#define POLL_MAX 514 /* the signals, and the workers of two generations */

static struct supervisor {
    const char *path;
    int signals;
    bool misconfigured; /* the configuration that was read last cannot be used */
    struct generation *all[GENERATIONS_MAX]; /* NULL: a free place */
    struct generation *starting;             /* one of them; NULL: no reload is under way */
    struct generation *serving;              /* one of them */
    struct counters *counters;               /* of all generations */
    struct alarm alarm;
    uint64_t alarm_at; /* milliseconds: when to look at the keys' ages again */
    bool stopping;
    bool reload;      /* was asked for */
    uint64_t save_at; /* milliseconds: the next record of the keys' use */
    bool cannot_save; /* and this was said */
} parent;

/* In a child: what belongs to the parent, or to other generations. */
static void forget_all_but(const struct generation *mine)
{
    close(parent.signals);
    for (size_t i = 0; i < GENERATIONS_MAX; i++)
        if (parent.all[i] != mine)
            generation_free(&parent.all[i]);
}

static struct generation **free_place(void)
{
    for (size_t i = 0; i < GENERATIONS_MAX; i++)
        if (parent.all[i] == NULL)
            return &parent.all[i];
    return NULL;
}

/* A new generation in its place, started; NULL when it could not be: the log says why. */
static struct generation *supervisor_start(const char *event, uint64_t now)
{
    struct problems *problems = problems_init(parent.path);
    struct generation **place = free_place();

    if (problems == NULL || place == NULL)
        return NULL;
    *place = generation_init(parent.path, parent.counters, problems);
    parent.misconfigured = *place == NULL;
    if (*place != NULL && !generation_open(*place, parent.serving, problems))
        generation_free(place);
    if (*place == NULL)
        problems_log(problems, LOG_LEVEL_ERROR, event);
    else
        generation_start(*place, now, forget_all_but);
    problems_free(&problems);
    return *place;
}

static uint64_t longest_lifetime(const struct config *config)
{
    uint64_t longest = 0;

    for (size_t i = 0; i < config->domains_count; i++)
        if (config->domains[i].policy.lifetime > longest)
            longest = config->domains[i].policy.lifetime;
    return longest;
}

static void warn_keyuse(
        const struct config *config, const struct keyring *ring, struct problems *warnings)
{
    keyuse_warn(ring, config->service->state.at, longest_lifetime(config), unix_now(), warnings);
}

/* Says of keys that should soon have been replaced, so that there is time to do it. */
static void look_at_keys(uint64_t now)
{
    const uint64_t today = unix_now();

    for (size_t i = 0; i < COUNTERS_KEYS_MAX && parent.counters->keys[i].since > 0; i++) {
        const struct counter_key *key = &parent.counters->keys[i];
        char subject[sizeof key->host + sizeof key->id + 16];
        if (today < key->since || today - key->since < KEY_AGE - KEY_AGE / KEY_WARNING)
            continue;
        snprintf(subject, sizeof subject, "%s, key id %s", key->host, key->id);
        parent.alarm.said[COUNTER_ALARM_KEY] = 0; /* a day apart, and each of them then */
        alarm_raise(&parent.alarm, COUNTER_ALARM_KEY, subject,
                "a pair of keys should be replaced before it is a year old", now);
    }
    parent.alarm_at = now + KEY_LOOK_EVERY;
}

static void save_keyuse(const struct generation *g)
{
    const bool saved = generation_save_keyuse(g, unix_now());

    if (!saved && !parent.cannot_save)
        log_errno(LOG_LEVEL_WARNING, "state-not-written", "folder",
                generation_config(g)->service->state.at);
    parent.cannot_save = !saved;
}

static void note_keys(uint64_t now)
{
    parent.save_at = now + SAVE_EVERY;
    if (parent.serving == NULL)
        return;
    save_keyuse(parent.serving);
    generation_show_keys(parent.serving);
    if (now >= parent.alarm_at)
        look_at_keys(now);
}

static void serve(struct generation *g, uint64_t now)
{
    struct problems *warnings = problems_init(parent.path);

    note_keys(now);
    parent.serving = g;
    parent.starting = NULL;
    config_configure_log(generation_config(g));
    generation_log(g);
    if (warnings != NULL) {
        warn_keyuse(generation_config(g), generation_keyring(g), warnings);
        problems_log(warnings, LOG_LEVEL_WARNING, "key-removed");
    }
    problems_free(&warnings);
    note_keys(now);
    notify_send("READY=1");
}

static void start_reload(uint64_t now)
{
    parent.reload = false;
    notify_reloading();
    parent.starting = supervisor_start("reload-refused", now);
    if (parent.starting == NULL)
        notify_send("READY=1");
}

static void settle_reload(uint64_t now)
{
    struct generation *g = parent.starting;
    struct generation *old = parent.serving;

    if (g == NULL)
        return;
    if (generation_has_failed(g)) {
        parent.starting = NULL;
        generation_retire(g, NULL, now);
        log_event(LOG_LEVEL_ERROR, "reload-refused", "problem",
                "a worker with the new configuration did not start; the old one goes on");
        notify_send("READY=1");
    } else if (generation_is_ready(g)) {
        serve(g, now);
        generation_retire(old, g, now);
        log_event(LOG_LEVEL_NOTICE, "reloaded", "config", parent.path);
    }
}

static void supervisor_stop(uint64_t now)
{
    notify_send("STOPPING=1");
    log_event(LOG_LEVEL_NOTICE, "stopping", NULL, NULL);
    for (size_t i = 0; i < GENERATIONS_MAX; i++)
        if (parent.all[i] != NULL && !generation_is_retired(parent.all[i]))
            generation_retire(parent.all[i], NULL, now);
    parent.starting = NULL;
    parent.serving = NULL;
    parent.stopping = true;
}

static void supervisor_reap(uint64_t now)
{
    int status = 0;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        bool known = false;
        for (size_t i = 0; !known && i < GENERATIONS_MAX; i++)
            known = parent.all[i] != NULL && generation_reaped(parent.all[i], pid, status, now);
    }
}

static void supervisor_on_signals(uint64_t now)
{
    struct signalfd_siginfo info;

    while (read(parent.signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            parent.reload = true;
        else if (info.ssi_signo == SIGCHLD)
            supervisor_reap(now);
        else
            supervisor_stop(now);
    }
}

static size_t all_workers(void)
{
    size_t count = 0;

    for (size_t i = 0; i < GENERATIONS_MAX; i++)
        if (parent.all[i] != NULL)
            count += generation_workers(parent.all[i]);
    return count;
}

/* What every generation needs from time to time. Returns how many there are. */
static size_t tend(uint64_t now)
{
    size_t count = 0;

    for (size_t i = 0; i < GENERATIONS_MAX; i++) {
        struct generation *g = parent.all[i];
        if (g == NULL)
            continue;
        generation_heard(g);
        /* One that is starting is not helped: if a worker of it dies, it is refused. */
        if (g == parent.serving)
            generation_restart(g, now);
        /* When all end, the recorders wait for the last worker of any: who is told that it was the
         * last marks the store of counts as whole. */
        if (generation_is_retired(g) && (!parent.stopping || all_workers() == 0) &&
                generation_dismiss(g, parent.stopping, now) && !generation_has_failed(g))
            save_keyuse(g);
        generation_expire(g, now);
        if (generation_is_retired(g) && generation_alive(g) == 0)
            generation_free(&parent.all[i]);
        count += parent.all[i] != NULL;
    }
    return count;
}

static void wait_for_something(uint64_t now)
{
    struct pollfd fds[POLL_MAX] = {{.fd = parent.signals, .events = POLLIN}};
    size_t count = 1;
    int left = log_pending();

    if (parent.serving != NULL && (left < 0 || parent.save_at < now + (uint64_t)left))
        left = parent.save_at > now ? (int)(parent.save_at - now) : 0;

    for (size_t i = 0; i < GENERATIONS_MAX; i++) {
        if (parent.all[i] == NULL)
            continue;
        count += generation_poll(parent.all[i], fds + count, POLL_MAX - count);
        const int wait = generation_time_left(parent.all[i], now);
        if (wait >= 0 && (left < 0 || wait < left))
            left = wait;
    }
    poll(fds, count, left);
}

/* Waits until the first generation is ready, or told to stop. False when it could not start. */
static bool open_shop(void)
{
    struct generation *g = supervisor_start("not-started", mono_ms());

    while (g != NULL && !generation_is_ready(g) && !generation_has_failed(g)) {
        const uint64_t now = mono_ms();
        wait_for_something(now);
        supervisor_on_signals(now);
        if (generation_is_retired(g))
            return true;
        tend(now);
    }
    if (g == NULL)
        return false;
    if (generation_has_failed(g)) {
        generation_retire(g, NULL, mono_ms());
        return false;
    }
    serve(g, mono_ms());
    return true;
}

int verimaild_run(const char *path)
{
    parent.path = path;
    parent.counters = counters_init();
    parent.alarm.counters = parent.counters;
    parent.signals = signals_open();
    if (parent.counters == NULL || parent.signals < 0) {
        log_errno(LOG_LEVEL_ERROR, "not-started", NULL, NULL);
        return EXIT_FAILURE;
    }
    const bool served = open_shop();
    uint64_t now = mono_ms();
    while (tend(now) > 0) {
        settle_reload(now);
        if (parent.reload && parent.starting == NULL && parent.serving != NULL &&
                free_place() != NULL)
            start_reload(now);
        wait_for_something(now);
        now = mono_ms();
        supervisor_on_signals(now);
        if (now >= parent.save_at)
            note_keys(now);
        log_flush();
    }
    log_event(LOG_LEVEL_NOTICE, served ? "stopped" : "not-started", NULL, NULL);
    log_flush();
    if (served)
        return EXIT_SUCCESS;
    return parent.misconfigured ? EX_CONFIG : EXIT_FAILURE;
}

/* The files that the first process reads. Under systemd it is not root. */
static void supervisor_warn_unreadable(
        const struct config *config, const char *config_path, struct problems *warnings)
{
    const struct config_service *service = config->service;
    const char *run_as = service->run_as.at;

    run_as_check_file(run_as, config_path, 0, warnings);
    for (size_t i = 0; i < service->keys.count; i++)
        run_as_check_file(run_as, service->keys.at[i].at, service->keys.at[i].line, warnings);
    if (service->replay_password.at != NULL)
        run_as_check_file(
                run_as, service->replay_password.at, service->replay_password.line, warnings);
    for (size_t i = 0; i < config->domains_count; i++) {
        const struct config_text *key = &config->domains[i].classic_key;
        if (key->at != NULL)
            run_as_check_file(run_as, key->at, key->line, warnings);
    }
}

/* NULL when a start would fail. */
static struct service *supervisor_check_service(
        const struct config *config, struct problems *problems)
{
    struct identity identity;
    struct service *service = service_init(config, problems);

    if (!run_as_find(&config->service->run_as, &identity, problems) ||
            !tables_check(config, &identity, problems))
        service_free(&service);
    return service;
}

int verimaild_check(const char *path)
{
    struct problems *problems = problems_init(path);
    struct config *config = problems != NULL ? generation_config_read(path, problems) : NULL;
    struct service *service = config != NULL ? supervisor_check_service(config, problems) : NULL;
    const bool good = service != NULL;

    if (good) {
        warn_keyuse(config, service_keyring(service), problems);
        if (notify_is_booted())
            supervisor_warn_unreadable(config, path, problems);
    }
    if (problems != NULL)
        fputs(problems_text(problems), stderr);
    service_free(&service);
    config_free(&config);
    problems_free(&problems);
    return good ? EXIT_SUCCESS : EX_CONFIG;
}
