// SPDX-License-Identifier: ISC
#include "users/sync_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define AGAIN 50 /* milliseconds */

static int open_folder(const char *path)
{
    char *copy = strdup(path);

    if (copy == NULL)
        return -1;
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int error = errno;
    free(copy);
    errno = error;
    return fd;
}

int sync_lock_take(const char *path, uint64_t seconds)
{
    const struct timespec again = {.tv_nsec = AGAIN * 1000000L};
    const uint64_t end = mono_ms() + seconds * 1000;
    const int fd = open_folder(path);

    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EINTR && (errno != EWOULDBLOCK || mono_ms() >= end)) {
            const int error = errno;
            close(fd);
            errno = error;
            return -1;
        }
        nanosleep(&again, NULL);
    }
    return fd;
}
