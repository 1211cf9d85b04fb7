// SPDX-License-Identifier: ISC
#include "verimaild/generation.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "config/configfile.h"
#include "verimaild/listening.h"
#include "verimaild/worker.h"

#define LISTENERS_MAX 1024
#define STEADY 10000    /* milliseconds after which a worker is not to blame for how it died */
#define GRACE_MORE 1000 /* milliseconds that a finishing worker gets beyond its own grace */
#define BACK_OFF_FIRST 100
#define BACK_OFF_MAX 10000

struct child {
    pid_t pid; /* 0: not running */
    int control;
    bool ready;
    uint64_t started;
    uint64_t restart; /* when, if it is not running */
    unsigned failures;
};

struct generation {
    struct config *config;
    struct service *service;
    struct keyuse *keyuse;
    struct listening *listening;
    struct identity identity;
    int empty_folder;
    bool retired;
    uint64_t kill_at; /* once retired */
    bool failed;
    size_t count;
    struct child children[];
};

static size_t worker_count(const struct config_service *service)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (service->workers > 0)
        return (size_t)service->workers;
    return processors > 0 ? (size_t)processors : 1;
}

bool generation_identity(const struct config_service *service, struct identity *identity_r,
        struct problems *problems)
{
    const struct config_text *run_as = &service->run_as;
    const bool found = identity_find(run_as->at, identity_r);

    if (!found)
        problems_add(
                problems, run_as->line, "run_as", run_as->at, "a user of this machine, not root");
    return found;
}

static bool find_identity(struct generation *g, struct problems *problems)
{
    if (!generation_identity(g->config->service, &g->identity, problems))
        return false;
    if (g->identity.is_root)
        g->empty_folder = identity_empty_folder();
    if (g->identity.is_root && g->empty_folder < 0)
        problems_add(problems, 0, "no empty folder can be made in /tmp", strerror(errno), NULL);
    return !g->identity.is_root || g->empty_folder >= 0;
}

struct config *generation_config_read(const char *path, struct problems *problems)
{
    struct config *config = configfile_read(path, problems);

    if (config != NULL && config->service == NULL) {
        problems_add(problems, 0, "no section", "service", "service { ... }");
        config_free(&config);
    }
    return config;
}

/* The first worker has as many sockets as any. */
static bool sockets_suffice(const struct generation *g, struct problems *problems)
{
    if (listening_of_worker(g->listening, 0, g->count, NULL, 0) <= LISTENERS_MAX)
        return true;
    problems_add(problems, g->config->service->line, "too many sockets for so few workers", NULL,
            "more workers, fewer addresses, or a restart: a reload keeps all sockets");
    return false;
}

struct generation *generation_init(
        const char *path, const struct generation *before, struct problems *problems)
{
    struct config *config = generation_config_read(path, problems);

    if (config == NULL)
        return NULL;
    const size_t count = worker_count(config->service);
    struct generation *g = calloc(1, sizeof *g + count * sizeof g->children[0]);
    if (g == NULL) {
        problems_add(problems, 0, "memory is short", NULL, NULL);
        config_free(&config);
        return NULL;
    }
    g->config = config;
    g->count = count;
    g->empty_folder = -1;
    for (size_t i = 0; i < count; i++)
        g->children[i].control = -1;
    g->service = service_init(config, problems);
    if (g->service == NULL || !find_identity(g, problems)) {
        generation_free(&g);
        return NULL;
    }
    g->keyuse = keyuse_init(service_keyring(g->service));
    if (g->keyuse == NULL) {
        problems_add(problems, 0, strerror(errno), NULL, "memory to share with the workers");
        generation_free(&g);
        return NULL;
    }
    g->listening = listening_open(
            config->service, count, before != NULL ? before->listening : NULL, problems);
    if (g->listening == NULL || !sockets_suffice(g, problems))
        generation_free(&g);
    return g;
}

