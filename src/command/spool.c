// SPDX-License-Identifier: ISC
#include "command/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool spool_open(struct spool *spool_r)
{
    const char *folder = getenv("TMPDIR");
    char *path = NULL;

    *spool_r = (struct spool){.fd = -1};
    if (folder == NULL || folder[0] == '\0')
        folder = "/tmp";
    if (asprintf(&path, "%s/verimail-XXXXXX", folder) < 0)
        return false;
    spool_r->fd = mkostemp(path, O_CLOEXEC);
    if (spool_r->fd >= 0)
        unlink(path);
    const int error = errno;
    free(path);
    errno = error;
    return spool_r->fd >= 0;
}

void spool_close(struct spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    spool->fd = -1;
}

static size_t write_some(int fd, struct text t)
{
    size_t done = 0;

    while (done < t.len) {
        const ssize_t written = write(fd, t.at + done, t.len - done);
        if (written < 0 && errno != EINTR)
            break;
        done += written > 0 ? (size_t)written : 0;
    }
    return done;
}

size_t spool_add(struct spool *spool, struct text t)
{
    const size_t taken = write_some(spool->fd, t);

    spool->len += taken;
    return taken;
}

bool spool_write(int fd, struct text t)
{
    return write_some(fd, t) == t.len;
}

ssize_t spool_read(int fd, char *buffer, size_t size)
{
    for (;;) {
        const ssize_t got = read(fd, buffer, size);
        if (got >= 0 || errno != EINTR)
            return got;
    }
}

bool spool_copy(const struct spool *spool, uint64_t offset, uint64_t len, int fd)
{
    char buffer[SPOOL_CHUNK];

    while (len > 0) {
        const size_t some = len < sizeof buffer ? (size_t)len : sizeof buffer;
        const ssize_t got = pread(spool->fd, buffer, some, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = EIO; /* the file was longer when it was written */
        if (got <= 0 || !spool_write(fd, (struct text){buffer, (size_t)got}))
            return false;
        offset += (uint64_t)got;
        len -= (uint64_t)got;
    }
    return true;
}
