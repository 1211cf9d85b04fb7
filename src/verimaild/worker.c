// SPDX-License-Identifier: ISC
#include "verimaild/verimaild.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "process/child.h"
#include "process/sandbox.h"
#include "replay/replay.h"
#include "verimaild/server.h"

#define TAKE_MAX 16   /* connections at most for one event */
#define MORE_EVERY 16 /* events between two attempts to accept more than one */
#define EVENTS_MAX 256
#define DRAIN_MAX 2000     /* milliseconds for what is queued when a worker is told to stop */
#define DRAIN_STEP 16      /* connections between two looks at the clock */
#define LISTENERS_MAX 1024 /* what a control packet has room for */

/* What an event belongs to: a connection's index, or one of these and up. */
#define STORE_EVENT (UINT64_C(1) << 35)
#define TIMER_EVENT (UINT64_C(1) << 34)
#define CONTROL_EVENT (UINT64_C(1) << 33)
#define LISTENER_EVENT (UINT64_C(1) << 32)

struct worker {
    const struct worker_setup *setup;
    struct server *server;
    int epoll;
    int timer;
    uint64_t timer_due; /* milliseconds; 0: it is not set */
    size_t take;        /* connections at once, at least 1 */
    unsigned events;
    bool open[LISTENERS_MAX]; /* whether we still accept there */
    bool finishing;
    bool renew;         /* a new worker must open the stores again */
    uint64_t finish_by; /* milliseconds */
};

static bool worker_watch(int epoll, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event event = {.events = events, .data.u64 = tag};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* A worker needs a descriptor for each connection it holds and a few of its own. Root may raise the
 * hard limit, but not in every container. */
static void worker_allow_connections(uint64_t connections)
{
    const rlim_t wanted = connections + 128;
    const struct rlimit all = {.rlim_cur = wanted, .rlim_max = wanted};
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    if (limit.rlim_max < wanted && setrlimit(RLIMIT_NOFILE, &all) == 0)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        log_event(LOG_LEVEL_WARNING, "few-descriptors", "because",
                "the limit of open files is below what `connections` asks for");
}

/* False with errno. */
static bool worker_listen(struct worker *w)
{
    const uint32_t events = EPOLLIN | (w->setup->listeners_shared ? EPOLLEXCLUSIVE : 0);

    for (size_t i = 0; i < w->setup->listeners_count; i++) {
        if (!w->open[i] &&
                !worker_watch(w->epoll, w->setup->listeners[i], events, LISTENER_EVENT + i))
            return false;
        w->open[i] = true;
    }
    return true;
}

static bool worker_watch_all(struct worker *w)
{
    if (!worker_watch(w->epoll, w->setup->control, EPOLLIN, CONTROL_EVENT) ||
            !worker_watch(w->epoll, w->timer, EPOLLIN, TIMER_EVENT))
        return false;
    const int store = server_store(w->server);
    if (store >= 0 && !worker_watch(w->epoll, store, EPOLLIN, STORE_EVENT))
        return false;
    return !server_has_stores(w->server) || worker_listen(w);
}

/* Whoever started the service, the files of the stores belong to the workers' user. A worker that
 * was taken over may have written what is in them now, so they are opened without root's rights. */
static struct server *worker_open_server(const struct worker *w)
{
    const struct worker_setup *setup = w->setup;
    const struct server_setup server = {
            .service = setup->service,
            .config = setup->config,
            .keyuse = setup->keyuse,
            .counters = setup->counters,
            .ring = setup->ring,
            .workers = setup->workers,
            .epoll = w->epoll,
            .stores_alarmed = setup->stores_alarmed,
    };

    return identity_yield(setup->identity) ? server_init(&server) : NULL;
}

/* Does what needs rights, then gives them up. */
static bool worker_set_up(struct worker *w)
{
    const struct worker_setup *setup = w->setup;
    const char *replay = setup->config->replay.at;
    const struct sandbox_worker may = {
            .files = replay_needs_files(replay) || service_tables(setup->service) > 0,
            .network = replay_needs_network(replay),
    };

    worker_allow_connections(setup->config->connections);
    service_after_fork(setup->service);
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (w->epoll < 0 || w->timer < 0 || setup->listeners_count > LISTENERS_MAX)
        return false;
    w->server = worker_open_server(w);
    if (w->server == NULL || !worker_watch_all(w) ||
            !identity_shut_in(setup->identity, setup->empty_folder) || !identity_stay_alone())
        return false;
    child_watches_control();
    return sandbox_enter_worker(&may);
}

static void worker_close_listener(struct worker *w, size_t i)
{
    if (!w->open[i])
        return;
    w->open[i] = false;
    epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->setup->listeners[i], NULL);
    close(w->setup->listeners[i]);
}

static void worker_finish(struct worker *w, uint64_t mono_ms)
{
    if (!w->finishing)
        w->finish_by = mono_ms + WORKER_GRACE;
    w->finishing = true;
}

/* Bounded in time: where clients come faster than they are answered, the queue is never empty. */
static void worker_stop(struct worker *w, uint64_t now)
{
    const uint64_t end = now + DRAIN_MAX;

    worker_finish(w, now);
    for (size_t i = 0; i < w->setup->listeners_count; i++) {
        bool more = w->open[i];
        while (more && now < end) {
            more = server_accept(w->server, w->setup->listeners[i], DRAIN_STEP, now);
            now = mono_ms();
        }
        worker_close_listener(w, i);
    }
}

/* What is queued waits for the successor: the supervisor holds the sockets too. */
static void worker_make_way(struct worker *w, uint64_t mono_ms)
{
    w->renew = true;
    worker_finish(w, mono_ms);
    for (size_t i = 0; i < w->setup->listeners_count; i++)
        worker_close_listener(w, i);
}

