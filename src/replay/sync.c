// SPDX-License-Identifier: ISC
#include "replay/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replay/clean_flag.h"

#define SCHEME "lmdb:"

struct replay_sync {
    int fd; /* -1: not open */
    char path[];
};

struct replay_sync *replay_sync_init(const char *address)
{
    if (strncmp(address, SCHEME, sizeof SCHEME - 1) != 0)
        return NULL;
    const char *path = address + sizeof SCHEME - 1;
    const size_t size = strlen(path) + 1;
    struct replay_sync *sync = calloc(1, sizeof *sync + size);
    if (sync == NULL)
        return NULL;
    memcpy(sync->path, path, size);
    sync->fd = -1;
    return sync;
}

void replay_sync_free(struct replay_sync **sync)
{
    if (*sync == NULL)
        return;
    if ((*sync)->fd >= 0)
        close((*sync)->fd);
    free(*sync);
    *sync = NULL;
}

/* Opens the file that has the name now. If the store was recreated, it is another one. */
static bool open_current(struct replay_sync *sync)
{
    struct stat mine;
    struct stat current;

    if (sync->fd >= 0 && fstat(sync->fd, &mine) == 0 && stat(sync->path, &current) == 0 &&
            mine.st_ino == current.st_ino && mine.st_dev == current.st_dev)
        return true;
    if (sync->fd >= 0)
        close(sync->fd);
    sync->fd = open(sync->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    return sync->fd >= 0;
}

bool replay_sync_run(struct replay_sync *sync)
{
    if (!open_current(sync))
        return errno == ENOENT; /* no process has counted yet */
    return fdatasync(sync->fd) == 0;
}

bool replay_sync_finish(struct replay_sync *sync)
{
    char *path = NULL;

    if (!open_current(sync))
        return errno == ENOENT;
    if (fsync(sync->fd) != 0 || asprintf(&path, "%s-mark", sync->path) < 0)
        return false;
    struct clean_flag *flag = clean_flag_open(path);
    free(path);
    if (flag == NULL)
        return false;
    const bool whole = clean_flag_set_clean(flag);
    const int error = errno;
    clean_flag_close(&flag);
    errno = error;
    return whole;
}
