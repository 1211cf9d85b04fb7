// SPDX-License-Identifier: ISC
#include "milter/process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "client/client.h"
#include "milter/filter.h"
#include "milter/socket.h"
#include "process/sandbox.h"

/* What the process has for as long as it runs. */
struct running {
    struct discovery *discovery;
    struct client *client;
    int control;
};

static bool fail(const char *what, const char *cause)
{
    log_event(LOG_LEVEL_ERROR, "not-started", what, cause);
    return false;
}

static bool fail_errno(const char *what)
{
    log_errno(LOG_LEVEL_ERROR, "not-started", "step", what);
    return false;
}

static void configure_log(const struct config_milter *milter)
{
    enum log_level level = LOG_LEVEL_INFO;

    (void)log_level_find(milter->log_level.at, &level);
    log_configure(level, milter->log_format.at[0] == 'j' ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
}

/* Reads files, and makes threads: before the process shuts itself in. */
static bool make_client(struct running *running, const struct config_verify *verify)
{
    const char **anchors = calloc(verify->trust_anchors.count + 1, sizeof *anchors);
    char cause[DISCOVERY_CAUSE_MAX];

    if (anchors == NULL)
        return fail_errno("discovery");
    const struct discovery_options options = verifier_discovery(verify, anchors);
    running->discovery = discovery_init(&options, cause);
    free(anchors);
    if (running->discovery == NULL)
        return fail("error", cause);
    if (!discovery_start(running->discovery))
        return fail_errno("discovery");
    running->client = client_init(running->discovery);
    return running->client != NULL || fail_errno("client");
}

static bool say(int control, enum process_word word)
{
    const char octet = (char)word;

    return send(control, &octet, 1, MSG_NOSIGNAL) == 1;
}

/* NULL after its problems were logged. */
static struct snapshot *make_snapshot(const struct material *material, const char *event)
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
    struct material material;

    while (material_receive(control, &material)) {
        struct snapshot *snapshot = make_snapshot(&material, "reload-refused");
        material_clear(&material);
        if (snapshot != NULL) {
            configure_log(snapshot->milter);
            filter_use(snapshot);
        }
        (void)say(control, snapshot != NULL ? PROCESS_TOOK : PROCESS_REFUSED);
    }
    log_event(LOG_LEVEL_ERROR, "stopped", "error", "the supervisor is gone");
    _exit(EXIT_FAILURE);
}

/* libmilter waits for signals in a thread of its own, and so must all others not. */
static bool start_receiver(struct running *running)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&thread, NULL, run_receiver, running);
    const bool started = errno == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started || fail_errno("thread");
}

static bool open_doors(const struct config_milter *milter, gid_t group)
{
    char cause[SOCKET_CAUSE_MAX];

    return socket_open(milter, group, cause) || fail("error", cause);
}

static bool prepare(struct running *running, const struct snapshot *snapshot,
        const struct identity *identity, int empty_folder, gid_t socket_group)
{
    const struct config *config = snapshot->config;

    configure_log(snapshot->milter);
    if (config->verify_count > 0 && !make_client(running, config->verify))
        return false;
    if (!filter_register(running->client))
        return fail("error", "libmilter does not start");
    if (!open_doors(snapshot->milter, socket_group))
        return false;
    if (!identity_become(identity, empty_folder))
        return fail_errno("identity");
    return sandbox_enter_milter() || fail_errno("sandbox");
}

static void unblock_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

int process_run(struct material *material, const struct identity *identity, int empty_folder,
        gid_t socket_group, int control)
{
    struct running running = {.control = control};

    unblock_signals();
    tzset(); /* reads a file, which is there no more later */
    struct snapshot *snapshot = make_snapshot(material, "not-started");
    material_clear(material);
    if (snapshot == NULL || !prepare(&running, snapshot, identity, empty_folder, socket_group))
        return EXIT_FAILURE;
    filter_use(snapshot);
    if (!start_receiver(&running) || !say(control, PROCESS_READY))
        return EXIT_FAILURE;
    const bool good = filter_run();
    log_flush();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
