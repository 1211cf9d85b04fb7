// SPDX-License-Identifier: ISC
#include "milter/recorder_child.h"

#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "events/mail_event.h"

#define GRACE 7000 /* milliseconds to record what is left */
#define NAP 20     /* milliseconds between two looks whether it has ended */

bool recorder_child_is_wanted(const struct config *config)
{
    return strcmp(config->record->store.at, "none") != 0 || config->milter->metrics.at != NULL;
}

bool recorder_child_init(struct recorder_child *r)
{
    *r = (struct recorder_child){.child = child_of("recorder", SOCK_SEQPACKET)};
    r->counters = counters_init(&r->counters_fd);
    return r->counters != NULL && recorder_child_ring(r, 0) != NULL;
}

struct ring *recorder_child_ring(struct recorder_child *r, size_t slot)
{
    if (r->rings[slot] == NULL)
        r->rings[slot] = ring_init(&mail_event_kind);
    return r->rings[slot];
}

bool recorder_child_open(struct recorder_child *r, const struct config *config,
        const struct identity *identity, struct metrics_socket **metrics_r,
        struct problems *problems)
{
    *metrics_r = NULL;
    if (recorder_child_is_wanted(config) && r->program[0] == '\0' && !recorder_find(r->program)) {
        problems_add(problems, 0, RECORDER_MISSING, r->program, RECORDER_EXPECTED);
        r->program[0] = '\0';
        return false;
    }
    return metrics_socket_open(&config->milter->metrics, r->metrics, identity, metrics_r, problems);
}

static void recorder_child_dismiss(struct recorder_child *r, enum recorder_order how, uint64_t now)
{
    const char order = (char)how;

    if (r->child.pid == 0 || r->leaving)
        return;
    r->leaving = true;
    r->kill_at = now + GRACE;
    child_tell(&r->child, &order, 1);
}

void recorder_child_use(struct recorder_child *r, const struct config *config,
        const struct identity *identity, struct metrics_socket *metrics, uint64_t now)
{
    metrics_socket_end(r->metrics, metrics);
    metrics_socket_close(&r->metrics);
    r->metrics = metrics;
    r->config = config;
    r->identity = *identity;
    r->wanted = recorder_child_is_wanted(config);
    recorder_child_dismiss(r, RECORDER_HAND_OVER, now);
}

static int recorder_child_run(void *context, size_t index, int control)
{
    struct recorder_child *r = context;
    struct ring *rings[COUNTERS_MILTERS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < COUNTERS_MILTERS_MAX; i++)
        if (r->rings[i] != NULL)
            rings[count++] = r->rings[i];
    struct recorder_setup setup = {
            .daemon = RECORDER_MILTER,
            .state = r->config->milter->state.at,
            .store = r->config->record->store.at,
            .ip = r->config->record->ip.at,
            .replay = "none",
            .keep = r->config->record->keep,
            .size = r->config->record->size,
            .alarm_sending = r->config->milter->alarm_sending,
            .identity = r->identity,
            .control = control,
            .metrics = metrics_socket_fd(r->metrics),
            .counters_fd = r->counters_fd,
            .rings = rings,
            .rings_count = count,
    };

    (void)index;
    prctl(PR_SET_NAME, "verimail-record"); /* what ps(1) shows of the program's name */
    child_watches_control();
    config_log_settings(r->config, &setup.log_level, &setup.log_format);
    return recorder_exec(r->program, &setup);
}

void recorder_child_tend(struct recorder_child *r, uint64_t now)
{
    const bool runs_before = r->child.started > 0;

    if (metrics_socket_try(r->metrics, now) && !r->leaving)
        recorder_give_metrics(r->child.control, metrics_socket_fd(r->metrics));
    if (r->leaving && now >= r->kill_at) {
        child_kill(&r->child);
        r->kill_at = UINT64_MAX;
    }
    if (r->wanted && child_restart(&r->child, now, recorder_child_run, r, 0) && runs_before)
        counters_add(&r->counters->recorders_restarted, 1);
}

uint64_t recorder_child_due(const struct recorder_child *r)
{
    uint64_t due = metrics_socket_due(r->metrics);

    if (r->leaving && r->kill_at < due)
        due = r->kill_at;
    if (r->wanted && child_due(&r->child) < due)
        due = child_due(&r->child);
    return due;
}

bool recorder_child_reaped(struct recorder_child *r, pid_t pid, int status, uint64_t now)
{
    if (r->child.pid == 0 || r->child.pid != pid)
        return false;
    child_ended(&r->child, status, r->leaving, now);
    if (r->leaving) {
        child_again(&r->child, 0, now);
        r->child.started = 0; /* the next one is no replacement */
    }
    r->leaving = false;
    return true;
}

void recorder_child_end(struct recorder_child *r)
{
    const uint64_t now = mono_ms();
    int status = 0;

    r->wanted = false;
    recorder_child_dismiss(r, RECORDER_STOP, now);
    metrics_socket_end(r->metrics, NULL);
    while (r->child.pid != 0) {
        const pid_t pid = child_reap(&status);
        if (pid == 0)
            (void)poll(NULL, 0, NAP);
        else
            (void)recorder_child_reaped(r, pid, status, mono_ms());
        recorder_child_tend(r, mono_ms());
    }
    metrics_socket_close(&r->metrics);
    for (size_t i = 0; i < COUNTERS_MILTERS_MAX; i++)
        ring_free(&r->rings[i]);
    counters_free(&r->counters);
    close(r->counters_fd);
}

void recorder_child_forget(struct recorder_child *r)
{
    if (r->child.control >= 0)
        close(r->child.control);
    metrics_socket_close(&r->metrics);
    for (size_t i = 0; i < COUNTERS_MILTERS_MAX; i++)
        if (r->rings[i] != NULL)
            ring_close_fd(r->rings[i]);
    close(r->counters_fd);
}
