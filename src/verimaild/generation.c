// SPDX-License-Identifier: ISC
#include "verimaild/generation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "config/config.h"
#include "config/run_as.h"
#include "events/alarm.h"
#include "events/event.h"
#include "events/metrics_socket.h"
#include "events/recorder_setup.h"
#include "process/child.h"
#include "verimaild/listening.h"
#include "verimaild/state_lock.h"
#include "verimaild/tables.h"
#include "verimaild/verimaild.h"

#define LISTENERS_MAX 1024
#define GRACE_MORE 1000     /* milliseconds beyond the grace that a worker gives itself */
#define RECORDER_GRACE 7000 /* milliseconds to record what is left */

struct worker {
    struct child child;
    bool ready;
    bool lacks_stores;
    bool serves;      /* one that lacks its stores was told to accept */
    uint64_t alarmed; /* milliseconds: when it or one before it said so */
    struct ring *ring;
};

struct generation {
    struct config *config;
    struct service *service;
    struct keyuse *keyuse;
    const struct generation_shared *shared;
    struct state_lock *lock;
    struct listening *listening;
    struct metrics_socket *metrics; /* NULL: counters are not shown */
    struct identity identity;
    int empty_folder;
    bool retired;
    uint64_t kill_at; /* once retired */
    bool failed;
    void (*forget)(const struct generation *);
    struct child recorder;
    bool dismissed; /* the recorder was told to finish, too */
    size_t count;
    struct worker workers[];
};

static size_t generation_worker_count(const struct config_service *service)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (service->workers > 0)
        return (size_t)service->workers;
    return processors > 0 ? (size_t)processors : 1;
}

static bool generation_find_identity(struct generation *g, struct problems *problems)
{
    if (!run_as_find(&g->config->service->run_as, &g->identity, problems))
        return false;
    if (!g->identity.is_root)
        return true;
    g->empty_folder = identity_empty_folder();
    if (g->empty_folder < 0)
        problems_add(problems, 0, "no empty folder can be made in /tmp", strerror(errno), NULL);
    return g->empty_folder >= 0;
}

/* The first worker has as many sockets as any. */
static bool generation_has_sockets(const struct generation *g, struct problems *problems)
{
    if (listening_of_worker(g->listening, 0, g->count, NULL, 0) <= LISTENERS_MAX)
        return true;
    problems_add(problems, g->config->service->line, "too many sockets for so few workers", NULL,
            "more workers, fewer addresses, or a restart: a reload keeps all sockets");
    return false;
}

/* Everything that can be wrong before a socket is opened. */
static bool generation_read_all(struct generation *g, struct problems *problems)
{
    g->service = service_init(g->config, problems);
    if (g->service == NULL || !tables_check(g->config, &g->identity, problems))
        return false;
    g->keyuse = keyuse_init(service_keyring(g->service));
    for (size_t i = 0; g->keyuse != NULL && i < g->count; i++) {
        g->workers[i].ring = ring_init(&event_kind);
        if (g->workers[i].ring == NULL)
            break;
    }
    if (g->keyuse != NULL && g->workers[g->count - 1].ring != NULL)
        return true;
    problems_add(problems, 0, strerror(errno), NULL, "memory to share with the workers");
    return false;
}

bool generation_open(struct generation *g, const struct generation *before,
        struct generation *const *all, size_t all_count, struct problems *problems)
{
    const struct listening *ours[GENERATIONS_MAX];

    for (size_t i = 0; i < all_count && i < GENERATIONS_MAX; i++)
        ours[i] = all[i] != NULL ? all[i]->listening : NULL;
    g->listening = listening_open(g->config->service, g->count,
            before != NULL ? before->listening : NULL, ours, all_count, problems);
    return g->listening != NULL && generation_has_sockets(g, problems) &&
           metrics_socket_open(&g->config->service->metrics,
                   before != NULL ? before->metrics : NULL, &g->identity, &g->metrics, problems);
}