void generation_free(struct generation **generation)
{
    struct generation *g = *generation;

    if (g == NULL)
        return;
    for (size_t i = 0; i < g->count; i++)
        if (g->children[i].control >= 0)
            close(g->children[i].control);
    if (g->empty_folder >= 0)
        close(g->empty_folder);
    listening_close(&g->listening);
    keyuse_free(&g->keyuse);
    service_free(&g->service);
    config_free(&g->config);
    free(g);
    *generation = NULL;
}

/* The child's side of the fork. Does not return. */
static void become_worker(struct generation *g, size_t index, int control)
{
    int fds[LISTENERS_MAX];
    sigset_t none;
    struct worker_setup setup = {
            .limits = g->config->service,
            .service = g->service,
            .keyuse = g->keyuse,
            .identity = &g->identity,
            .empty_folder = g->empty_folder,
            .control = control,
            .listeners = fds,
            .listeners_shared = listening_is_shared(g->listening),
    };

    log_after_fork();
    generation_configure_log(g);
    /* The parent alone says when to stop: a terminal or a supervisor may signal the whole group. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < g->count; i++)
        if (g->children[i].control >= 0)
            close(g->children[i].control);
    for (size_t i = 0; i < g->count; i++) {
        if (i == index)
            continue;
        const size_t others = listening_of_worker(g->listening, i, g->count, fds, LISTENERS_MAX);
        for (size_t k = 0; k < others && !setup.listeners_shared; k++)
            close(fds[k]);
    }
    setup.listeners_count = listening_of_worker(g->listening, index, g->count, fds, LISTENERS_MAX);
    _exit(worker_run(&setup));
}

static bool start_child(
        struct generation *g, size_t index, uint64_t now, void (*forget)(const struct generation *))
{
    struct child *child = &g->children[index];
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    const pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        forget(g);
        become_worker(g, index, pair[1]);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return false;
    }
    child->pid = pid;
    child->control = pair[0];
    child->ready = false;
    child->started = now;
    return true;
}

bool generation_start(struct generation *g, uint64_t now, void (*forget)(const struct generation *))
{
    for (size_t i = 0; i < g->count; i++) {
        if (!start_child(g, i, now, forget)) {
            log_errno(LOG_LEVEL_ERROR, "no-worker", NULL, NULL);
            g->failed = true;
            return false;
        }
    }
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

void generation_restart(
        struct generation *g, uint64_t now, void (*forget)(const struct generation *))
{
    for (size_t i = 0; i < g->count; i++) {
        struct child *child = &g->children[i];
        if (g->retired || child->pid != 0 || now < child->restart)
            continue;
        if (!start_child(g, i, now, forget)) {
            log_errno(LOG_LEVEL_ERROR, "no-worker", NULL, NULL);
            child->restart = now + back_off(++child->failures);
        }
    }
}

int generation_time_left(const struct generation *g, uint64_t now)
{
    uint64_t due = g->retired ? g->kill_at : UINT64_MAX;

    for (size_t i = 0; i < g->count && !g->retired; i++)
        if (g->children[i].pid == 0 && g->children[i].restart < due)
            due = g->children[i].restart;
    if (due == UINT64_MAX)
        return -1;
    return due > now ? (int)(due - now) : 0;
}

static void log_death(const struct child *child, int status, uint64_t pause)
{
    struct log_line line;

    log_begin(&line, LOG_LEVEL_ERROR, "worker-died");
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

bool generation_reaped(struct generation *g, pid_t pid, int status, uint64_t now)
{
    for (size_t i = 0; i < g->count; i++) {
        struct child *child = &g->children[i];
        if (child->pid != pid)
            continue;
        if (!g->retired) {
            child->failures = now - child->started < STEADY ? child->failures + 1 : 1;
            const uint64_t pause = back_off(child->failures);
            child->restart = now + pause;
            log_death(child, status, pause);
        }
        g->failed = g->failed || !child->ready;
        child->pid = 0;
        close(child->control);
        child->control = -1;
        return true;
    }
    return false;
}

bool generation_is_ready(const struct generation *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (!g->children[i].ready)
            return false;
    return true;
}

bool generation_has_failed(const struct generation *g)
{
    return g->failed;
}

size_t generation_alive(const struct generation *g)
{
    size_t alive = 0;

    for (size_t i = 0; i < g->count; i++)
        alive += g->children[i].pid != 0;
    return alive;
}

size_t generation_poll(const struct generation *g, struct pollfd *fds_r, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < g->count && n < size; i++)
        if (g->children[i].control >= 0 && !g->children[i].ready)
            fds_r[n++] = (struct pollfd){.fd = g->children[i].control, .events = POLLIN};
    return n;
}

void generation_heard(struct generation *g)
{
    char word;

    for (size_t i = 0; i < g->count; i++) {
        struct child *child = &g->children[i];
        if (child->control >= 0 && !child->ready &&
                recv(child->control, &word, 1, MSG_DONTWAIT) == 1)
            child->ready = word == WORKER_READY;
    }
}

static void send_order(const struct child *child, const char *packet, size_t len)
{
    /* One that cannot be told has died, or will be killed when its time is up. */
    if (child->control >= 0)
        (void)!send(child->control, packet, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void generation_retire(struct generation *g, const struct generation *successor, uint64_t now)
{
    g->retired = true;
    g->kill_at = now + WORKER_GRACE + GRACE_MORE;
    for (size_t i = 0; i < g->count; i++) {
        char packet[1 + LISTENERS_MAX] = {WORKER_STOP};
        bool kept[LISTENERS_MAX] = {false};
        int unused;
        size_t count = 0;
        if (successor != NULL) {
            packet[0] = WORKER_HAND_OVER;
            count = listening_of_worker(g->listening, i, g->count, &unused, 1);
            listening_kept(g->listening, i, g->count, successor->listening, kept, LISTENERS_MAX);
        }
        for (size_t k = 0; k < count && k < LISTENERS_MAX; k++)
            packet[k + 1] = kept[k] ? WORKER_LISTENER_KEPT : WORKER_LISTENER_GOING;
        send_order(&g->children[i], packet, 1 + count);
    }
    /* What goes away is from now on theirs alone, and gone with them. */
    listening_close(&g->listening);
}

bool generation_is_retired(const struct generation *g)
{
    return g->retired;
}

void generation_expire(struct generation *g, uint64_t now)
{
    if (!g->retired || now < g->kill_at)
        return;
    g->kill_at = UINT64_MAX;
    for (size_t i = 0; i < g->count; i++)
        if (g->children[i].pid != 0)
            kill(g->children[i].pid, SIGKILL);
}

bool generation_save_keyuse(const struct generation *g, uint64_t today)
{
    return keyuse_save(g->keyuse, g->config->service->state.at, today);
}

const struct keyring *generation_keyring(const struct generation *g)
{
    return service_keyring(g->service);
}

const struct config *generation_config(const struct generation *g)
{
    return g->config;
}

void generation_configure_log(const struct generation *g)
{
    const struct config_service *service = g->config->service;
    enum log_level level = LOG_LEVEL_INFO;

    (void)log_level_find(service->log_level.at, &level); /* checked when it was read */
    log_configure(
            level, strcmp(service->log_format.at, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
}

void generation_log(const struct generation *g)
{
    struct log_line line;

    listening_log(g->listening);
    log_begin(&line, LOG_LEVEL_NOTICE, "ready");
    log_number(&line, "workers", g->count);
    log_number(&line, "domains", g->config->domains_count);
    log_number(&line, "hosts", g->config->hosts_count);
    log_string(&line, "replay", g->config->service->replay.at);
    log_end(&line);
    if (!g->identity.is_root)
        log_event(LOG_LEVEL_NOTICE, "not-root", "because",
                "workers keep the user that verimaild was started as, and its root folder");
}
