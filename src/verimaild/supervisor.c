// SPDX-License-Identifier: ISC
#include "verimaild/verimaild.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/log.h"
#include "config/across.h"
#include "config/run_as.h"
#include "events/alarm.h"
#include "events/recorder_setup.h"
#include "process/child.h"
#include "process/notify.h"
#include "process/signals.h"
#include "verimaild/generation.h"
#include "verimaild/keyuse.h"
#include "verimaild/service.h"
#include "verimaild/tables.h"

#define START_TIMEOUT 30000        /* milliseconds that a new generation has to be ready */
#define RELOAD_AGAIN 1000          /* milliseconds */
#define SAVE_EVERY 60000           /* milliseconds between two records of the keys' use */
#define KEY_AGE UINT64_C(31536000) /* seconds: replace a pair of keys before */
#define KEY_WARNING 10             /* the alarm comes in the last tenth of that age */
#define KEY_LOOK_EVERY (UINT64_C(86400) * 1000) /* milliseconds */
#define POLL_MAX 514 /* the signals, and the workers of two generations */

static struct supervisor {
    const char *path;
    int signals;
    bool misconfigured; /* the configuration that was read last cannot be used */
    struct generation *all[GENERATIONS_MAX]; /* NULL: a free slot */
    struct generation *starting;             /* one of them; NULL: no reload is under way */
    struct generation *serving;              /* one of them */
    struct generation_shared shared;
    char recorder[RECORDER_PATH_MAX];
    struct alarm alarm;
    uint64_t alarm_at; /* milliseconds: when to look at the keys' ages again */
    bool stopping;
    bool reload;        /* a SIGHUP asked for it */
    uint64_t reload_at; /* milliseconds: a reload that failed in passing is tried again; 0: none */
    uint64_t ready_by;  /* milliseconds: for the generation that is starting */
    uint64_t save_at;   /* milliseconds: the next record of the keys' use */
    bool cannot_save;   /* the last failed, which was logged */
} supervisor;

/* In a child: lets go of what belongs to the supervisor, or to other generations. */
static void verimaild_forget_all_but(const struct generation *mine)
{
    close(supervisor.signals);
    for (size_t i = 0; i < GENERATIONS_MAX; i++)
        if (supervisor.all[i] != mine)
            generation_free(&supervisor.all[i]);
}

static struct generation **verimaild_free_slot(void)
{
    for (size_t i = 0; i < GENERATIONS_MAX; i++)
        if (supervisor.all[i] == NULL)
            return &supervisor.all[i];
    return NULL;
}

/* Starts a new generation. NULL when that failed: the log says why. */
static struct generation *verimaild_start(const char *event, uint64_t mono_ms)
{
    struct problems *problems = problems_init(supervisor.path);
    struct generation **slot = verimaild_free_slot();

    if (problems == NULL || slot == NULL) {
        problems_free(&problems);
        log_event(LOG_LEVEL_ERROR, event, "problem", "out of memory");
        return NULL;
    }
    *slot = generation_init(supervisor.path, supervisor.serving, &supervisor.shared, problems);
    supervisor.misconfigured = *slot == NULL && !problems_are_passing(problems);
    if (*slot != NULL &&
            !generation_open(*slot, supervisor.serving, supervisor.all, GENERATIONS_MAX, problems))
        generation_free(slot);
    if (*slot == NULL)
        problems_log(problems, LOG_LEVEL_ERROR, event);
    else
        generation_start(*slot, mono_ms, verimaild_forget_all_but);
    if (*slot == NULL && problems_are_passing(problems))
        supervisor.reload_at = mono_ms + RELOAD_AGAIN;
    supervisor.ready_by = mono_ms + START_TIMEOUT;
    problems_free(&problems);
    return *slot;
}

static uint64_t longest_lifetime(const struct config *config)
{
    uint64_t longest = 0;

    for (size_t i = 0; i < config->domains_count; i++)
        if (config->domains[i].policy.lifetime > longest)
            longest = config->domains[i].policy.lifetime;
    return longest;
}

