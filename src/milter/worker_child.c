// SPDX-License-Identifier: ISC
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "milter/milter.h"
#include "milter/socket.h"

#define STOP_TIMEOUT 10000  /* milliseconds that a worker has to end by itself */
#define READY_TIMEOUT 10000 /* milliseconds that it has to be ready */
#define BUSY_TIMEOUT 15000  /* milliseconds to wait for the socket of another process at a start */
#define BUSY_AGAIN 500      /* milliseconds between two attempts to take that socket */
#define KNOCK_EVERY 200

bool worker_child_init(struct worker_child *worker, const struct bundle *bundle,
        const struct milter_worker_place *place, struct problems *problems)
{
    struct config *first = bundle_parse(bundle, problems);

    if (first == NULL)
        return false;
    *worker = (struct worker_child){
            .first = first, .place = *place, .child = child_of("worker", SOCK_STREAM)};
    worker->place.state = first->milter->state.at;
    worker->place.milter = config_find_milter(first, bundle->section);
    worker->place.verify = first->verify_count > 0 ? first->verify : NULL;
    worker->name = worker->place.milter->name.at != NULL ? worker->place.milter->name.at : "";
    snprintf(place->counters->mail[place->slot].name,
            sizeof place->counters->mail[place->slot].name, "%s", worker->name);
    return true;
}

void worker_child_clear(struct worker_child *worker)
{
    if (worker->was_ready)
        socket_remove(worker->place.milter);
    config_free(&worker->first);
}