static void worker_on_control(struct worker *w, uint64_t mono_ms)
{
    char packet[1 + LISTENERS_MAX];
    const ssize_t len = recv(w->setup->control, packet, sizeof packet, MSG_DONTWAIT);

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0)
        epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->setup->control, NULL);
    if (len <= 0 || packet[0] == WORKER_STOP) {
        worker_stop(w, mono_ms);
        return;
    }
    if (packet[0] == WORKER_SERVE) {
        if (!w->finishing && !worker_listen(w))
            worker_make_way(w, mono_ms); /* another process may have the memory */
        return;
    }
    for (size_t i = 0; i + 1 < (size_t)len && i < w->setup->listeners_count; i++)
        if (packet[i + 1] == WORKER_LISTENER_KEPT)
            worker_close_listener(w, i);
    worker_finish(w, mono_ms);
}

static bool worker_listens(const struct worker *w)
{
    for (size_t i = 0; i < w->setup->listeners_count; i++)
        if (w->open[i])
            return true;
    return false;
}

static bool worker_is_done(const struct worker *w, uint64_t mono_ms)
{
    if (!w->finishing)
        return false;
    return mono_ms >= w->finish_by || (!worker_listens(w) && server_connections(w->server) == 0);
}

static int earlier(int a, int b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

/* Milliseconds until something is due; -1: never. */
static int worker_time_left(const struct worker *w, uint64_t mono_ms)
{
    int left = earlier(server_time_left(w->server, mono_ms), log_pending());

    if (w->finishing)
        left = earlier(left, w->finish_by > mono_ms ? (int)(w->finish_by - mono_ms) : 0);
    return left;
}

/* epoll_wait() with a time-out would cost the kernel a timer for every question. This timer is set
 * only now and then: it may go off too early, never too late. */
static void worker_set_timer(struct worker *w, uint64_t mono_ms)
{
    const int left = worker_time_left(w, mono_ms);
    const uint64_t due = left > 0 ? mono_ms + (uint64_t)left : mono_ms + 1;

    if (left < 0 || (w->timer_due != 0 && w->timer_due <= due))
        return;
    const struct itimerspec when = {
            .it_value = {.tv_sec = (time_t)(due / 1000), .tv_nsec = (long)(due % 1000) * 1000000}};
    timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &when, NULL);
    w->timer_due = due;
}

static void worker_on_timer(struct worker *w)
{
    uint64_t times;

    (void)!read(w->timer, &times, sizeof times);
    w->timer_due = 0;
}

/* Mostly one connection is there, and asking for a second costs a system call. So one is accepted
 * for each event, and now and then two. As long as there were as many as asked for, twice as many
 * are asked for next time. */
static void worker_accept(struct worker *w, int listener, uint64_t mono_ms)
{
    const bool more = w->take > 1 || ++w->events % MORE_EVERY == 0;

    if (!more) {
        (void)server_accept(w->server, listener, 1, mono_ms);
        return;
    }
    const size_t take = w->take < TAKE_MAX ? w->take * 2 : TAKE_MAX;
    w->take = server_accept(w->server, listener, take, mono_ms) ? take : 1;
}

static void worker_on_event(struct worker *w, uint64_t tag, uint64_t mono_ms)
{
    if (tag == STORE_EVENT) {
        /* server_commit() reads it in every turn */
    } else if (tag == TIMER_EVENT) {
        worker_on_timer(w);
    } else if (tag == CONTROL_EVENT) {
        worker_on_control(w, mono_ms);
    } else if (tag >= LISTENER_EVENT) {
        const size_t i = (size_t)(tag - LISTENER_EVENT);
        if (w->open[i])
            worker_accept(w, w->setup->listeners[i], mono_ms);
    } else {
        server_on_readable(w->server, (uint32_t)tag, mono_ms);
    }
}

/* Returns the time at its end. */
static uint64_t worker_turn(struct worker *w, uint64_t before)
{
    struct epoll_event events[EVENTS_MAX];

    worker_set_timer(w, before);
    const int count = epoll_wait(w->epoll, events, EVENTS_MAX, -1);
    const uint64_t now = mono_ms();

    for (int i = 0; i < count; i++)
        worker_on_event(w, events[i].data.u64, now);
    server_commit(w->server, now);
    server_expire(w->server, now);
    if (!w->finishing && server_is_stale(w->server, now))
        worker_make_way(w, now);
    log_tick(now);
    return now;
}

/* A supervisor that is not told waits for nothing. Where it is gone, the control socket says so in
 * the first turn. */
static void worker_say_ready(const struct worker *w)
{
    const char word = server_has_stores(w->server) ? WORKER_READY : WORKER_READY_WITHOUT;
    ssize_t put;

    do
        put = send(w->setup->control, &word, 1, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
}

int worker_run(const struct worker_setup *setup)
{
    struct worker *w = calloc(1, sizeof *w);

    if (w == NULL)
        return EXIT_FAILURE;
    w->setup = setup;
    w->take = 1;
    if (!worker_set_up(w)) {
        log_errno(LOG_LEVEL_ERROR, "worker-failed", NULL, NULL);
        server_free(&w->server);
        free(w);
        return EXIT_FAILURE;
    }
    log_buffer(true);
    worker_say_ready(w);
    uint64_t now = mono_ms();
    while (!worker_is_done(w, now))
        now = worker_turn(w, now);
    server_free(&w->server);
    log_flush();
    const int status = w->renew ? WORKER_RENEW : EXIT_SUCCESS;
    free(w);
    return status;
}