struct generation *generation_init(const char *path, const struct generation *before,
        const struct generation_shared *shared, struct problems *problems)
{
    struct config *config = service_config_read(path, problems);

    if (config == NULL)
        return NULL;
    const size_t count = generation_worker_count(config->service);
    struct generation *g = calloc(1, sizeof *g + count * sizeof g->workers[0]);
    if (g == NULL) {
        problems_add_memory(problems);
        config_free(&config);
        return NULL;
    }
    g->config = config;
    g->shared = shared;
    g->count = count;
    g->empty_folder = -1;
    g->recorder = child_of("recorder", SOCK_SEQPACKET);
    for (size_t i = 0; i < count; i++)
        g->workers[i].child = child_of("worker", SOCK_SEQPACKET);
    if (generation_find_identity(g, problems))
        g->lock = state_lock_open(&config->service->state, &g->identity,
                before != NULL ? before->lock : NULL, problems);
    if (g->lock == NULL || !generation_read_all(g, problems))
        generation_free(&g);
    return g;
}

/* In a child: the supervisor's ends of the sockets to all children. */
static void generation_close_controls(struct generation *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->workers[i].child.control >= 0)
            close(g->workers[i].child.control);
    if (g->recorder.control >= 0)
        close(g->recorder.control);
}

void generation_free(struct generation **generation)
{
    struct generation *g = *generation;

    if (g == NULL)
        return;
    generation_close_controls(g);
    for (size_t i = 0; i < g->count; i++)
        ring_free(&g->workers[i].ring);
    if (g->empty_folder >= 0)
        close(g->empty_folder);
    metrics_socket_close(&g->metrics);
    listening_close(&g->listening);
    state_lock_close(&g->lock);
    keyuse_free(&g->keyuse);
    service_free(&g->service);
    config_free(&g->config);
    free(g);
    *generation = NULL;
}

static int generation_work(void *context, size_t index, int control)
{
    struct generation *g = context;
    int fds[LISTENERS_MAX];
    struct worker_setup setup = {
            .config = g->config->service,
            .service = g->service,
            .keyuse = g->keyuse,
            .counters = g->shared->counters,
            .ring = g->workers[index].ring,
            .workers = g->count,
            .identity = &g->identity,
            .empty_folder = g->empty_folder,
            .control = control,
            .listeners = fds,
            .listeners_shared = listening_is_shared(g->listening),
            .stores_alarmed = g->workers[index].alarmed,
    };

    g->forget(g);
    generation_close_controls(g);
    metrics_socket_close(&g->metrics);
    config_configure_log(g->config);
    close(g->shared->counters_fd);
    ring_close_fd(g->workers[index].ring);
    for (size_t i = 0; i < g->count; i++) {
        if (i == index)
            continue;
        ring_free(&g->workers[i].ring);
        const size_t others = listening_of_worker(g->listening, i, g->count, fds, LISTENERS_MAX);
        for (size_t k = 0; k < others && !setup.listeners_shared; k++)
            close(fds[k]);
    }
    setup.listeners_count = listening_of_worker(g->listening, index, g->count, fds, LISTENERS_MAX);
    return worker_run(&setup);
}

/* Everything else of this process is closed in the program that it becomes. */
static int generation_record(void *context, size_t index, int control)
{
    struct generation *g = context;
    const struct config *config = g->config;
    struct ring **rings = calloc(g->count, sizeof(struct ring *));

    (void)index;
    prctl(PR_SET_NAME, "verimail-record"); /* what ps(1) shows of the program's name */
    child_watches_control();
    if (rings == NULL)
        return EXIT_FAILURE;
    for (size_t i = 0; i < g->count; i++)
        rings[i] = g->workers[i].ring;
    struct recorder_setup setup = {
            .daemon = RECORDER_SERVICE,
            .state = config->service->state.at,
            .store = config->record->store.at,
            .ip = config->record->ip.at,
            .replay = config->service->replay.at,
            .keep = config->record->keep,
            .size = config->record->size,
            .alarm_forgeries = config->service->alarm_forgeries,
            .alarm_sending = config->service->alarm_sending,
            .alarm_texts = config->service->alarm_texts,
            .identity = g->identity,
            .control = control,
            .metrics = metrics_socket_fd(g->metrics),
            .counters_fd = g->shared->counters_fd,
            .rings = rings,
            .rings_count = g->count,
    };
    config_log_settings(config, &setup.log_level, &setup.log_format);
    const int status = recorder_exec(g->shared->recorder, &setup);
    free(rings);
    return status;
}