static void verimaild_warn_keyuse(
        const struct config *config, const struct keyring *ring, struct problems *warnings)
{
    keyuse_warn(ring, config->service->state.at, longest_lifetime(config), unix_now(), warnings);
}

/* Raises an alarm for each pair of keys that must soon be replaced. */
static void verimaild_check_key_ages(uint64_t mono_ms)
{
    const uint64_t unix_seconds = unix_now();

    for (size_t i = 0; i < COUNTERS_KEYS_MAX && supervisor.shared.counters->keys[i].since > 0;
            i++) {
        const struct counter_key *key = &supervisor.shared.counters->keys[i];
        char subject[sizeof key->host + sizeof key->id + 16];
        if (unix_seconds < key->since ||
                unix_seconds - key->since < KEY_AGE - KEY_AGE / KEY_WARNING)
            continue;
        snprintf(subject, sizeof subject, "%s, key id %s", key->host, key->id);
        supervisor.alarm.said[COUNTER_ALARM_KEY] = 0; /* each pair has its alarm, once a day */
        alarm_raise(&supervisor.alarm, COUNTER_ALARM_KEY, subject,
                "a pair of keys should be replaced before it is a year old", mono_ms);
    }
    supervisor.alarm_at = mono_ms + KEY_LOOK_EVERY;
}

/* Raises an alarm for each host whose stamps end soon, or ended. */
static void verimaild_check_host_ends(const struct config *config, uint64_t mono_ms)
{
    for (size_t i = 0; i < config->hosts_count; i++) {
        const struct config_host *host = &config->hosts[i];
        char because[128];
        char date[DATE_TEXT_MAX];
        if (!across_host_is_ending(host, unix_now()))
            continue;
        date_format(host->expires, date);
        snprintf(because, sizeof because, "stamps of the host are permitted until %s", date);
        supervisor.alarm.said[COUNTER_ALARM_HOST] = 0; /* each host has its alarm, once a day */
        alarm_raise(&supervisor.alarm, COUNTER_ALARM_HOST, host->name.at, because, mono_ms);
    }
}

static void verimaild_save_keyuse(const struct generation *g)
{
    const bool saved = generation_save_keyuse(g, unix_now());
    /* As after a change of the user: then nobody knows when a key may go. */
    const bool is_lost = !saved && (errno == EACCES || errno == EPERM);

    if (!saved && !supervisor.cannot_save)
        log_errno(LOG_LEVEL_WARNING, is_lost ? "key-uses-lost" : "state-not-written", "folder",
                generation_config(g)->service->state.at);
    supervisor.cannot_save = !saved;
}

static void verimaild_note_keys(uint64_t mono_ms)
{
    supervisor.save_at = mono_ms + SAVE_EVERY;
    if (supervisor.serving == NULL)
        return;
    verimaild_save_keyuse(supervisor.serving);
    generation_show_keys(supervisor.serving);
    if (mono_ms < supervisor.alarm_at)
        return;
    verimaild_check_host_ends(generation_config(supervisor.serving), mono_ms);
    verimaild_check_key_ages(mono_ms);
}

static void verimaild_serve(struct generation *g, uint64_t mono_ms)
{
    struct problems *warnings = problems_init(supervisor.path);

    verimaild_note_keys(mono_ms);
    supervisor.serving = g;
    supervisor.starting = NULL;
    config_configure_log(generation_config(g));
    generation_log(g);
    if (warnings != NULL) {
        verimaild_warn_keyuse(generation_config(g), generation_keyring(g), warnings);
        problems_log(warnings, LOG_LEVEL_WARNING, "key-removed");
    }
    problems_free(&warnings);
    verimaild_note_keys(mono_ms);
    notify_send("READY=1");
}

static void verimaild_begin_reload(uint64_t mono_ms)
{
    supervisor.reload = false;
    supervisor.reload_at = 0;
    notify_reloading();
    supervisor.starting = verimaild_start("reload-refused", mono_ms);
    if (supervisor.starting == NULL)
        notify_send("READY=1");
}

