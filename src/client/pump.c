// SPDX-License-Identifier: ISC
#include "client/pump.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"

#define KNOWN_NAME "localhost"
#define TYPE_A 1
#define CLASS_IN 1
#define PROBE_TIMEOUT 1000 /* milliseconds */
#define END_TIMEOUT 3000   /* milliseconds */

/* What libunbound is to do. It stays until libunbound is through with it, also when nobody waits
 * any more: libunbound does not say when it is through with a query that was cancelled. */
struct errand {
    TAILQ_ENTRY(errand) entry;
    struct pump *pump;
    void *lookup; /* NULL: the answer does not matter */
    int type;
    char name[PUMP_NAME_MAX];
};

TAILQ_HEAD(errands, errand);

struct pump {
    struct ub_ctx *context;
    pthread_mutex_t *lock;
    pump_on_answer *on_answer;
    void *owner;
    pthread_t thread;
    pthread_cond_t heard; /* libunbound answered */
    int wake;             /* an eventfd */
    bool is_stopping;     /* this and what follows: under the lock */
    bool is_ending;       /* at the end the thread deletes the context */
    bool is_deleted;
    uint64_t probed;     /* mono_ms(): when the known name was asked for; 0: it was answered */
    struct errands todo; /* libunbound has not got them yet */
    struct errands sent;
    struct pump *next_lost;
};

/* Those that were abandoned. */
static _Atomic(struct pump *) lost;

/* libunbound is through with it. */
static void pump_take_answer(void *context, int error, struct ub_result *answer)
{
    struct errand *errand = context;
    struct pump *pump = errand->pump;

    pthread_mutex_lock(pump->lock);
    TAILQ_REMOVE(&pump->sent, errand, entry);
    pump->probed = 0;
    pthread_cond_broadcast(&pump->heard);
    if (errand->lookup != NULL)
        pump->on_answer(pump->owner, errand->lookup, error, answer);
    else
        ub_resolve_free(answer);
    pthread_mutex_unlock(pump->lock);
    free(errand);
}

/* The next one to be given to libunbound. NULL: there is none, or it is stopping. */
static struct errand *pump_next(struct pump *pump)
{
    pthread_mutex_lock(pump->lock);
    struct errand *errand = pump->is_stopping ? NULL : TAILQ_FIRST(&pump->todo);
    if (errand != NULL) {
        TAILQ_REMOVE(&pump->todo, errand, entry);
        TAILQ_INSERT_TAIL(&pump->sent, errand, entry);
    }
    pthread_mutex_unlock(pump->lock);
    return errand;
}

/* libunbound makes its thread at the first query. */
static void pump_send(struct pump *pump)
{
    struct errand *errand;

    while ((errand = pump_next(pump)) != NULL) {
        const int error = ub_resolve_async(pump->context, errand->name, errand->type, CLASS_IN,
                errand, pump_take_answer, NULL);
        if (error != 0)
            pump_take_answer(errand, error, NULL);
    }
}

static bool pump_is_stopping(struct pump *pump)
{
    pthread_mutex_lock(pump->lock);
    const bool is_stopping = pump->is_stopping;
    pthread_mutex_unlock(pump->lock);
    return is_stopping;
}

/* libunbound waits for its own thread then, for ever if that does not hear of it. */
static void pump_delete(struct pump *pump)
{
    pthread_mutex_lock(pump->lock);
    const bool is_ending = pump->is_ending;
    pthread_mutex_unlock(pump->lock);
    if (!is_ending)
        return;
    ub_ctx_delete(pump->context);
    pthread_mutex_lock(pump->lock);
    pump->is_deleted = true;
    pthread_cond_broadcast(&pump->heard);
    pthread_mutex_unlock(pump->lock);
}

static void *pump_run(void *context)
{
    struct pump *pump = context;
    struct pollfd polled[] = {
            {.fd = ub_fd(pump->context), .events = POLLIN},
            {.fd = pump->wake, .events = POLLIN},
    };
    eventfd_t count;

    while (!pump_is_stopping(pump)) {
        pump_send(pump);
        if (poll(polled, 2, -1) <= 0)
            continue;
        if (polled[1].revents != 0)
            (void)eventfd_read(pump->wake, &count);
        if (polled[0].revents != 0)
            (void)ub_process(pump->context);
    }
    pump_delete(pump);
    return NULL;
}

