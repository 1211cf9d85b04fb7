// SPDX-License-Identifier: ISC
#include "milter/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "client/client.h"
#include "milter/callbacks.h"
#include "milter/socket.h"
#include "process/sandbox.h"

/* What the process has for as long as it runs. */
struct running {
    struct client *client;
    int control;
};

static bool worker_fail(const char *what, const char *cause)
{
    log_event(LOG_LEVEL_ERROR, "not-started", what, cause);
    return false;
}

static bool worker_fail_errno(const char *what)
{
    log_errno(LOG_LEVEL_ERROR, "not-started", "step", what);
    return false;
}

static bool worker_say(int control, enum milter_worker_word word)
{
    const char octet = (char)word;

    return send(control, &octet, 1, MSG_NOSIGNAL) == 1;
}

/* NULL after its problems were logged. */
static struct snapshot *make_snapshot(const struct bundle *material, const char *event)
{
    struct problems *problems = problems_init(material->path);
    struct snapshot *snapshot = problems != NULL ? snapshot_init(material, problems) : NULL;

    if (snapshot == NULL && problems != NULL)
        problems_log(problems, LOG_LEVEL_ERROR, event);
    problems_free(&problems);
    return snapshot;
}

/* Waits for new material, for as long as the supervisor lives. */
static void *run_receiver(void *context)
{
    const int control = ((const struct running *)context)->control;
    struct bundle material;

    while (bundle_receive(control, &material)) {
        struct snapshot *snapshot = make_snapshot(&material, "reload-refused");
        bundle_clear(&material);
        if (snapshot != NULL) {
            config_configure_log(snapshot->config);
            callbacks_use(snapshot);
        }
        (void)worker_say(control, snapshot != NULL ? MILTER_WORKER_TOOK : MILTER_WORKER_REFUSED);
    }
    log_event(LOG_LEVEL_ERROR, "stopped", "error", "the supervisor is gone");
    _exit(EXIT_FAILURE);
}

static bool start_receiver(struct running *running)
{
    pthread_t thread;

    errno = pthread_create(&thread, NULL, run_receiver, running);
    return errno == 0 || worker_fail_errno("thread");
}

static bool open_doors(const struct milter_worker_place *place)
{
    char cause[SOCKET_ERROR_MAX];

    return socket_open(place->milter, place->socket_group, cause) || worker_fail("error", cause);
}

/* Threads begin when the process is already who it is to be: some of that is each thread's own. */
static bool worker_prepare(struct running *running, const struct milter_worker_place *place)
{
    char error[DISCOVERY_ERROR_MAX];

    if (place->verify != NULL) {
        running->client =
                verifier_client(place->verify, error); /* reads files: before the sandbox */
        if (running->client == NULL)
            return worker_fail("error", error);
    }
    if (!callbacks_register(running->client))
        return worker_fail("error", "libmilter does not start");
    if (!open_doors(place))
        return false;
    if (!identity_become(&place->identity, place->empty_folder))
        return worker_fail_errno("identity");
    if (running->client != NULL && !client_start(running->client))
        return worker_fail_errno("discovery");
    return sandbox_enter_milter() || worker_fail_errno("sandbox");
}

/* For all threads, now and later: libmilter has one that waits for these. */
static void block_signals(void)
{
    sigset_t waited_for;

    sigemptyset(&waited_for);
    sigaddset(&waited_for, SIGHUP);
    sigaddset(&waited_for, SIGINT);
    sigaddset(&waited_for, SIGTERM);
    pthread_sigmask(SIG_SETMASK, &waited_for, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

int milter_worker_run(const struct milter_worker_place *place, struct bundle *material, int control)
{
    struct running running = {.control = control};

    block_signals();
    tzset(); /* reads a file, which is there no more later */
    struct snapshot *snapshot = make_snapshot(material, "not-started");
    bundle_clear(material);
    if (snapshot == NULL)
        return EXIT_FAILURE;
    config_configure_log(snapshot->config);
    if (!worker_prepare(&running, place)) {
        snapshot_release(&snapshot);
        return EXIT_FAILURE;
    }
    callbacks_use(snapshot);
    if (!start_receiver(&running) || !worker_say(control, MILTER_WORKER_READY))
        return EXIT_FAILURE;
    return callbacks_run() ? EXIT_SUCCESS : EXIT_FAILURE;
}