/* The old generation stays. `again`: the reload is tried again. */
static void verimaild_refuse(
        struct generation *g, const char *problem, bool again, uint64_t mono_ms)
{
    supervisor.starting = NULL;
    generation_retire(g, NULL, mono_ms);
    if (again)
        supervisor.reload_at = mono_ms + RELOAD_AGAIN;
    log_event(LOG_LEVEL_ERROR, "reload-refused", "problem", problem);
    notify_send("READY=1");
}

static void verimaild_finish_reload(uint64_t mono_ms)
{
    struct generation *g = supervisor.starting;
    struct generation *old = supervisor.serving;

    if (g == NULL)
        return;
    if (generation_has_failed(g)) {
        verimaild_refuse(g,
                "a worker with the new configuration did not start; the old configuration stays in "
                "use",
                false, mono_ms);
    } else if (generation_is_ready(g) && generation_lacks_stores(g) &&
               !generation_lacks_stores(old)) {
        verimaild_refuse(g,
                "a worker with the new configuration cannot open its store of counts or a table of "
                "users; the old configuration stays in use, and the reload is tried again",
                true, mono_ms);
    } else if (!generation_is_ready(g) && mono_ms >= supervisor.ready_by) {
        verimaild_refuse(g,
                "the workers with the new configuration are not ready within 30 seconds; the old "
                "configuration stays in use, and the reload is tried again",
                true, mono_ms);
        generation_expire(g, UINT64_MAX);
    } else if (generation_is_ready(g)) {
        verimaild_serve(g, mono_ms);
        generation_retire(old, g, mono_ms);
        log_event(LOG_LEVEL_NOTICE, "reloaded", "config", supervisor.path);
    }
}

static void verimaild_stop(uint64_t mono_ms)
{
    notify_send("STOPPING=1");
    log_event(LOG_LEVEL_NOTICE, "stopping", NULL, NULL);
    for (size_t i = 0; i < GENERATIONS_MAX; i++)
        if (supervisor.all[i] != NULL && !generation_is_retired(supervisor.all[i]))
            generation_retire(supervisor.all[i], NULL, mono_ms);
    supervisor.starting = NULL;
    supervisor.serving = NULL;
    supervisor.stopping = true;
}

static void verimaild_reap(uint64_t mono_ms)
{
    int status = 0;
    pid_t pid;

    while ((pid = child_reap(&status)) > 0) {
        bool known = false;
        for (size_t i = 0; !known && i < GENERATIONS_MAX; i++)
            known = supervisor.all[i] != NULL &&
                    generation_reaped(supervisor.all[i], pid, status, mono_ms);
    }
}