bool generation_start(
        struct generation *g, uint64_t mono_ms, void (*forget)(const struct generation *))
{
    g->forget = forget;
    /* The workers go on without a recorder. */
    if (!child_start(&g->recorder, mono_ms, generation_record, g, 0))
        log_errno(LOG_LEVEL_ERROR, "no-process", "of", g->recorder.name);
    for (size_t i = 0; i < g->count; i++) {
        if (!child_start(&g->workers[i].child, mono_ms, generation_work, g, i)) {
            log_errno(LOG_LEVEL_ERROR, "no-process", "of", g->workers[i].child.name);
            g->failed = true;
            return false;
        }
    }
    return true;
}

void generation_restart(struct generation *g, uint64_t mono_ms)
{
    if (g->retired)
        return;
    if (metrics_socket_try(g->metrics, mono_ms))
        recorder_give_metrics(g->recorder.control, metrics_socket_fd(g->metrics));
    if (child_restart(&g->recorder, mono_ms, generation_record, g, 0))
        counters_add(&g->shared->counters->recorders_restarted, 1);
    for (size_t i = 0; i < g->count; i++) {
        if (child_restart(&g->workers[i].child, mono_ms, generation_work, g, i)) {
            g->workers[i].ready = false;
            g->workers[i].serves = false;
            counters_add(&g->shared->counters->workers_restarted, 1);
        }
    }
}

int generation_time_left(const struct generation *g, uint64_t mono_ms)
{
    uint64_t due = g->retired ? g->kill_at : metrics_socket_due(g->metrics);

    if (!g->retired && child_due(&g->recorder) < due)
        due = child_due(&g->recorder);
    for (size_t i = 0; i < g->count && !g->retired; i++)
        if (child_due(&g->workers[i].child) < due)
            due = child_due(&g->workers[i].child);
    if (due == UINT64_MAX)
        return -1;
    return due > mono_ms ? (int)(due - mono_ms) : 0;
}

bool generation_reaped(struct generation *g, pid_t pid, int status, uint64_t mono_ms)
{
    if (g->recorder.pid == pid) {
        child_ended(&g->recorder, status, g->dismissed, mono_ms);
        return true;
    }
    for (size_t i = 0; i < g->count; i++) {
        struct worker *worker = &g->workers[i];
        if (worker->child.pid != pid)
            continue;
        const bool renewed = WIFEXITED(status) && WEXITSTATUS(status) == WORKER_RENEW;
        /* One that still lacks its stores has said so; it may do so every second. */
        if (renewed && !g->retired && !worker->lacks_stores)
            log_event(
                    LOG_LEVEL_NOTICE, "worker-renewed", "because", "a store is to be opened anew");
        child_ended(&worker->child, status, renewed || g->retired, mono_ms);
        if (renewed)
            child_again(&worker->child, WORKER_RENEW_EVERY, mono_ms);
        g->failed = g->failed || !worker->ready;
        return true;
    }
    return false;
}

bool generation_is_ready(const struct generation *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (!g->workers[i].ready)
            return false;
    return true;
}

bool generation_lacks_stores(const struct generation *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->workers[i].lacks_stores)
            return true;
    return false;
}

void generation_serve(struct generation *g)
{
    const char order = WORKER_SERVE;

    for (size_t i = 0; i < g->count; i++) {
        struct worker *worker = &g->workers[i];
        if (worker->child.pid == 0 || !worker->ready || !worker->lacks_stores || worker->serves)
            continue;
        worker->serves = true;
        child_tell(&worker->child, &order, 1);
    }
}