void worker_child_tend(struct worker_child *worker, uint64_t now, child_work *work)
{
    const struct timeval timeout = {.tv_sec = WORKER_CHILD_ANSWER_TIMEOUT / 1000};

    if (!child_restart(&worker->child, now, work, worker, 0))
        return;
    counters_add(&worker->place.counters->workers_restarted, worker->was_ready);
    worker->is_ready = false;
    worker->is_late = false;
    worker->ready_by = now + READY_TIMEOUT;
    worker->said_len = 0;
    worker->answer = WORKER_CHILD_IDLE;
    (void)setsockopt(worker->child.control, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

static void worker_child_begin_line(
        struct log_line *line, enum log_level level, const char *event, const char *name)
{
    log_begin(line, level, event);
    if (name[0] != '\0')
        log_string(line, "milter", name);
}

static void worker_child_log(const struct worker_child *worker, enum log_level level,
        const char *event, const char *name, const char *value)
{
    struct log_line line;

    worker_child_begin_line(&line, level, event, worker->name);
    log_string(&line, name, value);
    log_end(&line);
}

void worker_child_log_ready(const struct worker_child *worker, const struct config *config)
{
    struct log_line line;

    worker_child_begin_line(&line, LOG_LEVEL_NOTICE, "ready", worker->name);
    const bool verifies = worker->place.verify != NULL && config->verify_count > 0;
    log_string(&line, "socket", worker->place.milter->socket.at);
    log_string(&line, "stamps", config->stamp_count > 0 ? "yes" : "no");
    log_string(&line, "verifies", verifies ? "yes" : "no");
    if (verifies)
        log_string(&line, "mode", config->verify->mode.at);
    log_end(&line);
    if (!worker->place.identity.is_root)
        log_event(LOG_LEVEL_NOTICE, "not-root", "because",
                "the worker keeps the user that this was started as, and its root folder");
}

/* Mostly it is the worker of a supervisor that was killed, and ends in a moment. */
static void worker_child_on_busy(struct worker_child *worker, const char *error)
{
    if (worker->is_busy)
        return;
    worker->is_busy = true;
    worker->busy_by = mono_ms() + BUSY_TIMEOUT;
    (void)snprintf(worker->busy, sizeof worker->busy, "%.*s", (int)sizeof worker->busy - 1, error);
    worker_child_log(worker, LOG_LEVEL_WARNING, "socket-busy", "error", error);
}

static void worker_child_on_line(struct worker_child *worker, const char *line)
{
    const bool is_asked = worker->answer == WORKER_CHILD_ASKED;

    switch (line[0]) {
    case MILTER_WORKER_READY:
        worker->is_ready = worker->was_ready = true;
        worker->is_busy = false;
        break;
    case MILTER_WORKER_TAKEN:
        worker->answer = is_asked ? WORKER_CHILD_TAKEN : worker->answer;
        break;
    case MILTER_WORKER_BUSY:
        worker_child_on_busy(worker, line + 1);
        break;
    case MILTER_WORKER_REFUSED:
        worker->answer = is_asked ? WORKER_CHILD_REFUSED : worker->answer;
        worker->misconfigured = worker->misconfigured || !is_asked;
        break;
    case MILTER_WORKER_PROBLEM:
        worker_child_log(worker, LOG_LEVEL_ERROR,
                worker->is_ready ? "reload-refused" : "not-started", "problem", line + 1);
        break;
    default:
        break;
    }
}

static void worker_child_take_octet(struct worker_child *worker, char octet)
{
    worker->said[worker->said_len++] = octet;
    if (octet != '\n' && worker->said_len < sizeof worker->said)
        return;
    worker->said[worker->said_len - 1] = '\0';
    worker->said_len = 0;
    worker_child_on_line(worker, worker->said);
}

void worker_child_listen(struct worker_child *worker)
{
    char octets[1024];
    ssize_t got;

    while (worker->child.control >= 0 &&
            (got = recv(worker->child.control, octets, sizeof octets, MSG_DONTWAIT)) > 0)
        for (ssize_t i = 0; i < got; i++)
            worker_child_take_octet(worker, octets[i]);
}

void worker_child_reaped(struct worker_child *worker, int status, bool is_expected, uint64_t now)
{
    worker_child_listen(worker);
    /* A worker that does not start and ends by itself has said why. */
    const bool has_said = worker->is_busy || (!worker->was_ready && WIFEXITED(status));
    child_ended(&worker->child, status, is_expected || has_said, now);
    if (worker->is_busy)
        child_again(&worker->child, BUSY_AGAIN, now);
    worker->is_ready = false;
}

void worker_child_stop(struct worker_child *worker, uint64_t now)
{
    if (worker->child.pid == 0 || worker->kill_at != 0)
        return;
    worker->kill_at = now + STOP_TIMEOUT;
    (void)kill(worker->child.pid, SIGTERM);
}

/* A worker that hangs before it is ready has not said why. It may work for the next one. */
static void worker_child_tend_start(struct worker_child *worker, uint64_t now)
{
    if (worker->is_ready || worker->is_late || now < worker->ready_by)
        return;
    worker->is_late = true;
    worker_child_log(worker, LOG_LEVEL_ERROR, "worker-late", "because",
            "the worker is not ready within 10 seconds, and is replaced");
    child_kill(&worker->child);
}

void worker_child_tend_stop(struct worker_child *worker, uint64_t now)
{
    if (worker->child.pid == 0)
        return;
    if (worker->kill_at == 0)
        worker_child_tend_start(worker, now);
    else if (now >= worker->kill_at)
        child_kill(&worker->child);
    else
        socket_knock(worker->place.milter);
}

bool worker_child_goes_on(const struct worker_child *worker, uint64_t now)
{
    if (worker->child.pid > 0 || worker->was_ready || worker->is_late)
        return true;
    if (worker->child.started == 0 || (worker->is_busy && now < worker->busy_by))
        return true;
    if (worker->is_busy)
        worker_child_log(worker, LOG_LEVEL_ERROR, "not-started", "error", worker->busy);
    return false;
}

uint64_t worker_child_due(const struct worker_child *worker, uint64_t now)
{
    if (worker->child.pid > 0 && worker->kill_at != 0)
        return now + KNOCK_EVERY;
    if (worker->child.pid > 0 && !worker->is_ready && !worker->is_late)
        return worker->ready_by;
    return child_due(&worker->child);
}