/* Signals are not for the threads that are made here: where one waits for them in a thread of its
 * own, as libmilter does, that one must get them. */
static int pump_create_thread(struct pump *pump)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&pump->thread, NULL, pump_run, pump);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void pump_close(struct pump *pump)
{
    if (pump->wake >= 0)
        close(pump->wake);
    pthread_cond_destroy(&pump->heard);
    free(pump);
}

struct pump *pump_init(
        struct ub_ctx *context, pthread_mutex_t *lock, pump_on_answer *on_answer, void *owner)
{
    struct pump *pump = calloc(1, sizeof *pump);

    if (pump == NULL)
        return NULL;
    pump->context = context;
    pump->lock = lock;
    pump->on_answer = on_answer;
    pump->owner = owner;
    TAILQ_INIT(&pump->todo);
    TAILQ_INIT(&pump->sent);
    clock_cond_init(&pump->heard);
    pump->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const int error = pump->wake >= 0 ? pump_create_thread(pump) : errno;
    if (error == 0)
        return pump;
    pump_close(pump);
    errno = error;
    return NULL;
}

bool pump_ask(struct pump *pump, const char *name, int type, void *lookup)
{
    struct errand *errand = calloc(1, sizeof *errand);

    if (errand == NULL)
        return false;
    errand->pump = pump;
    errand->lookup = lookup;
    errand->type = type;
    (void)snprintf(errand->name, sizeof errand->name, "%s", name);
    TAILQ_INSERT_TAIL(&pump->todo, errand, entry);
    (void)eventfd_write(pump->wake, 1);
    return true;
}

void pump_probe(struct pump *pump)
{
    if (pump->probed == 0 && pump_ask(pump, KNOWN_NAME, TYPE_A, NULL))
        pump->probed = mono_ms();
}

bool pump_hangs(const struct pump *pump)
{
    return pump->probed != 0 && mono_ms() - pump->probed >= PROBE_TIMEOUT;
}

static void pump_stop(struct pump *pump)
{
    pump->is_stopping = true;
    (void)eventfd_write(pump->wake, 1);
}

void pump_abandon(struct pump **pump)
{
    struct pump *p = *pump;
    struct errands *const lists[2] = {&p->todo, &p->sent};
    struct errand *errand;

    *pump = NULL;
    pump_stop(p);
    pthread_detach(p->thread);
    p->next_lost = atomic_exchange(&lost, p);
    for (size_t i = 0; i < 2; i++) {
        TAILQ_FOREACH(errand, lists[i], entry)
        {
            void *lookup = errand->lookup;
            errand->lookup = NULL;
            if (lookup != NULL)
                p->on_answer(p->owner, lookup, UB_PIPE, NULL);
        }
    }
}

static void pump_free_errands(struct errands *errands)
{
    struct errand *errand;

    while ((errand = TAILQ_FIRST(errands)) != NULL) {
        TAILQ_REMOVE(errands, errand, entry);
        free(errand);
    }
}

static bool pump_is_well(struct pump *pump)
{
    const uint64_t deadline = mono_ms() + PROBE_TIMEOUT;

    pump_probe(pump);
    while (pump->probed != 0 && clock_cond_wait(&pump->heard, pump->lock, deadline))
        ;
    return pump->probed == 0;
}

bool pump_free(struct pump **pump)
{
    struct pump *p = *pump;

    p->is_ending = pump_is_well(p);
    if (p->is_ending)
        pump_stop(p);
    const uint64_t deadline = mono_ms() + END_TIMEOUT;
    while (p->is_ending && !p->is_deleted && clock_cond_wait(&p->heard, p->lock, deadline))
        ;
    if (!p->is_deleted) {
        pump_abandon(pump);
        return false;
    }
    pthread_mutex_unlock(p->lock);
    pthread_join(p->thread, NULL);
    pthread_mutex_lock(p->lock);
    pump_free_errands(&p->todo);
    pump_free_errands(&p->sent);
    pump_close(p);
    *pump = NULL;
    return true;
}