static void verimaild_on_signals(uint64_t mono_ms)
{
    struct signalfd_siginfo info;

    while (read(supervisor.signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            supervisor.reload = true;
        else if (info.ssi_signo == SIGCHLD)
            verimaild_reap(mono_ms);
        else
            verimaild_stop(mono_ms);
    }
}

static size_t verimaild_workers(void)
{
    size_t count = 0;

    for (size_t i = 0; i < GENERATIONS_MAX; i++)
        if (supervisor.all[i] != NULL)
            count += generation_workers(supervisor.all[i]);
    return count;
}

/* Does what is due for every generation. Returns how many there are. */
static size_t verimaild_tend(uint64_t mono_ms)
{
    size_t count = 0;

    for (size_t i = 0; i < GENERATIONS_MAX; i++) {
        struct generation *g = supervisor.all[i];
        if (g == NULL)
            continue;
        generation_heard(g);
        /* A generation that is starting is refused when a worker of it dies. */
        if (g == supervisor.serving) {
            generation_serve(g);
            generation_restart(g, mono_ms);
        }
        /* At a stop the recorders wait for the last worker of any generation. The recorder that is
         * told that it is the last marks the store of counts as whole. */
        if (generation_is_retired(g) && (!supervisor.stopping || verimaild_workers() == 0) &&
                generation_dismiss(g, supervisor.stopping, mono_ms) && !generation_has_failed(g))
            verimaild_save_keyuse(g);
        generation_expire(g, mono_ms);
        if (generation_is_retired(g) && generation_alive(g) == 0) {
            generation_count_lost(g);
            generation_free(&supervisor.all[i]);
        }
        count += supervisor.all[i] != NULL;
    }
    return count;
}

static void verimaild_wait(uint64_t mono_ms)
{
    struct pollfd fds[POLL_MAX] = {{.fd = supervisor.signals, .events = POLLIN}};
    size_t count = 1;
    uint64_t due = supervisor.starting != NULL ? supervisor.ready_by : UINT64_MAX;
    int left = log_pending();

    if (supervisor.reload_at != 0 && supervisor.reload_at < due)
        due = supervisor.reload_at;
    if (due != UINT64_MAX && (left < 0 || due < mono_ms + (uint64_t)left))
        left = due > mono_ms ? (int)(due - mono_ms) : 0;
    if (supervisor.serving != NULL && (left < 0 || supervisor.save_at < mono_ms + (uint64_t)left))
        left = supervisor.save_at > mono_ms ? (int)(supervisor.save_at - mono_ms) : 0;

    for (size_t i = 0; i < GENERATIONS_MAX; i++) {
        if (supervisor.all[i] == NULL)
            continue;
        count += generation_poll(supervisor.all[i], fds + count, POLL_MAX - count);
        const int wait = generation_time_left(supervisor.all[i], mono_ms);
        if (wait >= 0 && (left < 0 || wait < left))
            left = wait;
    }
    poll(fds, count, left);
}

/* Waits until the first generation is ready, or told to stop. False when it could not start. */
static bool verimaild_open(void)
{
    struct generation *g = verimaild_start("not-started", mono_ms());

    while (g != NULL && !generation_is_ready(g) && !generation_has_failed(g)) {
        const uint64_t now = mono_ms();
        verimaild_wait(now);
        verimaild_on_signals(now);
        if (generation_is_retired(g))
            return true;
        verimaild_tend(now);
    }
    if (g == NULL)
        return false;
    if (generation_has_failed(g)) {
        generation_retire(g, NULL, mono_ms());
        return false;
    }
    verimaild_serve(g, mono_ms());
    return true;
}

static bool verimaild_has_recorder(void)
{
    struct problems *problems = problems_init(supervisor.path);
    const bool found = recorder_find(supervisor.recorder);

    supervisor.shared.recorder = supervisor.recorder;
    if (!found && problems != NULL)
        problems_add(problems, 0, RECORDER_MISSING, supervisor.recorder, RECORDER_EXPECTED);
    if (!found && problems != NULL)
        problems_log(problems, LOG_LEVEL_ERROR, "not-started");
    problems_free(&problems);
    return found;
}

int verimaild_run(const char *path)
{
    supervisor.path = path;
    if (!verimaild_has_recorder())
        return EX_CONFIG;
    supervisor.shared.counters = counters_init(&supervisor.shared.counters_fd);
    supervisor.alarm.counters = supervisor.shared.counters;
    supervisor.signals = signals_open();
    if (supervisor.shared.counters == NULL || supervisor.signals < 0) {
        log_errno(LOG_LEVEL_ERROR, "not-started", NULL, NULL);
        return EXIT_FAILURE;
    }
    const bool served = verimaild_open();
    uint64_t now = mono_ms();
    while (verimaild_tend(now) > 0) {
        verimaild_finish_reload(now);
        if (supervisor.reload_at != 0 && now >= supervisor.reload_at)
            supervisor.reload = true;
        if (supervisor.reload && supervisor.starting == NULL && supervisor.serving != NULL &&
                verimaild_free_slot() != NULL)
            verimaild_begin_reload(now);
        verimaild_wait(now);
        now = mono_ms();
        verimaild_on_signals(now);
        if (now >= supervisor.save_at)
            verimaild_note_keys(now);
        log_flush();
    }
    log_event(LOG_LEVEL_NOTICE, served ? "stopped" : "not-started", NULL, NULL);
    log_flush();
    if (served)
        return EXIT_SUCCESS;
    return supervisor.misconfigured ? EX_CONFIG : EXIT_FAILURE;
}
