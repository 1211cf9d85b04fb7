// SPDX-License-Identifier: ISC
#include "verimaild/listening.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/listener.h"
#include "base/log.h"
#include "process/notify.h"

struct hostport {
    struct endpoint wanted; /* as configured */
    struct endpoint bound;  /* with the port that it has */
    int *fds;
    size_t count;
};

struct listening {
    bool activated; /* by systemd: a socket for each address, which all workers share */
    struct hostport *places;
    size_t count;
};

void listening_close(struct listening **listening)
{
    struct listening *l = *listening;

    if (l == NULL)
        return;
    for (size_t i = 0; i < l->count; i++) {
        for (size_t k = 0; k < l->places[i].count; k++)
            close(l->places[i].fds[k]);
        free(l->places[i].fds);
    }
    free(l->places);
    free(l);
    *listening = NULL;
}

static bool add_fd(struct hostport *place, int fd)
{
    int *larger = fd >= 0 ? reallocarray(place->fds, place->count + 1, sizeof *larger) : NULL;

    if (larger == NULL) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    place->fds = larger;
    place->fds[place->count++] = fd;
    return true;
}

static struct hostport *add_place(struct listening *l, const struct endpoint *wanted)
{
    struct hostport *larger = reallocarray(l->places, l->count + 1, sizeof *larger);

    if (larger == NULL)
        return NULL;
    l->places = larger;
    l->places[l->count] = (struct hostport){.wanted = *wanted, .bound = *wanted};
    return &l->places[l->count++];
}

static const struct hostport *listening_find(
        const struct listening *l, const struct endpoint *wanted)
{
    for (size_t i = 0; l != NULL && i < l->count; i++)
        if (endpoint_equal(&l->places[i].wanted, wanted))
            return &l->places[i];
    return NULL;
}

static bool duplicate(const struct hostport *from, struct hostport *to)
{
    to->bound = from->bound;
    for (size_t i = 0; i < from->count; i++)
        if (!add_fd(to, fcntl(from->fds[i], F_DUPFD_CLOEXEC, 0)))
            return false;
    return true;
}

static bool open_place(struct listening *l, const struct endpoint *wanted, size_t workers,
        const struct listening *before)
{
    const struct hostport *old = listening_find(before, wanted);
    struct hostport *place = add_place(l, wanted);

    if (place == NULL || (old != NULL && !duplicate(old, place)))
        return false;
    while (place->count < workers)
        if (!add_fd(place, listener_open(&place->bound, &place->bound)))
            return false;
    return true;
}

static bool listening_adopt(struct listening *l, int first, size_t count, struct problems *problems)
{
    l->activated = true;
    for (size_t i = 0; i < count; i++) {
        struct endpoint bound;
        const int fd = first + (int)i;
        struct hostport *place = listener_adopt(fd, &bound) ? add_place(l, &bound) : NULL;
        if (place == NULL || !add_fd(place, fd)) {
            problems_add(problems, 0, "a socket from systemd that cannot be used", strerror(errno),
                    "ListenStream= with an address and a port");
            return false;
        }
    }
    return true;
}

static bool listening_share(struct listening *l, const struct listening *before)
{
    l->activated = true;
    for (size_t i = 0; i < before->count; i++) {
        struct hostport *place = add_place(l, &before->places[i].wanted);
        if (place == NULL || !duplicate(&before->places[i], place))
            return false;
    }
    return true;
}

static bool open_configured(struct listening *l, const struct config_service *service,
        size_t workers, const struct listening *before, struct problems *problems)
{
    bool ok = true;

    for (size_t i = 0; i < service->listen.count; i++) {
        const struct config_text *text = &service->listen.at[i];
        struct endpoint wanted;
        if (endpoint_parse(text->at, &wanted) && open_place(l, &wanted, workers, before))
            continue;
        problems_add(problems, text->line, strerror(errno), text->at, "an address to listen on");
        ok = false;
    }
    return ok;
}

struct listening *listening_open(const struct config_service *service, size_t workers,
        const struct listening *before, struct problems *problems)
{
    struct listening *l = calloc(1, sizeof *l);
    int first = -1;
    const size_t handed = before == NULL ? notify_listen_fds(&first) : 0;
    bool ok = l != NULL;

    if (ok && handed > 0)
        ok = listening_adopt(l, first, handed, problems);
    else if (ok && before != NULL && before->activated)
        ok = listening_share(l, before);
    else if (ok)
        ok = open_configured(l, service, workers, before, problems);
    if (!ok) {
        if (problems_count(problems) == 0)
            problems_add(problems, 0, strerror(errno), NULL, "sockets to listen on");
        listening_close(&l);
    }
    return l;
}

/* Whether this worker waits at the place's socket number `k`. Where there are more sockets than
 * workers (there were more workers once), each takes several. */
static bool is_mine(const struct listening *l, size_t k, size_t worker, size_t workers)
{
    return l->activated || k % workers == worker;
}

size_t listening_of_worker(
        const struct listening *l, size_t worker, size_t workers, int *fds_r, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < l->count; i++) {
        for (size_t k = 0; k < l->places[i].count; k++) {
            if (!is_mine(l, k, worker, workers))
                continue;
            if (n < size)
                fds_r[n] = l->places[i].fds[k];
            n++;
        }
    }
    return n;
}

void listening_kept(const struct listening *l, size_t worker, size_t workers,
        const struct listening *other, bool *kept_r, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < l->count; i++) {
        const bool kept = listening_find(other, &l->places[i].wanted) != NULL;
        for (size_t k = 0; k < l->places[i].count; k++)
            if (is_mine(l, k, worker, workers) && n < size)
                kept_r[n++] = kept;
    }
}

bool listening_is_shared(const struct listening *l)
{
    return l->activated;
}

void listening_log(const struct listening *l)
{
    for (size_t i = 0; i < l->count; i++) {
        char text[ENDPOINT_TEXT_MAX];
        endpoint_format(&l->places[i].bound, text);
        log_event(LOG_LEVEL_NOTICE, "listening", "address", text);
    }
}
