// SPDX-License-Identifier: ISC
#include "base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

bool disk_sync_folder(const char *path)
{
    char *copy = strdup(path);

    if (copy == NULL)
        return false;
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    const int error = errno;
    if (fd >= 0)
        close(fd);
    free(copy);
    errno = error;
    return done;
}

bool disk_is_full(const char *path)
{
    char *copy = strdup(path);
    struct statvfs disk;

    if (copy == NULL)
        return false;
    const bool is_full = statvfs(dirname(copy), &disk) == 0 && disk.f_bavail == 0;
    free(copy);
    return is_full;
}
