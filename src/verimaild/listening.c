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

struct address_sockets {
    struct endpoint wanted; /* as configured */
    struct endpoint bound;  /* with the port that it has */
    int *fds;
    size_t count;
};

struct listening {
    bool activated; /* systemd opened them: all workers share one socket for each address */
    struct address_sockets *all;
    size_t count;
};

void listening_release(struct listening *l)
{
    for (size_t i = 0; i < l->count; i++) {
        for (size_t k = 0; k < l->all[i].count; k++)
            close(l->all[i].fds[k]);
        l->all[i].count = 0;
    }
}

void listening_close(struct listening **listening)
{
    struct listening *l = *listening;

    if (l == NULL)
        return;
    listening_release(l);
    for (size_t i = 0; i < l->count; i++)
        free(l->all[i].fds);
    free(l->all);
    free(l);
    *listening = NULL;
}

static bool listening_add_fd(struct address_sockets *a, int fd)
{
    int *larger = fd >= 0 ? reallocarray(a->fds, a->count + 1, sizeof *larger) : NULL;

    if (larger == NULL) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    a->fds = larger;
    a->fds[a->count++] = fd;
    return true;
}

static struct address_sockets *listening_add(struct listening *l, const struct endpoint *wanted)
{
    struct address_sockets *larger = reallocarray(l->all, l->count + 1, sizeof *larger);

    if (larger == NULL)
        return NULL;
    l->all = larger;
    l->all[l->count] = (struct address_sockets){.wanted = *wanted, .bound = *wanted};
    return &l->all[l->count++];
}

static const struct address_sockets *listening_find(
        const struct listening *l, const struct endpoint *wanted)
{
    for (size_t i = 0; l != NULL && i < l->count; i++)
        if (endpoint_equal(&l->all[i].wanted, wanted))
            return &l->all[i];
    return NULL;
}

static bool listening_duplicate(const struct address_sockets *from, struct address_sockets *to)
{
    to->bound = from->bound;
    for (size_t i = 0; i < from->count; i++)
        if (!listening_add_fd(to, fcntl(from->fds[i], F_DUPFD_CLOEXEC, 0)))
            return false;
    return true;
}

/* Whether a socket at the one is in the way of one at the other. */
static bool listening_overlap(const struct endpoint *a, const struct endpoint *b)
{
    return endpoint_port(a) == endpoint_port(b) &&
           (endpoint_is_any(a) || endpoint_is_any(b) || endpoint_equal(a, b));
}

/* Whether we listen there ourselves, so that the kernel cannot say whether others do. */
static bool listening_has(const struct listening *l, const struct endpoint *wanted)
{
    for (size_t i = 0; l != NULL && i < l->count; i++)
        if (listening_overlap(&l->all[i].bound, wanted))
            return true;
    return false;
}

struct family {
    const struct listening *before;
    const struct listening *const *ours;
    size_t ours_count;
};

static bool listening_is_ours(
        const struct listening *l, const struct family *family, const struct endpoint *wanted)
{
    bool ours = listening_has(l, wanted) || listening_has(family->before, wanted);

    for (size_t i = 0; !ours && i < family->ours_count; i++)
        ours = listening_has(family->ours[i], wanted);
    return ours;
}

static bool listening_open_one(struct listening *l, const struct endpoint *wanted, size_t workers,
        const struct family *family)
{
    const bool ours = listening_is_ours(l, family, wanted);
    const struct address_sockets *old = listening_find(family->before, wanted);
    struct address_sockets *a = listening_add(l, wanted);

    if (a == NULL || (old != NULL && !listening_duplicate(old, a)))
        return false;
    while (a->count < workers) {
        const bool alone = a->count == 0 && !ours;
        if (!listening_add_fd(a, listener_open(&a->bound, alone, &a->bound)))
            return false;
    }
    return true;
}

static bool listening_adopt(struct listening *l, int first, size_t count, struct problems *problems)
{
    l->activated = true;
    for (size_t i = 0; i < count; i++) {
        struct endpoint bound;
        const int fd = first + (int)i;
        struct address_sockets *a = listener_adopt(fd, &bound) ? listening_add(l, &bound) : NULL;
        if (a == NULL || !listening_add_fd(a, fd)) {
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
        struct address_sockets *a = listening_add(l, &before->all[i].wanted);
        if (a == NULL || !listening_duplicate(&before->all[i], a))
            return false;
    }
    return true;
}

static bool listening_open_configured(struct listening *l, const struct config_service *service,
        size_t workers, const struct family *family, struct problems *problems)
{
    bool ok = true;

    for (size_t i = 0; i < service->listen.count; i++) {
        const struct config_text *text = &service->listen.at[i];
        struct endpoint wanted;
        if (endpoint_parse(text->at, &wanted) && listening_open_one(l, &wanted, workers, family))
            continue;
        problems_add(problems, text->line,
                errno == EADDRINUSE ? "another program listens there" : strerror(errno), text->at,
                "an address to listen on");
        ok = false;
    }
    return ok;
}

struct listening *listening_open(const struct config_service *service, size_t workers,
        const struct listening *before, const struct listening *const *ours, size_t ours_count,
        struct problems *problems)
{
    const struct family family = {before, ours, ours_count};
    struct listening *l = calloc(1, sizeof *l);
    int first = -1;
    const size_t handed = before == NULL ? notify_listen_fds(&first) : 0;
    bool ok = l != NULL;

    if (ok && handed > 0)
        ok = listening_adopt(l, first, handed, problems);
    else if (ok && before != NULL && before->activated)
        ok = listening_share(l, before);
    else if (ok)
        ok = listening_open_configured(l, service, workers, &family, problems);
    if (!ok) {
        if (problems_count(problems) == 0)
            problems_add(problems, 0, strerror(errno), NULL, "sockets to listen on");
        listening_close(&l);
    }
    return l;
}

/* Whether socket number `k` of an address is this worker's. There are more sockets than workers
 * when there were more workers before a reload: each then has several. */
static bool listening_is_of(const struct listening *l, size_t k, size_t worker, size_t workers)
{
    return l->activated || k % workers == worker;
}

size_t listening_of_worker(
        const struct listening *l, size_t worker, size_t workers, int *fds_r, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < l->count; i++) {
        for (size_t k = 0; k < l->all[i].count; k++) {
            if (!listening_is_of(l, k, worker, workers))
                continue;
            if (n < size)
                fds_r[n] = l->all[i].fds[k];
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
        const bool kept = listening_find(other, &l->all[i].wanted) != NULL;
        for (size_t k = 0; k < l->all[i].count; k++)
            if (listening_is_of(l, k, worker, workers) && n < size)
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
        endpoint_format(&l->all[i].bound, text);
        log_event(LOG_LEVEL_NOTICE, "listening", "address", text);
    }
}
