// SPDX-License-Identifier: ISC
#include "events/metrics_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/log.h"

#define UNIX "unix:"
#define BACKLOG 16
#define AGAIN 1000 /* milliseconds */

struct metrics_socket {
    int fd;         /* -1: another process has the place */
    uint64_t again; /* when to try again then, monotonic milliseconds */
    struct identity identity;
    char address[];
};

static const char *metrics_socket_unix_path(const char *address)
{
    return strncmp(address, UNIX, sizeof UNIX - 1) == 0 ? address + sizeof UNIX - 1 : NULL;
}

static int metrics_socket_new(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Removes a socket on which no process listens. False with errno when something else is there. */
static bool metrics_socket_make_way(const struct sockaddr_un *address)
{
    struct stat st;

    if (lstat(address->sun_path, &st) != 0)
        return errno == ENOENT;
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return false;
    }
    const int fd = metrics_socket_new(AF_UNIX);
    const bool answers = fd < 0 ||
                         connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
                         errno != ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    if (answers) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(address->sun_path) == 0;
}

static int metrics_socket_listen(int fd, const struct sockaddr *address, socklen_t len)
{
    if (fd >= 0 && bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    const int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

static int metrics_socket_open_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    /* Its length was checked when the configuration was read. */
    memcpy(address.sun_path, path, strlen(path));
    if (!metrics_socket_make_way(&address))
        return -1;
    const mode_t before = umask(0117);
    const int fd = metrics_socket_listen(
            metrics_socket_new(AF_UNIX), (const struct sockaddr *)&address, sizeof address);
    umask(before);
    return fd;
}

static int metrics_socket_open_loopback(const char *address)
{
    struct endpoint endpoint;
    const int one = 1;

    if (!endpoint_parse(address, &endpoint)) {
        errno = EINVAL;
        return -1;
    }
    const int fd = metrics_socket_new(endpoint.address.any.sa_family);
    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    return metrics_socket_listen(fd, &endpoint.address.any, endpoint.len);
}

static int metrics_socket_open_as(const struct identity *identity, const char *address)
{
    const char *path = metrics_socket_unix_path(address);

    if (path == NULL)
        return metrics_socket_open_loopback(address);
    if (!identity_assume(identity))
        return -1;
    const int fd = metrics_socket_open_unix(path);
    const int error = errno;
    if (!identity_return(identity))
        abort(); /* never go on as the wrong user */
    errno = error;
    return fd;
}

bool metrics_socket_open(const struct config_text *address, const struct metrics_socket *before,
        const struct identity *identity, struct metrics_socket **metrics_r,
        struct problems *problems)
{
    *metrics_r = NULL;
    if (address->at == NULL)
        return true;
    const size_t size = strlen(address->at) + 1;
    struct metrics_socket *s = calloc(1, sizeof *s + size);
    if (s == NULL) {
        problems_add_memory(problems);
        return false;
    }
    memcpy(s->address, address->at, size);
    s->identity = *identity;
    if (before != NULL && before->fd >= 0 && strcmp(before->address, address->at) == 0)
        s->fd = dup(before->fd);
    else
        s->fd = metrics_socket_open_as(identity, address->at);
    if (s->fd < 0 && errno == EADDRINUSE) {
        s->again = mono_ms() + AGAIN;
        log_event(LOG_LEVEL_WARNING, "metrics-in-use", "address", s->address);
    } else if (s->fd < 0) {
        problems_add(problems, address->line, strerror(errno), address->at,
                "a place for the socket `metrics`");
        free(s);
        return false;
    }
    *metrics_r = s;
    return true;
}

void metrics_socket_close(struct metrics_socket **metrics)
{
    if (*metrics == NULL)
        return;
    if ((*metrics)->fd >= 0)
        close((*metrics)->fd);
    free(*metrics);
    *metrics = NULL;
}

uint64_t metrics_socket_due(const struct metrics_socket *metrics)
{
    return metrics != NULL && metrics->fd < 0 ? metrics->again : UINT64_MAX;
}

bool metrics_socket_try(struct metrics_socket *metrics, uint64_t mono_ms)
{
    if (metrics == NULL || mono_ms < metrics_socket_due(metrics))
        return false;
    metrics->fd = metrics_socket_open_as(&metrics->identity, metrics->address);
    metrics->again = mono_ms + AGAIN;
    if (metrics->fd >= 0)
        log_event(LOG_LEVEL_NOTICE, "metrics-taken", "address", metrics->address);
    return metrics->fd >= 0;
}

int metrics_socket_fd(const struct metrics_socket *metrics)
{
    return metrics != NULL ? metrics->fd : -1;
}

void metrics_socket_end(const struct metrics_socket *metrics, const struct metrics_socket *after)
{
    const char *path =
            metrics != NULL && metrics->fd >= 0 ? metrics_socket_unix_path(metrics->address) : NULL;

    if (path == NULL || (after != NULL && strcmp(after->address, metrics->address) == 0) ||
            !identity_assume(&metrics->identity))
        return;
    (void)unlink(path);
    if (!identity_return(&metrics->identity))
        abort();
}
