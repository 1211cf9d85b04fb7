// SPDX-License-Identifier: ISC
#include "base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
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
