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
    int fd;                  /* -1: not open */
    struct clean_flag *flag; /* NULL: not open */
    bool failed; /* a part of the store may not be on the disk; the flag may not say so */
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
    clean_flag_close(&(*sync)->flag);
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

/* It is open before the first sync: that one may fail, and then nothing can be opened perhaps. */
static bool replay_sync_open_flag(struct replay_sync *sync)
{
    char *path = NULL;

    if (sync->flag != NULL && !clean_flag_is_removed(sync->flag))
        return true;
    clean_flag_close(&sync->flag);
    if (asprintf(&path, "%s-mark", sync->path) < 0) {
        errno = ENOMEM;
        return false;
    }
    sync->flag = clean_flag_attach(path);
    free(path);
    return sync->flag != NULL;
}

/* The kernel says only once that something could not be written. */
static bool replay_sync_fail(struct replay_sync *sync)
{
    sync->failed = true;
    if (sync->flag != NULL)
        clean_flag_set_unsynced(sync->flag);
    return false;
}

bool replay_sync_run(struct replay_sync *sync)
{
    if (!open_current(sync))
        return errno == ENOENT; /* no process has counted yet */
    const bool has_flag = replay_sync_open_flag(sync);
    const int error = errno;
    if (sync->failed && has_flag)
        clean_flag_set_unsynced(sync->flag);
    if (fdatasync(sync->fd) != 0 || (has_flag && !clean_flag_sync(sync->flag)))
        return replay_sync_fail(sync);
    errno = error;
    return has_flag || error == ENOENT; /* it was removed: nothing is counted here any more */
}

bool replay_sync_finish(struct replay_sync *sync)
{
    if (!open_current(sync))
        return errno == ENOENT;
    if (!replay_sync_open_flag(sync))
        return errno == ENOENT; /* it was removed, and says nothing */
    if (fsync(sync->fd) != 0)
        return replay_sync_fail(sync);
    if (sync->failed)
        clean_flag_set_unsynced(sync->flag);
    if (!clean_flag_lock(sync->flag))
        return false;
    const bool clean = clean_flag_set_clean(sync->flag);
    const int error = errno;
    clean_flag_unlock(sync->flag);
    errno = error;
    return clean;
}
