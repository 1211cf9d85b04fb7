// SPDX-License-Identifier: ISC
#include "verimaild/state_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define FILE_NAME "lock"
#define PAUSE 100 /* milliseconds between two tries */

struct state_lock {
    int fd;
    char path[];
};

void state_lock_close(struct state_lock **lock)
{
    if (*lock == NULL)
        return;
    if ((*lock)->fd >= 0)
        close((*lock)->fd);
    free(*lock);
    *lock = NULL;
}

static bool state_lock_is_told_to_end(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

static bool state_lock_take(const struct state_lock *lock, uint64_t wait)
{
    const uint64_t end = mono_ms() + wait;
    bool waited = false;

    while (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        if (mono_ms() >= end || state_lock_is_told_to_end()) {
            errno = EWOULDBLOCK;
            return false;
        }
        if (!waited)
            log_event(LOG_LEVEL_NOTICE, "state-locked", "folder", lock->path);
        waited = true;
        (void)poll(NULL, 0, PAUSE);
    }
    return true;
}

/* The process that locked the folder, as the kernel tells; 0: it does not. */
static long state_lock_owner(const struct state_lock *lock)
{
    FILE *file = fopen("/proc/locks", "re");
    struct stat st;
    char line[256];
    long owner = 0;

    if (file == NULL)
        return 0;
    if (fstat(lock->fd, &st) == 0) {
        while (owner == 0 && fgets(line, sizeof line, file) != NULL) {
            char pid[24];
            char inode[24];
            if (sscanf(line, "%*s FLOCK %*s %*s %23s %*[^:]:%*[^:]:%23s", pid, inode) == 2 &&
                    strtoull(inode, NULL, 10) == st.st_ino)
                owner = strtol(pid, NULL, 10);
        }
    }
    fclose(file);
    return owner;
}

static void state_lock_complain(
        const struct state_lock *lock, const struct config_text *state, struct problems *problems)
{
    const long owner = state_lock_owner(lock);
    char what[96] = "another verimaild has the state folder";

    if (owner > 0)
        snprintf(what, sizeof what, "another verimaild, process %ld, has the state folder", owner);
    problems_add(problems, state->line, what, state->at, "a folder for each service");
}

/* The folder may belong to the workers' user: no link in it is followed. */
static int state_lock_make(const char *folder, const struct identity *identity)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/" FILE_NAME, folder);
    if (!identity_assume(identity))
        return -1;
    const int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    const int error = errno;
    if (!identity_return(identity))
        abort(); /* never go on as the wrong user */
    errno = error;
    return fd;
}

struct state_lock *state_lock_open(const struct config_text *state, const struct identity *identity,
        const struct state_lock *before, struct problems *problems)
{
    const size_t size = strlen(state->at) + 1;
    struct state_lock *lock = calloc(1, sizeof *lock + size);

    if (lock == NULL) {
        problems_add_memory(problems);
        return NULL;
    }
    memcpy(lock->path, state->at, size);
    const bool shared = before != NULL && before->fd >= 0 && strcmp(before->path, state->at) == 0;
    lock->fd =
            shared ? fcntl(before->fd, F_DUPFD_CLOEXEC, 0) : state_lock_make(state->at, identity);
    /* Where nothing can be written, a service still answers. */
    if (lock->fd < 0 && (errno == EACCES || errno == EROFS || errno == ENOSPC)) {
        log_errno(LOG_LEVEL_WARNING, "state-not-locked", "folder", lock->path);
        return lock;
    }
    if (lock->fd < 0 || (!shared && !state_lock_take(lock, before == NULL ? STATE_LOCK_WAIT : 0))) {
        const int error = errno;
        if (lock->fd >= 0 && error == EWOULDBLOCK)
            state_lock_complain(lock, state, problems);
        else
            problems_add(problems, state->line, strerror(error), state->at,
                    "a folder in which the user of `run_as` can make the file `lock`");
        problems_note_errno(problems, error);
        state_lock_close(&lock);
    }
    return lock;
}
