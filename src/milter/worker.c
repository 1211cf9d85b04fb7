// SPDX-License-Identifier: ISC
#include "milter/milter.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "client/client.h"
#include "milter/mail_record.h"
#include "milter/pulse.h"
#include "milter/snapshot.h"
#include "milter/socket.h"
#include "milter/tally.h"
#include "process/child.h"
#include "process/sandbox.h"

#define RESOLVERS_MAX 5 /* in a row that may be replaced */
#define DESCRIPTORS_WANTED (MILTER_SESSIONS_MAX * 5 + DISCOVERY_SOCKETS_MAX + 128)

struct running {
    struct client *client;
    int control;
};

static bool worker_fail(const char *name, const char *error)
{
    log_event(LOG_LEVEL_ERROR, "not-started", name, error);
    return false;
}

static bool worker_fail_errno(const char *what)
{
    log_errno(LOG_LEVEL_ERROR, "not-started", "step", what);
    return false;
}

/* `text`: what follows the word, without a line end. */
static bool worker_say(int control, enum milter_worker_word word, struct text text)
{
    char octet = (char)word;
    char line_end = '\n';
    struct iovec parts[] = {
            {&octet, 1},
            {(void *)(uintptr_t)text.at, text.len},
            {&line_end, 1},
    };

    return writev(control, parts, 3) == (ssize_t)(text.len + 2);
}

/* `problems`: a line each. */
static void worker_refuse(int control, struct text problems)
{
    struct reader lines = reader_of(problems);

    while (lines.rest.len > 0)
        (void)worker_say(control, MILTER_WORKER_PROBLEM, reader_field(&lines, '\n'));
    (void)worker_say(control, MILTER_WORKER_REFUSED, text_of(""));
}

static void worker_configure(const struct config *config)
{
    config_configure_log(config);
    mail_record_switch(strcmp(config->record->store.at, "none") != 0);
}

/* NULL when the bundle is refused. The bundle is cleared. */
static struct snapshot *worker_make_snapshot(struct bundle *bundle, int control)
{
    struct problems *problems = problems_init(bundle->path);
    struct snapshot *snapshot = problems != NULL ? snapshot_init(bundle, problems) : NULL;

    if (snapshot != NULL)
        worker_configure(snapshot->config);
    else
        worker_refuse(
                control, text_of(problems != NULL ? problems_text(problems) : "out of memory\n"));
    problems_free(&problems);
    bundle_clear(bundle);
    return snapshot;
}

/* Waits for further bundles, for as long as the supervisor lives. */
static void *worker_receive(void *context)
{
    const int control = ((const struct running *)context)->control;
    struct bundle bundle;

    while (bundle_receive(control, &bundle)) {
        struct snapshot *snapshot = worker_make_snapshot(&bundle, control);
        if (snapshot == NULL)
            continue;
        callbacks_use(snapshot);
        (void)worker_say(control, MILTER_WORKER_TAKEN, text_of(""));
    }
    log_event(LOG_LEVEL_ERROR, "stopped", "error", "the supervisor is gone");
    _exit(EXIT_FAILURE);
}

static bool worker_start_pulse(void)
{
    return pulse_start() || worker_fail_errno("thread");
}

static bool worker_start_receiver(struct running *running)
{
    pthread_t thread;

    errno = pthread_create(&thread, NULL, worker_receive, running);
    return errno == 0 || worker_fail_errno("thread");
}

static bool worker_open_socket(const struct milter_worker_place *place, int control)
{
    char error[SOCKET_ERROR_MAX];

    switch (socket_open(place->milter, place->socket_group, error)) {
    case SOCKET_OPENED:
        return true;
    case SOCKET_BUSY:
        (void)worker_say(control, MILTER_WORKER_BUSY, text_of(error));
        return false;
    case SOCKET_FAILED:
        break;
    }
    return worker_fail("error", error);
}