bool generation_has_failed(const struct generation *g)
{
    return g->failed;
}

size_t generation_workers(const struct generation *g)
{
    size_t alive = 0;

    for (size_t i = 0; i < g->count; i++)
        alive += g->workers[i].child.pid != 0;
    return alive;
}

size_t generation_alive(const struct generation *g)
{
    return generation_workers(g) + (g->recorder.pid != 0);
}

size_t generation_poll(const struct generation *g, struct pollfd *fds_r, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < g->count && n < size; i++)
        if (g->workers[i].child.control >= 0 && !g->workers[i].ready)
            fds_r[n++] = (struct pollfd){.fd = g->workers[i].child.control, .events = POLLIN};
    return n;
}

static void generation_on_word(struct worker *worker, char word)
{
    const bool lacked = worker->lacks_stores;

    worker->ready = word == WORKER_READY || word == WORKER_READY_WITHOUT;
    worker->lacks_stores = word == WORKER_READY_WITHOUT;
    if (!worker->lacks_stores)
        worker->alarmed = 0;
    else if (worker->child.started - worker->alarmed >= ALARM_EVERY)
        worker->alarmed = worker->child.started;
    if (lacked && !worker->lacks_stores)
        log_event(LOG_LEVEL_NOTICE, "stores-opened", NULL, NULL);
}

void generation_heard(struct generation *g)
{
    char word;

    for (size_t i = 0; i < g->count; i++) {
        struct worker *worker = &g->workers[i];
        if (worker->child.control >= 0 && !worker->ready &&
                recv(worker->child.control, &word, 1, MSG_DONTWAIT) == 1)
            generation_on_word(worker, word);
    }
}

void generation_retire(struct generation *g, const struct generation *successor, uint64_t mono_ms)
{
    g->retired = true;
    g->kill_at = mono_ms + WORKER_GRACE + GRACE_MORE;
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
        child_tell(&g->workers[i].child, packet, 1 + count);
    }
    if (successor != NULL)
        metrics_socket_end(g->metrics, successor->metrics);
    listening_release(g->listening);
}

bool generation_is_retired(const struct generation *g)
{
    return g->retired;
}

bool generation_dismiss(struct generation *g, bool last, uint64_t mono_ms)
{
    const char order = last ? RECORDER_STOP : RECORDER_HAND_OVER;

    if (g->dismissed || generation_workers(g) > 0)
        return false;
    g->dismissed = true;
    g->kill_at = mono_ms + RECORDER_GRACE;
    child_tell(&g->recorder, &order, 1);
    if (last)
        metrics_socket_end(g->metrics, NULL);
    return true;
}

void generation_expire(struct generation *g, uint64_t mono_ms)
{
    if (!g->retired || mono_ms < g->kill_at)
        return;
    g->kill_at = UINT64_MAX;
    for (size_t i = 0; i < g->count; i++)
        child_kill(&g->workers[i].child);
    if (g->dismissed)
        child_kill(&g->recorder);
}

void generation_count_lost(struct generation *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const uint64_t lost = ring_discard(g->workers[i].ring);
        counters_add(&g->shared->counters->events_dropped, lost);
        counters_add(&g->shared->counters->gap_lost, lost);
    }
}

bool generation_save_keyuse(const struct generation *g, uint64_t unix_now)
{
    return keyuse_save(g->keyuse, g->config->service->state.at, unix_now);
}

void generation_show_keys(const struct generation *g)
{
    keyuse_show(g->keyuse, g->shared->counters);
}

const struct keyring *generation_keyring(const struct generation *g)
{
    return service_keyring(g->service);
}

const struct config *generation_config(const struct generation *g)
{
    return g->config;
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
    log_string(&line, "record", g->config->record->store.at);
    log_end(&line);
    if (!g->identity.is_root)
        log_event(LOG_LEVEL_NOTICE, "not-root", "because",
                "workers keep the user that verimaild was started as, and its root folder");
}