/* Sessions go on. Only a resolver that hangs again and again takes the process with it, so that the
 * supervisor starts another one: what hung stays in memory. */
static void worker_on_resolver_replaced(unsigned in_a_row)
{
    log_event(LOG_LEVEL_ERROR, "resolver-replaced", "error",
            "libunbound did not answer what it knows by itself");
    if (in_a_row >= RESOLVERS_MAX)
        _exit(EXIT_FAILURE);
}

/* A session needs a descriptor, and up to four for the service's addresses; the resolver needs two
 * for each of its places. */
static void worker_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_WANTED)
        return;
    const struct rlimit wanted = {.rlim_cur = DESCRIPTORS_WANTED,
            .rlim_max = limit.rlim_max > DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED};
    if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < DESCRIPTORS_WANTED)
        log_event(LOG_LEVEL_WARNING, "few-descriptors", "because",
                "the limit of open files is below what 2,000 sessions need");
}

/* It opens files: as the worker's user, and before the sandbox. */
static bool worker_make_client(struct running *running, const struct milter_worker_place *place)
{
    const char *name = place->milter->name.at;
    char error[DISCOVERY_ERROR_MAX];
    char kept[PATH_MAX];

    if (place->verify == NULL)
        return true;
    (void)snprintf(kept, sizeof kept, "%s/services%s%s", place->state, name != NULL ? "." : "",
            name != NULL ? name : "");
    running->client = verifier_client(place->verify, kept, worker_on_resolver_replaced, error);
    if (running->client == NULL)
        return worker_fail("error", error);
    client_count(running->client, &place->counters->mail[place->slot].client);
    callbacks_verify(running->client);
    return true;
}

/* Threads start when the process has its final user and filter: both belong to each thread. */
static bool milter_worker_prepare(struct running *running, const struct milter_worker_place *place)
{
    worker_raise_descriptors();
    if (!mail_record_start(place->ring))
        return worker_fail_errno("record");
    if (!callbacks_register())
        return worker_fail("error", "libmilter does not start");
    if (!worker_open_socket(place, running->control))
        return false;
    pulse_open(place->milter);
    if (!identity_yield(&place->identity))
        return worker_fail_errno("identity");
    if (!worker_make_client(running, place))
        return false;
    if (!identity_shut_in(&place->identity, place->empty_folder))
        return worker_fail_errno("identity");
    if (running->client != NULL && !client_start(running->client))
        return worker_fail_errno("discovery");
    child_watches_control();
    return sandbox_enter_milter() || worker_fail_errno("sandbox");
}

/* In all threads, now and later: a thread of libmilter waits for these signals. */
static void worker_block_signals(void)
{
    sigset_t waited_for;

    sigemptyset(&waited_for);
    sigaddset(&waited_for, SIGHUP);
    sigaddset(&waited_for, SIGINT);
    sigaddset(&waited_for, SIGTERM);
    pthread_sigmask(SIG_SETMASK, &waited_for, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

int milter_worker_run(const struct milter_worker_place *place, struct bundle *first, int control)
{
    struct running running = {.control = control};

    worker_block_signals();
    tally_open(place->counters, place->slot);
    if (place->milter->name.at != NULL)
        log_tag("milter", place->milter->name.at);
    tzset(); /* reads a file, which it cannot in the empty root folder */
    struct snapshot *snapshot = worker_make_snapshot(first, control);
    if (snapshot == NULL)
        return EX_CONFIG;
    if (!milter_worker_prepare(&running, place)) {
        snapshot_release(&snapshot);
        return EXIT_FAILURE;
    }
    callbacks_use(snapshot);
    if (!worker_start_pulse() || !worker_start_receiver(&running) ||
            !worker_say(control, MILTER_WORKER_READY, text_of("")))
        return EXIT_FAILURE;
    return callbacks_run() ? EXIT_SUCCESS : EXIT_FAILURE;
}
